/**
 * What a revision keeps of an agent's configuration (AL-17): the fields people set, their secrets masked, and which of them
 * a change touched. Whether a secret changed is seen before it is masked.
 */
import { type JsonObject, type JsonValue, REDACTED } from "@wakefleet/contracts";
import { redactAdapterConfig, redactObject } from "../redaction/index.js";

/** The fields compared, in the order they are shown. */
export const REVISION_FIELDS = [
  "name",
  "role",
  "title",
  "reportsTo",
  "capabilities",
  "adapterType",
  "adapterConfig",
  "runtimeConfig",
  "defaultEnvironmentId",
  "budgetMonthlyCents",
  "metadata",
] as const;
export type RevisionField = (typeof REVISION_FIELDS)[number];

/** An agent as a revision sees it. */
export interface RevisedAgent {
  readonly name: string;
  readonly role: string;
  readonly title: string | null;
  readonly reportsTo: string | null;
  readonly capabilities: string | null;
  readonly adapterType: string;
  readonly adapterConfig: JsonObject;
  readonly runtimeConfig: JsonObject;
  readonly defaultEnvironmentId: string | null;
  readonly budgetMonthlyCents: number;
  readonly metadata: JsonObject | null;
}

export interface AgentRevision {
  readonly changedKeys: readonly RevisionField[];
  readonly beforeConfig: JsonObject;
  readonly afterConfig: JsonObject;
}

/** The revision a change leaves; null when it touched none of the fields. */
export function reviseAgent(before: RevisedAgent, after: RevisedAgent): AgentRevision | null {
  const changedKeys = REVISION_FIELDS.filter((field) => !isSameJson(before[field], after[field]));
  if (changedKeys.length === 0) return null;
  return { changedKeys, beforeConfig: snapshotOf(before), afterConfig: snapshotOf(after) };
}

/** Whether a kept configuration has lost a value to masking, so that nobody can go back to it (API-86). */
export function holdsRedactedValue(value: JsonValue): boolean {
  if (value === REDACTED) return true;
  if (typeof value === "string") return value.includes(REDACTED);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(holdsRedactedValue);
}

function snapshotOf(agent: RevisedAgent): JsonObject {
  const { adapterConfig, runtimeConfig, metadata } = agent;
  const plain = Object.fromEntries(REVISION_FIELDS.map((field) => [field, agent[field]]));
  return {
    ...plain,
    adapterConfig: redactAdapterConfig(adapterConfig),
    runtimeConfig: redactObject(runtimeConfig),
    metadata: metadata === null ? null : redactObject(metadata),
  };
}

/** Whether two JSON values say the same; the order of keys is no difference. */
function isSameJson(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const a = new Map(Object.entries(left));
  const b = new Map(Object.entries(right));
  return a.size === b.size && [...a].every(([key, value]) => b.has(key) && isSameJson(value, b.get(key)));
}
