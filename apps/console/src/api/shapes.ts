/** What the API answers, as far as the console reads it; derived from the schemas of its contracts. Types only. */
import type {
  agentSchema,
  companySchema,
  fleetSchema,
  InteractionContent,
  interactionSchema,
  issueDetailSchema,
  issueRunSchema,
  JsonObject,
  LiveEvent,
  runDetailSchema,
  runEventSchema,
  runSchema,
  wakeupSchema,
} from "@wakefleet/contracts";

/** What a schema's parsed value is. */
type Of<Schema extends { readonly _output: unknown }> = Schema["_output"];

export type Company = Of<typeof companySchema>;
export type Agent = Of<typeof agentSchema>;
export type Fleet = Of<typeof fleetSchema>;
export type FleetWorker = Fleet["workers"][number];
export type FleetQueue = Fleet["queues"][number];
export type RunEvent = Of<typeof runEventSchema>;
export type IssueRun = Of<typeof issueRunSchema>;
export type Wakeup = Of<typeof wakeupSchema>;
export type { LiveEvent };

/** Columns of a run that its schema leaves open (API-107). */
interface RunColumns {
  readonly sessionIdBefore: string | null;
  readonly sessionIdAfter: string | null;
  readonly processPid: number | null;
  readonly scheduledRetryAt: string | null;
  readonly scheduledRetryAttempt: number;
  readonly scheduledRetryReason: string | null;
  readonly processLossRetryCount: number;
  readonly livenessState: string | null;
  readonly livenessReason: string | null;
  readonly cancelReason: string | null;
  readonly traceId: string | null;
}
export type Run = Of<typeof runSchema> & RunColumns;
export type RunDetail = Of<typeof runDetailSchema> & RunColumns;

interface IssueColumns {
  readonly executionLockedAt: string | null;
  readonly executionAgentNameKey: string | null;
}
export type Issue = Of<typeof issueDetailSchema> & IssueColumns;

type InteractionFields = Omit<Of<typeof interactionSchema>, "kind" | "payload">;
/** An interaction of one kind, with the payload of that kind (API-181). */
export type InteractionOf<Kind extends InteractionContent["kind"]> = InteractionFields &
  Extract<InteractionContent, { kind: Kind }>;
export type Interaction = InteractionFields & InteractionContent;

/** What `POST …/wakeup` answers: a run, or why there is none (API-108). */
export interface WakeAnswer {
  readonly id?: string;
  readonly status: string;
  readonly message?: string;
  readonly skipReason?: string;
  readonly wakeup: { readonly id: string; readonly status: string; readonly reason: string | null };
}

/** A text under a key of a JSON object; null when there is none. */
export function textAt(object: JsonObject | null, key: string): string | null {
  const value = object?.[key];
  return typeof value === "string" && value !== "" ? value : null;
}

/** A number under a key of a JSON object; null when there is none. */
export function numberAt(object: JsonObject | null, key: string): number | null {
  const value = object?.[key];
  return typeof value === "number" ? value : null;
}

export const ACTIVE_STATUSES: ReadonlySet<string> = new Set(["queued", "scheduled_retry", "running"]);
