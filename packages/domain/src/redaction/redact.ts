/**
 * Takes secrets out of what is stored in the activity log and answered to callers (AC-2, AC-3).
 *
 * What must stay true: it never throws, it copies and never changes its input, and its cost is linear in the input
 * (every pattern starts at a word boundary only), because callers choose the texts.
 */
import { isJsonObject, type JsonObject, type JsonValue, REDACTED } from "@wakefleet/contracts";
import { isSecretEnvName, isSecretKey } from "./secret-names.js";

const WHOLE_JWT = /^[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}$/;
/** Within a text a token must begin as an encoded `{"` does, or a host name of three long labels would count. */
const JWT_IN_TEXT =
  /(?<![A-Za-z0-9_.-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,})?/g;
const BEARER = /(?<![A-Za-z0-9_])(bearer)(\s{1,8})[A-Za-z0-9._~+/=-]{8,}/gi;
/** After this header's name the token may be of any length (SC-21). */
const AUTHORIZATION =
  /(?<![A-Za-z0-9_])(authorization)(["'\\]{0,2}\s{0,8}:\s{0,8}["'\\]{0,2})(bearer)(\s{1,8})[^\s"'\\,;]+/gi;
const PREFIXED_TOKENS =
  /(?<![A-Za-z0-9_-])(?:sk-[A-Za-z0-9_-]{12,}|gh[opusr]_[A-Za-z0-9]{20,}|(?:wfk|wfa|pcp)_[0-9a-f]{48})/g;
const ASSIGNMENT = /(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*)=("[^"]*"|'[^']*'|[^\s"'&;]+)/g;
const JSON_FIELD = /"([^"\\\n]{1,100})"(\s{0,8}:\s{0,8})"((?:[^"\\]|\\.)*)"/g;
/** The same inside a JSON text that is itself a text of JSON: its quotes are escaped. */
const ESCAPED_JSON_FIELD = /\\"([^"\\\n]{1,100})\\"(\s{0,8}:\s{0,8})\\"((?:[^"\\]|\\[^"])*)\\"/g;

/** Replaces what looks like a secret inside a text (AC-3). */
export function redactText(text: string): string {
  if (WHOLE_JWT.test(text)) return REDACTED;
  return text
    .replace(JSON_FIELD, (whole, name: string, colon: string) =>
      isSecretKey(name) ? `"${name}"${colon}"${REDACTED}"` : whole,
    )
    .replace(ESCAPED_JSON_FIELD, (whole, name: string, colon: string) =>
      isSecretKey(name) ? `\\"${name}\\"${colon}\\"${REDACTED}\\"` : whole,
    )
    .replace(AUTHORIZATION, `$1$2$3$4${REDACTED}`)
    .replace(BEARER, `$1$2${REDACTED}`)
    .replace(JWT_IN_TEXT, REDACTED)
    .replace(PREFIXED_TOKENS, REDACTED)
    .replace(ASSIGNMENT, (whole, name: string) => (isSecretEnvName(name) ? `${name}=${REDACTED}` : whole));
}

function isSecretReference(value: JsonValue): boolean {
  return isJsonObject(value) && value["type"] === "secret_ref" && typeof value["secretId"] === "string";
}

function redactSecretField(value: JsonValue): JsonValue {
  if (value === null || isSecretReference(value)) return value;
  if (isJsonObject(value) && value["type"] === "plain") return { type: "plain", value: REDACTED };
  return REDACTED;
}

/** Redacts keys and texts of a JSON value, nested objects and lists alike (AC-2, AC-3). */
export function redactSecrets(value: JsonValue): JsonValue {
  if (typeof value === "string") return redactText(value);
  if (Array.isArray(value)) return value.map(redactSecrets);
  if (!isJsonObject(value) || isSecretReference(value)) return value;
  // fromEntries defines own properties: a key named __proto__ stays data (API-9).
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      isSecretKey(key) ? redactSecretField(field) : redactSecrets(field),
    ]),
  );
}

/** {@link redactSecrets} for an object. */
export function redactObject(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      isSecretKey(key) ? redactSecretField(field) : redactSecrets(field),
    ]),
  );
}

function redactBinding(name: string, binding: JsonValue): JsonValue {
  if (!isSecretEnvName(name)) return redactSecrets(binding);
  if (isJsonObject(binding) && binding["type"] === "plain") return { type: "plain", value: REDACTED };
  return typeof binding === "string" ? REDACTED : binding;
}

/** An agent's `adapterConfig` as it is answered: plain values of secret-looking environment names are masked. */
export function redactAdapterConfig(config: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      if (key === "env" && isJsonObject(value)) {
        return [
          key,
          Object.fromEntries(Object.entries(value).map(([name, binding]) => [name, redactBinding(name, binding)])),
        ];
      }
      return [key, isSecretKey(key) ? redactSecretField(value) : redactSecrets(value)];
    }),
  );
}
