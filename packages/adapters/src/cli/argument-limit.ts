/** What fits into one command-line argument (AD-205). */

/** Linux takes 128 KiB with the ending zero byte; other systems take more. */
const ARGUMENT_MAX_BYTES = 128 * 1024 - 1;

/** False for a text that a program cannot be started with as one argument. */
export function fitsOneArgument(text: string): boolean {
  // A character takes at most three bytes in UTF-8 for each UTF-16 unit: short texts need no counting.
  return text.length * 3 <= ARGUMENT_MAX_BYTES || Buffer.byteLength(text) <= ARGUMENT_MAX_BYTES;
}

/** How a prompt among the arguments is shown in the log (AD-201). */
export function shownPrompt(prompt: string): string {
  return `<prompt ${prompt.length} chars>`;
}
