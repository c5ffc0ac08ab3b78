/**
 * The end of a stream's text, kept while it flows by (LG-3).
 *
 * What must stay true: memory is one buffer of at most 128 KiB, whatever flows by. Text that is joined and cut again and
 * again would be copied into ever new strings, too long for the young part of the heap, and fill the old one.
 */

/** Bytes an excerpt keeps at most (LV-121). */
export const EXCERPT_BYTES = 32_768;

/** A stream that prints a line costs little. */
const FIRST_SIZE_BYTES = 1_024;
/** What is kept, and the longest text that is added behind it: 32,768 units are three bytes each at most. */
const LARGEST_SIZE_BYTES = EXCERPT_BYTES * 4;

/** Gathers chunks in constant memory and answers their last 32,768 bytes. Chunks hold no half characters. */
export class Excerpt {
  #bytes = Buffer.alloc(0);
  /** Of `#bytes`, so many are text. */
  #length = 0;

  add(chunk: string): void {
    const text = lastUnits(chunk);
    this.#makeRoom(Buffer.byteLength(text));
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** The last 32,768 bytes, never starting inside a character (LV-121). */
  read(): string {
    let start = Math.max(0, this.#length - EXCERPT_BYTES);
    while (start < this.#length && isContinuation(this.#bytes[start])) start += 1;
    return this.#bytes.toString("utf8", start, this.#length);
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const kept = this.#bytes.subarray(Math.max(0, this.#length - EXCERPT_BYTES), this.#length);
    const needed = kept.length + bytes;
    if (needed > this.#bytes.length || this.#bytes.length < LARGEST_SIZE_BYTES) {
      let size = Math.max(FIRST_SIZE_BYTES, this.#bytes.length);
      while (size < needed * 2 && size < LARGEST_SIZE_BYTES) size *= 2;
      const grown = Buffer.allocUnsafe(size);
      grown.set(kept);
      this.#bytes = grown;
    } else this.#bytes.copyWithin(0, this.#length - kept.length, this.#length);
    this.#length = kept.length;
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
