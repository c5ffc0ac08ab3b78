/**
 * Takes credentials out of a finished log line: what stands inside a sentence or a URL has no name to redact it by.
 * Works on JSON text and keeps it valid: only characters that need no escape are written.
 */

const HIDDEN = "[redacted]";

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // Keys of ours (API-28), and of the reference that may have been imported.
  [/\b(wf[ka]_|pcp_)[0-9a-f]{16,}/gi, `$1${HIDDEN}`],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${HIDDEN}`],
  // JSON Web Tokens: run tokens, session cookies.
  [/\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*/g, HIDDEN],
  // scheme://user:password@host
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/[^:@/\s"\\]*):[^@\s"\\]+@/gi, `$1:${HIDDEN}@`],
  // ?token=… on the streams (API-29)
  [/([?&](?:token|access_token|api_key|key|password)=)[^&\s"\\#]+/gi, `$1${HIDDEN}`],
];

/** `line` with every credential in it replaced. */
export function scrub(line: string): string {
  let clean = line;
  for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
  return clean;
}
