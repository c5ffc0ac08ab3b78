/** How a PATCH of an agent changes its `adapterConfig` (API-77). */
import type { JsonObject } from "@wakefleet/contracts";

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
