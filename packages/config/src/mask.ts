/** Shows configuration values to people without showing what must stay secret. */
import type { Secrecy } from "./variable.js";

const HIDDEN = "****";

/** The value in quotes, as much of it as may be shown. */
export function maskValue(text: string, secrecy: Secrecy): string {
  if (secrecy === "secret") return `${HIDDEN} (${text.length} characters)`;
  return JSON.stringify(secrecy === "url" ? maskUrl(text) : text);
}

/**
 * A URL with its password hidden, also one in the query (`?password=`, `?sslpassword=`). Works on text, because a value
 * that has to be shown in an error is often no URL at all: whatever stands before an `@` is taken for credentials.
 */
export function maskUrl(text: string): string {
  return text
    .replace(
      /^([a-z][a-z0-9+.-]*:\/\/)?([^:@/?#\s]*):.*@/i,
      (_, scheme: string | undefined, user: string) => `${scheme ?? ""}${user}:${HIDDEN}@`,
    )
    .replace(/([?&][^=&#]*(?:password|passwd|secret|token|key)[^=&#]*=)[^&#]*/gi, `$1${HIDDEN}`);
}
