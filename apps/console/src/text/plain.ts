/** Output of programs as plain text: terminals' escape sequences are commands to a terminal and say nothing on a page. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds.
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds.
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** Without escape sequences and control characters; a bare carriage return becomes a line break. */
export function plainText(text: string): string {
  return text.replace(ESCAPES, "").replace(/\r\n?/g, "\n").replace(CONTROLS, "");
}
