/**
 * What a worker does with one job: claim, execute, end, and say what the queue is to do with the job (QU-6). The end is
 * written however long the database stays away, because the work cannot be repeated (STY-11); if meanwhile the run was
 * taken over, the fence refuses and nothing is written.
 */
import { hostMoment, type StartDeadline } from "@wakefleet/adapters";
import { cancelStopReason } from "@wakefleet/domain";
import { type Database, type EndedRun, findRunCancel, type RunFence, releaseLeases } from "@wakefleet/store";
import type { FullCaps } from "../accounts/full-caps.js";
import {
  type BudgetEffectDeps,
  type BudgetEffects,
  carryOutBudgetEffects,
  noBudgetEffects,
} from "../budget/budget-effects.js";
import { holdCompany, withBudgetLocks } from "../budget/budget-locks.js";
import { evaluateCosts } from "../budget/evaluate-costs.js";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { FaultPoints, LiveEventPublisher, Log } from "../ports.js";
import { type AfterCommit, carryOut, nothingAfterCommit } from "./after-commit.js";
import { type ClaimDeps, type ClaimedRun, type ClaimResult, claimRun } from "./claim-run.js";
import { clearTree } from "./clear-tree.js";
import { bareEnding, endRunIn, type JudgeCost, type RunEnding } from "./end-run.js";
import { executeRun } from "./execute-run.js";
import type { ExecuteDeps } from "./execution.js";
import type { HeldRuns } from "./held-runs.js";
import type { RetryPolicy } from "./retry-transient-failure.js";
import { startDeadline } from "./start-in-time.js";
import { whenStoreAnswers } from "./when-store-answers.js";

/** What became of the job, in the queue's words. */
export type JobVerdict =
  | { readonly kind: "finished"; readonly returnValue: { runId: string; status: string; reason?: string } }
  | { readonly kind: "failed"; readonly error: string }
  | { readonly kind: "gone" }
  /** The run goes on in other hands (BY-9): its job stays active until whoever ends it frees it. */
  | { readonly kind: "kept" }
  | { readonly kind: "putBack"; readonly delayMs?: number }
  | { readonly kind: "notDue"; readonly dueAtMs: number };

export interface WorkDeps extends ExecuteDeps, ClaimDeps {
  readonly db: Database;
  readonly held: HeldRuns;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly events: LiveEventPublisher;
  readonly faults: FaultPoints;
  readonly log: Log;
  /** FI-6, RT-1. */
  readonly retries: RetryPolicy;
  /** LV-97; absent: the specification's. */
  readonly summaryPathRoots?: readonly string[];
  /** What was found full a moment ago (BY-5). */
  readonly fullCaps: FullCaps;
  /** Who is told when the cost of a run stops its agent, project or company (BU-21, BU-23). */
  readonly budgetStops: Omit<BudgetEffectDeps, "log">;
  readonly onClaim?: (result: ClaimResult["kind"]) => void;
  readonly onEnded?: (ended: {
    adapterType: string;
    status: string;
    errorCode: string | null;
    startedAt: Date | null;
    finishedAt: Date | null;
  }) => void;
  /** A run whose child was ended with this worker, or lost (PL-5): hand it over now. */
  readonly onStopped: (runId: string) => Promise<JobVerdict>;
}

/** While an issue's lock is another running run's, the job is laid aside this long. */
const LOCKED_RETRY_MS = 1_000;

/** Works one job. Rejects only when the run could not even be tried because the database is away. */
export async function workRun(deps: WorkDeps, job: { runId: string; agentId: string }): Promise<JobVerdict> {
  const askedAt = hostMoment();
  if (deps.fullCaps.isFull(job.agentId, performance.now())) return { kind: "putBack" };
  await deps.faults.hit("after-fetch-before-claim");
  const { result, after } = await claimRun(deps, job);
  deps.onClaim?.(result.kind);
  carryOut(deps, after);
  switch (result.kind) {
    case "ended":
      return { kind: "gone" };
    case "not_due":
    case "parked":
      return { kind: "notDue", dueAtMs: result.dueAtMs };
    case "capped":
      deps.fullCaps.note({ ...result, agentId: job.agentId }, performance.now());
      return { kind: "putBack" };
    case "full":
      return { kind: "putBack" };
    case "locked":
      return { kind: "putBack", delayMs: LOCKED_RETRY_MS };
    case "cancelled":
      return { kind: "finished", returnValue: { runId: job.runId, status: "cancelled", reason: result.text } };
    case "claimed":
      return holdAndExecute(deps, result.claimed, {
        resumes: false,
        startBefore: startDeadline(deps.leaseMs, askedAt),
      });
  }
}

/**
 * Executes a run that is this worker's, and ends it or lets it go. `resumes`: it is taken over (BY-9), and nothing is
 * started before its claim was asked for; else nothing is from `startBefore` on.
 */
export async function holdAndExecute(
  deps: WorkDeps,
  claimed: ClaimedRun,
  options:
    | { readonly resumes: true; readonly startBefore?: null }
    | { readonly resumes: false; readonly startBefore: StartDeadline },
): Promise<JobVerdict> {
  const { fence, agent, run, isBudgeted } = claimed;
  const nowMs = performance.now();
  const { startToken, processPid: firstPid, processTree: tree } = run;
  const startBefore = options.startBefore ?? null;
  const start = { startBefore, startToken, firstPid };
  const held = deps.held.add({ fence, agentId: agent.id, nowMs, ...start, tree, isBudgeted });
  try {
    const end = await executeRun({ deps, claimed, held, resumes: options.resumes });
    held.ending = true;
    if (end.kind === "handed_over") {
      held.released = true;
      await letGo(deps, fence);
      return { kind: "kept" };
    }
    await clearTree(deps, { runId: run.id, firstPid: held.firstPid, known: held.treeMembers });
    if (end.kind === "lost") return { kind: "gone" };
    if (end.kind === "stopped") {
      held.released = true;
      return await deps.onStopped(run.id);
    }
    const scope = { agentId: claimed.agent.id, hasIssue: claimed.run.issueId !== null };
    const verdict = await writeEnd(deps, { scope, ending: end.ending, adapterType: claimed.agent.adapterType });
    if (verdict.kind !== "gone") await forgetSpool(deps, run);
    await deps.faults.hit("after-finish-before-job-end");
    return verdict;
  } finally {
    deps.held.remove(held);
    deps.fullCaps.clear();
  }
}

/** PL-5: the lease ends at once, so that the host's next worker need not wait for it; one that was taken already stays. */
async function letGo(deps: Pick<WorkDeps, "db" | "log">, { runId, workerId }: RunFence): Promise<void> {
  try {
    await releaseLeases(deps.db.sql, { workerId, runIds: [runId] });
    deps.log.info({ event: "run.handed_over", runId }, "the run's child goes on; the host's next worker takes it over");
  } catch (error) {
    deps.log.warn({ event: "run.hand_over_late", runId, err: error }, "the next worker waits for the run's lease");
  }
}

/** The run has ended: what was kept so that somebody could take it over goes. What stays behind is swept. */
async function forgetSpool(deps: Pick<WorkDeps, "spool" | "runLogs" | "log">, run: ClaimedRun["run"]): Promise<void> {
  if (deps.spool === null) return;
  try {
    await Promise.all([deps.spool.remove(run.id), run.logRef === null ? null : deps.runLogs.forgetMark(run.logRef)]);
  } catch (error) {
    deps.log.warn({ event: "run.spool_left", runId: run.id, err: error }, "an ended run's spool is removed later");
  }
}

/** Writes the end until it is written or refused. */
export async function writeEnd(
  deps: Pick<
    WorkDeps,
    | "db"
    | "newId"
    | "dispatcher"
    | "events"
    | "faults"
    | "log"
    | "retries"
    | "summaryPathRoots"
    | "budgetStops"
    | "onEnded"
  >,
  end: { scope: { agentId: string; hasIssue: boolean }; ending: RunEnding; adapterType: string },
): Promise<JobVerdict> {
  const { runId } = end.ending;
  const wait = { log: deps.log, runId, what: "write the end" };
  let ending = end.ending;
  let isReduced = false;
  for (;;) {
    const after = nothingAfterCommit();
    try {
      const written = await whenStoreAnswers(wait, () => writeOnce(deps, { scope: end.scope, ending }, after));
      const { ended } = written;
      if (ended !== null) {
        carryOut(deps, after);
        void carryOutBudgetEffects({ ...deps.budgetStops, log: deps.log }, written.effects);
        const { status, error, errorCode, startedAt, finishedAt, id } = ended.run;
        deps.onEnded?.({ adapterType: end.adapterType, status, errorCode, startedAt, finishedAt });
        return status === "failed" || status === "timed_out"
          ? { kind: "failed", error: error ?? status }
          : { kind: "finished", returnValue: { runId: id, status, ...(error === null ? {} : { reason: error }) } };
      }
      const cancelled = await whenStoreAnswers(wait, () => cancelledMeanwhile(deps, ending));
      if (cancelled === null) {
        deps.log.info({ event: "run.end_refused", runId }, "the run was ended or taken over by somebody else");
        return { kind: "gone" };
      }
      ending = cancelled;
    } catch (error) {
      // Refused also without the adapter's result: the lease is not renewed any more, and PL-4 ends the run.
      if (isReduced) throw error;
      isReduced = true;
      deps.log.error({ event: "run.result_refused", runId, err: error }, "the database refused the run's result");
      ending = withoutResult(ending, error);
    }
  }
}

/** One attempt; what an attempt that failed would have announced is forgotten. */
function writeOnce(
  deps: Pick<WorkDeps, "db" | "newId" | "faults" | "retries" | "summaryPathRoots">,
  end: { scope: { agentId: string; hasIssue: boolean }; ending: RunEnding },
  after: AfterCommit,
): Promise<{ ended: EndedRun | null; effects: BudgetEffects }> {
  return withBudgetLocks((held) => {
    after.events.length = 0;
    after.jobs.length = 0;
    const effects = noBudgetEffects();
    const judgeCost: JudgeCost = (tx, cost) => evaluateCosts(tx, { newId: deps.newId, held, after, effects }, cost);
    return deps.db.transaction(async (tx) => {
      await holdCompany(tx, held);
      return { ended: await endRunIn(tx, { ...deps, judgeCost }, end.scope, end.ending, after), effects };
    });
  });
}

/** EX-13: what the database does not take of a result must not leave the run `running`. It fails, and says why. */
function withoutResult(ending: RunEnding, error: unknown): RunEnding {
  const cancelled = ending.status === "cancelled";
  const message = `The run's result could not be stored: ${error instanceof Error ? error.message : String(error)}`;
  const { runId, guard, cancelKind, cancelRecover, log } = ending;
  return {
    ...bareEnding({
      runId,
      guard,
      status: cancelled ? "cancelled" : "failed",
      error: cancelled ? ending.error : message,
      errorCode: cancelled ? "cancelled" : "adapter_failed",
    }),
    cancelKind,
    cancelRecover,
    log,
    eventsBefore: [{ eventType: "error", stream: "system", level: "error", message, payload: null }],
  };
}

/** Cancel wins (STY-03): a cancel that was asked for while the adapter ended by itself. Null: the run is not ours. */
async function cancelledMeanwhile(deps: Pick<WorkDeps, "db">, ending: RunEnding): Promise<RunEnding | null> {
  if (ending.guard.kind !== "held" || ending.guard.cancelSeen) return null;
  const cancel = await findRunCancel(deps.db.sql, { runId: ending.runId, ...ending.guard });
  if (cancel === null) return null;
  return {
    ...ending,
    guard: { ...ending.guard, cancelSeen: true },
    status: "cancelled",
    error: cancel.reason,
    errorCode: "cancelled",
    resultJson: {
      ...ending.resultJson,
      stopReason: cancelStopReason(cancel.kind),
      timeoutFired: false,
    },
  };
}
