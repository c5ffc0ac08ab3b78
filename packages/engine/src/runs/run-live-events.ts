/** The live events of a run's life (02 "Live events"), built from its row in one place. */
import type { AgentStatus, LiveEventDraft, LiveEventPayloads, OutputStream } from "@wakefleet/contracts";
import type { ActivityEntry, RunEventRow, RunRow } from "@wakefleet/store";

type RunFacts = Pick<
  RunRow,
  | "id"
  | "companyId"
  | "agentId"
  | "status"
  | "invocationSource"
  | "triggerDetail"
  | "error"
  | "errorCode"
  | "issueId"
  | "startedAt"
  | "finishedAt"
>;

function lifecycle(run: RunFacts): LiveEventPayloads["agent.run.started"] {
  return {
    runId: run.id,
    agentId: run.agentId,
    status: run.status,
    invocationSource: run.invocationSource,
    triggerDetail: run.triggerDetail,
    error: run.error,
    errorCode: run.errorCode,
    issueId: run.issueId,
    startedAt: run.startedAt?.toISOString() ?? null,
    finishedAt: run.finishedAt?.toISOString() ?? null,
  };
}

function statusEvent(run: RunFacts): LiveEventDraft {
  const { issueId: _issue, ...payload } = lifecycle(run);
  return { companyId: run.companyId, type: "heartbeat.run.status", payload };
}

/** CL-13. */
export function runStartedEvents(run: RunFacts): LiveEventDraft[] {
  return [statusEvent(run), { companyId: run.companyId, type: "agent.run.started", payload: lifecycle(run) }];
}

/** FI-1: `agent.run.finished`, `.failed` (failed, timed out) or `.cancelled`. */
export function runEndedEvents(run: RunFacts): LiveEventDraft[] {
  const type =
    run.status === "cancelled"
      ? "agent.run.cancelled"
      : run.status === "succeeded"
        ? "agent.run.finished"
        : "agent.run.failed";
  return [statusEvent(run), { companyId: run.companyId, type, payload: lifecycle(run) }];
}

/** LG-6: each run event is also a live event. */
export function runEventEvent(event: RunEventRow): LiveEventDraft {
  return {
    companyId: event.companyId,
    type: "heartbeat.run.event",
    payload: {
      runId: event.runId,
      agentId: event.agentId,
      seq: event.seq,
      eventType: event.eventType,
      stream: event.stream as LiveEventPayloads["heartbeat.run.event"]["stream"],
      level: event.level as LiveEventPayloads["heartbeat.run.event"]["level"],
      color: event.color,
      message: event.message,
      payload: event.payload,
    },
  };
}

/** EX-8, FI-12. `outcome` is `running`, or how the run ended. */
export function agentStatusEvent(agent: {
  companyId: string;
  agentId: string;
  status: AgentStatus;
  lastHeartbeatAt?: Date | null;
  outcome: string;
}): LiveEventDraft {
  const { companyId, agentId, status, outcome } = agent;
  const heartbeat =
    agent.lastHeartbeatAt === undefined ? {} : { lastHeartbeatAt: agent.lastHeartbeatAt?.toISOString() ?? null };
  return { companyId, type: "agent.status", payload: { agentId, status, outcome, ...heartbeat } };
}

/** LG-4. */
export function runLogEvent(chunk: {
  companyId: string;
  runId: string;
  agentId: string;
  at: Date;
  stream: OutputStream;
  chunk: string;
  truncated: boolean;
}): LiveEventDraft {
  const { companyId, runId, agentId, stream, truncated } = chunk;
  return {
    companyId,
    type: "heartbeat.run.log",
    payload: { runId, agentId, ts: chunk.at.toISOString(), stream, chunk: chunk.chunk, truncated },
  };
}

/** AC-1: an activity row of a run. */
export function activityEvent({ companyId, ...payload }: ActivityEntry): LiveEventDraft {
  return { companyId, type: "activity.logged", payload };
}
