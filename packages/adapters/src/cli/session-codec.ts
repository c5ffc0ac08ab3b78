/** Session codecs of the CLI adapters (AD-34 to AD-36): one table of aliases each. */
import { isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { SessionCodec } from "../contract.js";

/** Canonical name and its aliases; the first non-blank one wins (AD-35). */
export type KeyAliases = Readonly<Record<string, readonly string[]>>;

const CWD_ALIASES = ["cwd", "workdir", "folder"];

/** Where a session was begun: kept by every CLI whose sessions belong to a directory or a workspace. */
export const WORKSPACE_KEYS: KeyAliases = {
  cwd: CWD_ALIASES,
  workspaceId: ["workspaceId", "workspace_id"],
  repoUrl: ["repoUrl", "repo_url"],
  repoRef: ["repoRef", "repo_ref"],
};

/** Builds a codec that keeps the session's id, the given keys and `remoteExecution` (AD-36), and drops the rest. */
export function createSessionCodec(options: {
  readonly sessionIdAliases: readonly string[];
  readonly otherKeys: KeyAliases;
  /** What is shown of an id. Default all of it. */
  readonly display?: (sessionId: string) => string;
}): Required<SessionCodec> {
  const read = (raw: unknown): JsonObject | null => {
    if (!isJsonObject(raw)) return null;
    const sessionId = firstOf(raw, options.sessionIdAliases);
    if (sessionId === null) return null;
    const params: JsonObject = { sessionId };
    for (const [key, aliases] of Object.entries(options.otherKeys)) {
      const value = firstOf(raw, aliases);
      if (value !== null) params[key] = value;
    }
    if (isJsonObject(raw["remoteExecution"])) params["remoteExecution"] = raw["remoteExecution"];
    return params;
  };
  return {
    deserialize: read,
    serialize: read,
    getDisplayId(params) {
      const sessionId = params === null ? null : firstOf(params, options.sessionIdAliases);
      return sessionId === null || options.display === undefined ? sessionId : options.display(sessionId);
    },
  };
}

function firstOf(source: JsonObject, aliases: readonly string[]): string | null {
  for (const alias of aliases) {
    const value = nonEmptyString(source[alias]);
    if (value !== null) return value.trim();
  }
  return null;
}
