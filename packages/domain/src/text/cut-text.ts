/** Cutting a text to a number of characters without breaking one of them. Pure. */

/** The first `max` characters (UTF-16 units), less one where the cut would halve a surrogate pair. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  const halvesPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, halvesPair ? max - 1 : max);
}
