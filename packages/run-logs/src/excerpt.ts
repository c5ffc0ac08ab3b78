/** The end of a stream's text, kept while it flows by (LG-3). */

/** Bytes an excerpt keeps at most (LV-121). */
export const EXCERPT_BYTES = 32_768;

/** Gathers chunks in constant memory and answers their last 32,768 bytes. Chunks hold no half characters. */
export class Excerpt {
  #text = "";

  add(chunk: string): void {
    this.#text += chunk;
    // Cutting rarely keeps small chunks cheap.
    if (this.#text.length > EXCERPT_BYTES * 4) this.#text = lastUnits(this.#text);
  }

  /** The last 32,768 bytes, never starting inside a character (LV-121). */
  read(): string {
    const bytes = Buffer.from(lastUnits(this.#text), "utf8");
    let start = Math.max(0, bytes.length - EXCERPT_BYTES);
    while (start < bytes.length && isContinuation(bytes[start])) start += 1;
    return bytes.toString("utf8", start);
  }
}

/** The last 32,768 UTF-16 units, which hold the last 32,768 bytes; without a character's second half in front. */
function lastUnits(text: string): string {
  if (text.length <= EXCERPT_BYTES) return text;
  const last = text.slice(-EXCERPT_BYTES);
  const unit = last.charCodeAt(0);
  return unit >= 0xdc00 && unit <= 0xdfff ? last.slice(1) : last;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
