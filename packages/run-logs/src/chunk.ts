/**
 * What happens to a chunk of output before it is stored (LG-2, DM-8) and before it goes out live (LG-4): pure text rules.
 *
 * What must stay true: no result holds U+0000 or half a surrogate pair, none is longer than a fixed bound, and the cost
 * is linear in the input, because children choose the texts.
 */

/** Longer chunks lose their middle, characters (LG-2). */
export const MAX_CHUNK_CHARS = 65_536;
/** Characters of a chunk that go out in a live event (LG-4). */
export const MAX_LIVE_CHUNK_CHARS = 8_192;

const HEAD_CHARS = Math.floor(MAX_CHUNK_CHARS * 0.6);
const TAIL_CHARS = Math.floor(MAX_CHUNK_CHARS * 0.25);

/** The closing quote is not asked for: a pipe may have cut the image anywhere. */
const BASE64_IMAGE = /("type":"image","source":\{"type":"base64","data":")([A-Za-z0-9+/=]{1024,})/g;

/** NUL and surrogates without their other half become U+FFFD (DM-8). */
export function storableText(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes("\u0000") ? whole.replaceAll("\u0000", "\uFFFD") : whole;
}

/** Inline base64 images of 1,024 characters or more become a note of their length (LG-2). */
export function omitBase64Images(text: string): string {
  if (!text.includes('"type":"base64"')) return text;
  return text.replace(BASE64_IMAGE, (_all, head: string, data: string) => {
    return `${head}[omitted base64 image data: ${data.length} chars]`;
  });
}

/** A chunk over 65,536 characters keeps its first 60 % and last 25 % of 65,536 around a line that says so (LG-2). */
export function boundChunk(text: string): string {
  if (text.length <= MAX_CHUNK_CHARS) return text;
  const head = text.slice(0, wholeCharacterEnd(text, HEAD_CHARS));
  const tail = text.slice(wholeCharacterStart(text, text.length - TAIL_CHARS));
  const omitted = text.length - head.length - tail.length;
  return `${head}\n[wakefleet truncated run log chunk: omitted ${omitted} chars]\n${tail}`;
}

/** A chunk as it is stored: well formed, redacted, without inline images, bounded (LG-2, DM-8). */
export function storableChunk(text: string, redact?: (text: string) => string): string {
  const whole = storableText(text);
  return boundChunk(omitBase64Images(redact === undefined ? whole : storableText(redact(whole))));
}

/** The part of a stored chunk that a live event carries: its last 8,192 characters (LG-4). */
export function liveChunk(chunk: string): { chunk: string; truncated: boolean } {
  if (chunk.length <= MAX_LIVE_CHUNK_CHARS) return { chunk, truncated: false };
  return { chunk: chunk.slice(wholeCharacterStart(chunk, chunk.length - MAX_LIVE_CHUNK_CHARS)), truncated: true };
}

/** True when `text` ends with the first half of a character whose second half may come with the next chunk. */
export function endsInsidePair(text: string): boolean {
  return text.length > 0 && isHighSurrogate(text.charCodeAt(text.length - 1));
}

function wholeCharacterEnd(text: string, end: number): number {
  return isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end;
}

function wholeCharacterStart(text: string, start: number): number {
  return isLowSurrogate(text.charCodeAt(start)) ? start + 1 : start;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
