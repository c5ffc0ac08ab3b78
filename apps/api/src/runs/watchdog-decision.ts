/** Deciding about a silent run (API-128, RC-49). */
import type { WatchdogDecisionBody } from "@wakefleet/contracts";
import type { WatchdogActor } from "@wakefleet/engine";
import type { WatchdogDecisionRow } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { insufficientScope } from "../http/guards.js";
import type { Principal } from "../principal.js";
import { requireRun } from "./read-runs.js";

export async function recordWatchdogDecision(
  deps: ApiDeps,
  command: { caller: Principal; runId: string; body: WatchdogDecisionBody },
): Promise<WatchdogDecisionRow> {
  const { caller, body } = command;
  const run = await requireRun(deps, command);
  return deps.engine.recordWatchdogDecision({
    runId: run.id,
    decision: body.decision,
    snoozedUntil: body.snoozedUntil,
    evaluationIssueId: body.evaluationIssueId ?? null,
    reason: body.reason ?? null,
    actor: actorOf(caller),
  });
}

function actorOf(caller: Principal): WatchdogActor {
  switch (caller.kind) {
    case "board":
      return { kind: "board", userId: caller.userId, runId: null };
    case "agent":
      return { kind: "agent", agentId: caller.agentId, runId: caller.runId };
    case "enqueue":
      throw insufficientScope();
  }
}
