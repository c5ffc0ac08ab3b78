/** What an agent may never change in a configuration, its own included (API-37). */
import type { JsonValue } from "@wakefleet/contracts";

/** WS-74: commands, and runtime services, which are commands too. */
const HOST_COMMAND_KEYS = new Set(["provisionCommand", "teardownCommand", "cleanupCommand", "workspaceRuntime"]);
const INSTRUCTION_KEYS = new Set([
  "instructionsBundleMode",
  "instructionsRootPath",
  "instructionsEntryFile",
  "instructionsFilePath",
  "agentsMdPath",
]);

function findPaths(value: JsonValue, search: { keys: ReadonlySet<string>; path: string }): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => findPaths(item, { ...search, path: `${search.path}[${index}]` }));
  }
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, field]) => {
    const path = search.path === "" ? key : `${search.path}.${key}`;
    return [...(search.keys.has(key) ? [path] : []), ...findPaths(field, { ...search, path })];
  });
}

/** Paths of host-executed commands anywhere inside `value`, each beginning with `root`. */
export function findHostCommandPaths(value: JsonValue, root: string): string[] {
  return findPaths(value, { keys: HOST_COMMAND_KEYS, path: root });
}

/** Paths of instruction settings anywhere inside `value`, each beginning with `root`. */
export function findInstructionPaths(value: JsonValue, root: string): string[] {
  return findPaths(value, { keys: INSTRUCTION_KEYS, path: root });
}
