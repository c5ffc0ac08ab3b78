/** Which events a subscriber asked for (API-261). Pure. */
import type { LiveEvent } from "@wakefleet/contracts";

export interface LiveEventFilter {
  /** Types, or patterns that end in `*` (`heartbeat.run.*`). Absent or empty: all. */
  readonly types?: readonly string[] | undefined;
  readonly agentId?: string | undefined;
  readonly runId?: string | undefined;
  readonly issueId?: string | undefined;
}

const LOG_TYPE = "heartbeat.run.log";
/** Entity types of `activity.logged` by the filter that their `entityId` answers to. */
const ENTITY_TYPES = { agentId: "agent", runId: "heartbeat_run", issueId: "issue" } as const;

const FIELDS = ["agentId", "runId", "issueId"] as const;

/** True when the subscriber is to see `event`. What the stream says of itself (`stream.*`) passes every filter. */
export function passesFilter(filter: LiveEventFilter, event: LiveEvent): boolean {
  if (event.type.startsWith("stream.")) return true;
  if (!passesTypes(filter, event.type)) return false;
  return FIELDS.every((field) => filter[field] === undefined || concerns(event, field, filter[field]));
}

/** False when no log chunk can pass, so that they need not be read. */
export function wantsLogs(filter: LiveEventFilter): boolean {
  return filter.issueId === undefined && passesTypes(filter, LOG_TYPE);
}

function passesTypes(filter: LiveEventFilter, type: string): boolean {
  if (filter.types === undefined || filter.types.length === 0) return true;
  return filter.types.some((wanted) => (wanted.endsWith("*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted));
}

function concerns(event: LiveEvent, field: (typeof FIELDS)[number], wanted: string): boolean {
  const { type, payload } = event;
  if (field in payload && Reflect.get(payload, field) === wanted) return true;
  return type === "activity.logged" && payload.entityType === ENTITY_TYPES[field] && payload.entityId === wanted;
}
