/** The `Retry-After` header (RFC 9110, 10.2.3), as AD-88 reads it. */

/** No server means longer than this; a greater number is a mistake, milliseconds. */
const LONGEST_WAIT_MS = 366 * 24 * 60 * 60 * 1000;

/** The instant the header names, as seconds from `now` or as an HTTP date; null when absent, unreadable or absurd. */
export function readRetryAfter(header: string | null, now: Date): Date | null {
  const text = header?.trim() ?? "";
  if (text === "") return null;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now.getTime();
  if (!Number.isFinite(waitMs) || waitMs > LONGEST_WAIT_MS) return null;
  return new Date(now.getTime() + Math.max(0, waitMs));
}
