/** A person's or agent's word on a silent run (06 section 6.3, RC-48, RC-49, API-128). */
import { isGuid, WakefleetError } from "@wakefleet/contracts";
import {
  DEFAULT_SILENCE_THRESHOLDS,
  isWatchdogDecision,
  quietUntil,
  RECOVERY_ORIGINS,
  type SilenceThresholds,
  type WatchdogDecision,
} from "@wakefleet/domain";
import {
  findIssue,
  findRun,
  type IssueRow,
  insertWatchdogDecision,
  type RunRow,
  readDatabaseNow,
  type Sql,
  type WatchdogDecisionRow,
} from "@wakefleet/store";
import { noteRecovery } from "./note-activity.js";
import { inRecovery, type RecoverySweepDeps } from "./recovery-deps.js";

const REASON_MAX_CHARS = 4_000;

export interface WatchdogCommand {
  readonly runId: string;
  /** Whatever was sent; RC-49b judges it. */
  readonly decision: unknown;
  readonly snoozedUntil: unknown;
  readonly evaluationIssueId: string | null;
  readonly reason: string | null;
  readonly actor: WatchdogActor;
}

export type WatchdogActor =
  | { readonly kind: "board"; readonly userId: string; readonly runId: string | null }
  | { readonly kind: "agent"; readonly agentId: string; readonly runId: string | null };

/** Stores the decision. Throws a `WakefleetError` for each refusal of RC-49, in its order. */
export async function recordWatchdogDecision(
  deps: Pick<RecoverySweepDeps, "db" | "dispatcher" | "events"> & { readonly silence?: SilenceThresholds },
  command: WatchdogCommand,
): Promise<WatchdogDecisionRow> {
  return inRecovery(deps, async (tx, after) => {
    const run = isGuid(command.runId) ? await findRun(tx, command.runId) : null;
    if (run === null) throw new WakefleetError("not_found", "Heartbeat run not found");
    const { decision } = command;
    if (!isWatchdogDecision(decision)) throw new WakefleetError("bad_request", "Unsupported watchdog decision");
    const now = await readDatabaseNow(tx);
    const snoozedUntil = decision === "snooze" ? futureInstant(command.snoozedUntil, now) : null;
    const evaluation = await findEvaluation(tx, run, command.evaluationIssueId);
    assertMayDecide(command.actor, run, evaluation);
    await assertOwnRun(tx, command.actor, run);

    const { actor } = command;
    const { continueMs } = deps.silence ?? DEFAULT_SILENCE_THRESHOLDS;
    const until = quietUntil({ decision, snoozedUntil, now, continueMs });
    const reason = command.reason?.slice(0, REASON_MAX_CHARS).toWellFormed() ?? null;
    const row = await insertWatchdogDecision(tx, {
      companyId: run.companyId,
      runId: run.id,
      evaluationIssueId: evaluation?.id ?? null,
      decision,
      snoozedUntil: until,
      reason,
      createdByAgentId: actor.kind === "agent" ? actor.agentId : null,
      createdByUserId: actor.kind === "board" ? actor.userId : null,
      createdByRunId: actor.runId,
    });
    await noteRecovery(
      tx,
      {
        companyId: run.companyId,
        action: decision === "snooze" ? "heartbeat.watchdog_snoozed" : "heartbeat.watchdog_decision_recorded",
        entityType: "heartbeat_run",
        entityId: run.id,
        agentId: actor.kind === "agent" ? actor.agentId : null,
        runId: run.id,
        actor: actor.kind === "agent" ? { type: "agent", id: actor.agentId } : { type: "user", id: actor.userId },
        details: {
          source: "recovery.record_watchdog_decision",
          decision: decision satisfies WatchdogDecision,
          evaluationIssueId: evaluation?.id ?? null,
          snoozedUntil: until?.toISOString() ?? null,
          reason,
        },
      },
      after,
    );
    return row;
  });
}

/** RC-49c. */
function futureInstant(value: unknown, now: Date): Date {
  const at = typeof value === "string" ? new Date(value) : null;
  if (at === null || Number.isNaN(at.getTime()) || at.getTime() <= now.getTime()) {
    throw new WakefleetError("bad_request", "snoozedUntil must be a future ISO datetime");
  }
  return at;
}

/** RC-49d. */
async function findEvaluation(tx: Sql, run: RunRow, id: string | null): Promise<IssueRow | null> {
  if (id === null) return null;
  const issue = isGuid(id) ? await findIssue(tx, { id }) : null;
  if (issue === null || issue.companyId !== run.companyId) {
    throw new WakefleetError("not_found", "Evaluation issue not found");
  }
  return issue;
}

function isEvaluationOf(run: RunRow, issue: IssueRow): boolean {
  return issue.originKind === RECOVERY_ORIGINS.silentRun && issue.originId === run.id;
}

/** RC-49e, RC-49f. */
function assertMayDecide(actor: WatchdogActor, run: RunRow, evaluation: IssueRow | null): void {
  if (actor.kind === "board") {
    if (evaluation === null || isEvaluationOf(run, evaluation)) return;
    throw new WakefleetError("forbidden", "Watchdog decision evaluation issue is not bound to the target run");
  }
  const isOwners =
    evaluation !== null &&
    isEvaluationOf(run, evaluation) &&
    evaluation.assigneeAgentId === actor.agentId &&
    evaluation.hiddenAt === null &&
    evaluation.status !== "done" &&
    evaluation.status !== "cancelled";
  if (isOwners) return;
  throw new WakefleetError("forbidden", "Only the board or the assigned recovery owner can record watchdog decisions");
}

/** RC-49g. */
async function assertOwnRun(tx: Sql, actor: WatchdogActor, run: RunRow): Promise<void> {
  if (actor.runId === null) return;
  const own = isGuid(actor.runId) ? await findRun(tx, actor.runId) : null;
  const isTheirs =
    own !== null && own.companyId === run.companyId && (actor.kind === "board" || own.agentId === actor.agentId);
  if (!isTheirs) {
    throw new WakefleetError("forbidden", "createdByRunId is not valid for this watchdog decision actor");
  }
}
