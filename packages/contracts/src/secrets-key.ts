/** The key that secrets are encrypted with, as people write it down (SC-14). */

const BYTES = 32;

/**
 * The 32 bytes of a key: 64 hexadecimal digits, or base64 of 32 bytes, or 32 characters of one byte each, tried in this
 * order. Null for anything else.
 */
export function parseSecretsKey(text: string): Uint8Array | null {
  if (/^[0-9a-f]{64}$/i.test(text)) {
    return Uint8Array.from({ length: BYTES }, (_, index) => Number.parseInt(text.slice(2 * index, 2 * index + 2), 16));
  }
  if (/^[A-Za-z0-9+/]{43}=?$/.test(text)) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    if (bytes.length === BYTES) return bytes;
  }
  const raw = new TextEncoder().encode(text);
  return raw.length === BYTES ? raw : null;
}
