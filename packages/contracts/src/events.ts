/**
 * Live events (02 "Live events"): what streams to people and programs after a transaction committed (API-263).
 * One map from type to payload; publishers and readers are both derived from it.
 */
import type { AgentStatus, EventLevel, InvocationSource, OutputStream, RunStatus, TriggerDetail } from "./enums.js";
import type { JsonValue } from "./json.js";

interface RunLifecyclePayload {
  runId: string;
  agentId: string;
  status: RunStatus;
  invocationSource: InvocationSource;
  triggerDetail: TriggerDetail | null;
  error: string | null;
  errorCode: string | null;
  issueId: string | null;
  startedAt: string | null;
  finishedAt: string | null;
}

export interface LiveEventPayloads {
  /** A run was queued (WK-41). */
  "heartbeat.run.queued": {
    runId: string;
    agentId: string;
    invocationSource: InvocationSource;
    triggerDetail: TriggerDetail | null;
    wakeupRequestId: string | null;
  };
  /** A run changed its status. */
  "heartbeat.run.status": Omit<RunLifecyclePayload, "issueId">;
  /** A run event was written (LG-6). */
  "heartbeat.run.event": {
    runId: string;
    agentId: string;
    seq: number;
    eventType: string;
    stream: "stdout" | "stderr" | "system" | null;
    level: EventLevel | null;
    color: string | null;
    message: string | null;
    payload: JsonValue;
  };
  /** A chunk of output, its last 8,192 characters only (LG-4). */
  "heartbeat.run.log": {
    runId: string;
    agentId: string;
    ts: string;
    stream: OutputStream;
    chunk: string;
    truncated: boolean;
  };
  "agent.status": { agentId: string; status: AgentStatus; lastHeartbeatAt?: string | null; outcome: string };
  "activity.logged": {
    actorType: string;
    actorId: string;
    action: string;
    entityType: string;
    entityId: string;
    agentId: string | null;
    runId: string | null;
    details: JsonValue;
  };
  "agent.run.started": RunLifecyclePayload;
  "agent.run.finished": RunLifecyclePayload;
  "agent.run.failed": RunLifecyclePayload;
  "agent.run.cancelled": RunLifecyclePayload;
  /** A wakeup that became no run of its own: coalesced, deferred or skipped. */
  "wakeup.recorded": {
    wakeupId: string;
    agentId: string;
    status: string;
    reason: string | null;
    runId: string | null;
    issueId: string | null;
  };
  "worker.status": { workerId: string; hostname: string; state: "started" | "draining" | "stopped" | "lost" };
  /** The stream cannot go on from the asked id; the client reads state anew (API-262). */
  "stream.reset": { oldestId: number | null; latestId: number | null };
  /** The server is stopping (API-18). */
  "stream.closing": Record<string, never>;
}

export type LiveEventType = keyof LiveEventPayloads;

/** An event before it has its id. Company `*` reaches every company's operators (worker.status). */
export type LiveEventDraft = {
  [T in LiveEventType]: { companyId: string; type: T; payload: LiveEventPayloads[T] };
}[LiveEventType];

/** A published event. `id` strictly grows within a company (API-262); `createdAt` is ISO 8601 UTC. */
export type LiveEvent = LiveEventDraft & { id: number; createdAt: string };

/** Publishes events after their transaction committed. Never throws for a store that is away: it counts and logs. */
export interface LiveEventPublisher {
  publish(events: readonly LiveEventDraft[]): Promise<void>;
}
