/**
 * The last bytes of one output stream (AD-45).
 *
 * What must stay true: memory never exceeds the limit, however much or in however small pieces a child prints. So bytes
 * are copied into one ring; a list of chunks would keep a buffer (and what it was cut from) alive for each piece.
 */

/** AD-45. */
export const CAPTURE_LIMIT_BYTES = 4 * 1024 * 1024;

const FIRST_SIZE_BYTES = 16 * 1024;

export class OutputTail {
  readonly #limit: number;
  #ring: Buffer;
  /** Where the next byte goes. */
  #end = 0;
  /** Bytes in the ring. */
  #length = 0;
  #totalBytes = 0;

  /** Keeps the last `limitBytes` bytes. */
  constructor(limitBytes: number = CAPTURE_LIMIT_BYTES) {
    this.#limit = limitBytes;
    this.#ring = Buffer.allocUnsafe(Math.min(FIRST_SIZE_BYTES, limitBytes));
  }

  /** Bytes ever appended. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  append(chunk: Uint8Array): void {
    this.#totalBytes += chunk.byteLength;
    const kept = chunk.byteLength > this.#limit ? chunk.subarray(chunk.byteLength - this.#limit) : chunk;
    this.#makeRoom(this.#length + kept.byteLength);
    const untilWrap = Math.min(kept.byteLength, this.#ring.byteLength - this.#end);
    this.#ring.set(kept.subarray(0, untilWrap), this.#end);
    this.#ring.set(kept.subarray(untilWrap), 0);
    this.#end = (this.#end + kept.byteLength) % this.#ring.byteLength;
    this.#length = Math.min(this.#length + kept.byteLength, this.#ring.byteLength);
  }

  /** The last `maxBytes` bytes as text; a character that was cut at the front is left out. */
  text(maxBytes: number = this.#limit): string {
    const bytes = this.#bytes();
    const start = Math.max(0, bytes.byteLength - maxBytes);
    const cut = start > 0 || this.#totalBytes > this.#length;
    return bytes.subarray(cut ? start + leadingContinuationBytes(bytes, start) : start).toString("utf8");
  }

  #bytes(): Buffer {
    const start = (this.#end - this.#length + this.#ring.byteLength) % this.#ring.byteLength;
    if (start + this.#length <= this.#ring.byteLength) return this.#ring.subarray(start, start + this.#length);
    return Buffer.concat([this.#ring.subarray(start), this.#ring.subarray(0, this.#end)]);
  }

  /** Grows by doubling, so that a child that prints a line costs little. */
  #makeRoom(needed: number): void {
    if (needed <= this.#ring.byteLength || this.#ring.byteLength >= this.#limit) return;
    let size = this.#ring.byteLength;
    while (size < needed && size < this.#limit) size *= 2;
    const grown = Buffer.allocUnsafe(Math.min(size, this.#limit));
    grown.set(this.#bytes(), 0);
    this.#ring = grown;
    this.#end = this.#length % grown.byteLength;
  }
}

/** How many bytes at `start` belong to a character that began before it (at most three in UTF-8). */
function leadingContinuationBytes(bytes: Buffer, start: number): number {
  let count = 0;
  while (count < 3 && ((bytes[start + count] ?? 0) & 0xc0) === 0x80) count += 1;
  return count;
}
