/** How a PATCH of an agent changes its `adapterConfig` (API-77), and the stored form of its `env` (DM-60). */
import { isJsonObject, type JsonObject, type JsonValue, REDACTED } from "@wakefleet/contracts";

/** What survives a change of the adapter type when it is not sent. */
const KEPT_ACROSS_TYPES = [
  "env",
  "cwd",
  "timeoutSec",
  "graceSec",
  "promptTemplate",
  "bootstrapPromptTemplate",
  "instructionsBundleMode",
  "instructionsRootPath",
  "instructionsEntryFile",
  "instructionsFilePath",
  "agentsMdPath",
];

/**
 * The new configuration. `replace` takes `sent` as it is; a changed adapter type keeps only what every adapter knows;
 * otherwise `sent` is laid over `stored` key by key. Spread and fromEntries define own keys: `__proto__` stays data.
 */
export function mergeAdapterConfig(change: {
  readonly stored: JsonObject;
  readonly sent: JsonObject;
  readonly replace: boolean;
  readonly typeChanged: boolean;
}): JsonObject {
  if (change.replace) return change.sent;
  if (!change.typeChanged) return { ...change.stored, ...change.sent };
  const kept = Object.entries(change.stored).filter(([key]) => KEPT_ACROSS_TYPES.includes(key));
  return { ...Object.fromEntries(kept), ...change.sent };
}

function canonicalBinding(binding: JsonValue): JsonValue {
  if (typeof binding === "string") return { type: "plain", value: binding };
  if (isJsonObject(binding) && binding["type"] === "secret_ref") {
    return { type: "secret_ref", secretId: binding["secretId"] ?? null, version: binding["version"] ?? "latest" };
  }
  return binding;
}

/** The configuration with its `env` bindings in their object forms (DM-60). The map must have been checked before. */
export function canonicalAdapterConfig(config: JsonObject): JsonObject {
  const env = config["env"];
  if (!isJsonObject(env)) return config;
  return {
    ...config,
    env: Object.fromEntries(Object.entries(env).map(([name, binding]) => [name, canonicalBinding(binding)])),
  };
}

/** The first env name whose value is the redacted placeholder, which is never stored (DM-60); null if none is. */
export function findRedactedEnvName(config: JsonObject): string | null {
  const env = config["env"];
  if (!isJsonObject(env)) return null;
  for (const [name, binding] of Object.entries(env)) {
    if (binding === REDACTED || (isJsonObject(binding) && binding["value"] === REDACTED)) return name;
  }
  return null;
}
