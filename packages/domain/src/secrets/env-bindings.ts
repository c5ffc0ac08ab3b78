/**
 * What an agent's or a project's `env` may hold (SC-1 to SC-4, DM-60): plain values, and references to secrets.
 *
 * What must stay true: what is stored is the object form; what was masked on the way out never comes back as a value.
 */
import { isGuid, isJsonObject, type JsonObject, type JsonValue, REDACTED, WakefleetError } from "@wakefleet/contracts";
import { isSecretKey } from "../redaction/secret-names.js";

export type SecretVersionRef = "latest" | number;

/** A name's reference to a secret, as it stands in an `env`. */
export interface SecretReference {
  /** Name of the environment variable. */
  readonly name: string;
  /** Lower case. */
  readonly secretId: string;
  readonly version: SecretVersionRef;
}

type Binding =
  | { readonly type: "plain"; readonly value: string }
  | { readonly type: "secret_ref"; readonly secretId: string; readonly version: SecretVersionRef };

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** One value of an `env`; null when it is none of the three forms. */
export function readEnvBinding(value: JsonValue | undefined): Binding | null {
  if (typeof value === "string") return { type: "plain", value };
  if (!isJsonObject(value)) return null;
  if (value["type"] === "plain") {
    return typeof value["value"] === "string" ? { type: "plain", value: value["value"] } : null;
  }
  const { secretId, version = "latest" } = value;
  if (value["type"] !== "secret_ref" || !isGuid(secretId)) return null;
  const isVersion = version === "latest" || (typeof version === "number" && Number.isInteger(version) && version > 0);
  return isVersion
    ? { type: "secret_ref", secretId: secretId.toLowerCase(), version: version as SecretVersionRef }
    : null;
}

/**
 * An `env` in its stored form. `field` names it in errors; `strict` refuses plain values under names that look secret.
 * @throws WakefleetError 422 with the texts of API-231.
 */
export function normalizedEnv(env: JsonValue, how: { readonly field: string; readonly strict: boolean }): JsonObject {
  if (!isJsonObject(env)) throw refused(`${how.field} must be an object`);
  const bindings = Object.entries(env).map(([name, value]): [string, JsonObject] => {
    if (!ENV_NAME.test(name)) throw refused(`Invalid environment variable name: ${name}`);
    const binding = readEnvBinding(value);
    if (binding === null) throw refused(`Invalid environment binding for key: ${name}`);
    if (binding.type === "plain") {
      if (binding.value === REDACTED) throw refused(`Refusing to persist redacted placeholder for key: ${name}`);
      if (how.strict && binding.value.trim() !== "" && isSecretKey(name)) {
        throw refused(`Strict secret mode requires secret references for sensitive key: ${name}`);
      }
    }
    return [name, { ...binding }];
  });
  return Object.fromEntries(bindings);
}

/** The references in an `env`; what is no reference is passed over. */
export function secretReferences(env: JsonValue | undefined): SecretReference[] {
  if (!isJsonObject(env)) return [];
  return Object.entries(env).flatMap(([name, value]) => {
    const binding = readEnvBinding(value);
    return binding?.type === "secret_ref" ? [{ name, secretId: binding.secretId, version: binding.version }] : [];
  });
}

/** The references that are in `wanted` and under no name in `known` (SC-11): what an agent would gain by them. */
export function gainedReferences(
  wanted: JsonValue | undefined,
  known: readonly (JsonValue | undefined)[],
): SecretReference[] {
  const keyOf = (ref: SecretReference): string => `${ref.secretId} ${ref.version}`;
  const had = new Set(known.flatMap(secretReferences).map(keyOf));
  return secretReferences(wanted).filter((ref) => !had.has(keyOf(ref)));
}

function refused(message: string): WakefleetError {
  return new WakefleetError("unprocessable", message);
}
