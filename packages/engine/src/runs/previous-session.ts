/** The session a run may resume, from what the claim read (SE-5, SE-20, SE-30, SE-33 to SE-35). Pure. */
import type { Adapter } from "@wakefleet/adapters";
import type { JsonObject } from "@wakefleet/contracts";
import { DEFAULT_SESSION_CODEC, sessionTaskKeyOf } from "@wakefleet/domain";
import type { ClaimFactsRow, LockedAgent, RunRow } from "@wakefleet/store";

export interface PreviousSession {
  /** SE-5; null: no task session is read or written (SE-7). */
  readonly taskKey: string | null;
  /** Through the adapter's codec; null starts fresh. */
  readonly params: JsonObject | null;
  /** What `session_id_before` shows (SE-37). */
  readonly displayId: string | null;
}

/** A reset (SE-20) reads nothing; the agent's own session stands in only where there is no task key. */
export function previousSession(
  adapter: Adapter,
  from: { run: RunRow; agent: LockedAgent; facts: Pick<ClaimFactsRow, "taskSession" | "agentSession"> },
): PreviousSession {
  const context = from.run.contextSnapshot ?? {};
  const taskKey = sessionTaskKeyOf(context);
  if (context["forceFreshSession"] === true) return { taskKey, params: null, displayId: null };
  const { taskSession, agentSession } = from.facts;
  const codec = adapter.sessionCodec ?? DEFAULT_SESSION_CODEC;
  const isAgentsOwn = taskKey === null && agentSession?.adapterType === from.agent.adapterType;
  return {
    taskKey,
    params: taskSession === null ? null : codec.deserialize(taskSession.params),
    displayId: taskSession?.displayId ?? (isAgentsOwn ? agentSession.sessionId : null),
  };
}
