/** When a session is left for a fresh one: the adapter's default and the agent's overrides (SE-40 to SE-42). Pure. */
import { asJsonObject, type JsonObject, type JsonValue } from "@wakefleet/contracts";

/** A threshold of 0 is off. */
export interface CompactionPolicy {
  readonly enabled: boolean;
  readonly maxSessionRuns: number;
  readonly maxRawInputTokens: number;
  readonly maxSessionAgeHours: number;
}

export type CompactionSource = "agent_override" | "adapter_default" | "legacy_fallback";

/** For adapters that say nothing of their sessions: off, with what an override `enabled: true` brings to life (SE-42). */
const UNKNOWN_ADAPTER: CompactionPolicy = {
  enabled: false,
  maxSessionRuns: 200,
  maxRawInputTokens: 2_000_000,
  maxSessionAgeHours: 72,
};

const TRUE_WORDS = new Set(["true", "1", "yes", "on"]);
const FALSE_WORDS = new Set(["false", "0", "no", "off"]);

/** SE-41; undefined: not readable, and therefore no override. */
function readFlag(value: JsonValue | undefined): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (value === 1) return true;
  if (value === 0) return false;
  const word = typeof value === "string" ? value.trim().toLowerCase() : "";
  return TRUE_WORDS.has(word) ? true : FALSE_WORDS.has(word) ? false : undefined;
}

/** SE-41: floored, not below 0; blank text is 0. */
function readThreshold(value: JsonValue | undefined): number | undefined {
  const number = typeof value === "string" ? Number(value.trim()) : value;
  return typeof number === "number" && Number.isFinite(number) ? Math.max(0, Math.floor(number)) : undefined;
}

/** SE-40: the first place that is not null or absent, even when no override can be read there. */
function overridesOf(runtimeConfig: JsonObject): JsonObject {
  const heartbeat = asJsonObject(runtimeConfig["heartbeat"]);
  return asJsonObject(
    heartbeat["sessionCompaction"] ?? heartbeat["sessionRotation"] ?? runtimeConfig["sessionCompaction"],
  );
}

/** SE-40, SE-42. `adapterDefault` is null for an adapter that says nothing of its sessions. */
export function compactionPolicy(from: {
  readonly runtimeConfig: JsonObject;
  readonly adapterDefault: CompactionPolicy | null;
}): { readonly policy: CompactionPolicy; readonly source: CompactionSource } {
  const given = overridesOf(from.runtimeConfig);
  const overrides = {
    enabled: readFlag(given["enabled"]),
    maxSessionRuns: readThreshold(given["maxSessionRuns"]),
    maxRawInputTokens: readThreshold(given["maxRawInputTokens"]),
    maxSessionAgeHours: readThreshold(given["maxSessionAgeHours"]),
  };
  const base = from.adapterDefault ?? UNKNOWN_ADAPTER;
  const policy = {
    enabled: overrides.enabled ?? base.enabled,
    maxSessionRuns: overrides.maxSessionRuns ?? base.maxSessionRuns,
    maxRawInputTokens: overrides.maxRawInputTokens ?? base.maxRawInputTokens,
    maxSessionAgeHours: overrides.maxSessionAgeHours ?? base.maxSessionAgeHours,
  };
  if (Object.values(overrides).some((value) => value !== undefined)) return { policy, source: "agent_override" };
  return { policy, source: from.adapterDefault === null ? "legacy_fallback" : "adapter_default" };
}

/** SE-43: nothing could rotate a session. */
export function neverRotates(policy: CompactionPolicy): boolean {
  const { enabled, maxSessionRuns, maxRawInputTokens, maxSessionAgeHours } = policy;
  return !enabled || (maxSessionRuns === 0 && maxRawInputTokens === 0 && maxSessionAgeHours === 0);
}

/** SE-44: how many of a session's runs, newest first, are looked at. */
export function runsLookedAt({ maxSessionRuns }: CompactionPolicy): number {
  return Math.max(maxSessionRuns > 0 ? maxSessionRuns + 1 : 0, 4);
}
