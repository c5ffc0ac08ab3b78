/** RC-26: what quotes a run's words in an issue shows no secret. Wider than the activity log's rule (AC-3). */
import { REDACTED } from "@wakefleet/contracts";
import { redactText } from "../redaction/redact.js";
import { isSecretKey } from "../redaction/secret-names.js";

/** A field of JSON inside a JSON string: `\"apiKey\":\"…\"`. */
const ESCAPED_JSON_FIELD = /\\"([^"\\\n]{1,100})\\"(\s{0,8}:\s{0,8})\\"((?:[^"\\\n]|\\[^"\n])*)\\"/g;
/** Three or four base64url parts between dots. */
const DOTTED_TOKEN = /(?<![A-Za-z0-9_.-])[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,}){2,3}(?![A-Za-z0-9_.-])/g;
const AUTHORIZATION = /(Authorization:\s{0,8}Bearer\s{1,8})\S+/gi;

/** Replaces what RC-26 names by `***REDACTED***`. */
export function redactEvidence(text: string): string {
  return redactText(text)
    .replace(ESCAPED_JSON_FIELD, (whole, name: string, colon: string) =>
      isSecretKey(name) ? `\\"${name}\\"${colon}\\"${REDACTED}\\"` : whole,
    )
    .replace(AUTHORIZATION, `$1${REDACTED}`)
    .replace(DOTTED_TOKEN, REDACTED);
}
