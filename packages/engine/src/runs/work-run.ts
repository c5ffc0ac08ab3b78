/**
 * What a worker does with one job: claim, execute, end, and say what the queue is to do with the job (QU-6). The end is
 * written however long the database stays away, because the work cannot be repeated (STY-11); if meanwhile the run was
 * taken over, the fence refuses and nothing is written.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Database, findRunCancel, isRetryable, isStoreUnavailable } from "@wakefleet/store";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { FaultPoints, LiveEventPublisher, Log } from "../ports.js";
import { carryOut, nothingAfterCommit } from "./after-commit.js";
import { type ClaimDeps, type ClaimResult, claimRun } from "./claim-run.js";
import { endRunIn, type RunEnding } from "./end-run.js";
import { type ExecuteDeps, executeRun } from "./execute-run.js";
import type { HeldRuns } from "./held-runs.js";

/** What became of the job, in the queue's words. */
export type JobVerdict =
  | { readonly kind: "finished"; readonly returnValue: { runId: string; status: string; reason?: string } }
  | { readonly kind: "failed"; readonly error: string }
  | { readonly kind: "gone" }
  | { readonly kind: "putBack"; readonly delayMs?: number }
  | { readonly kind: "notDue"; readonly dueAtMs: number };

export interface WorkDeps extends ExecuteDeps, ClaimDeps {
  readonly db: Database;
  readonly held: HeldRuns;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly events: LiveEventPublisher;
  readonly faults: FaultPoints;
  readonly log: Log;
  readonly onClaim?: (result: ClaimResult["kind"]) => void;
  readonly onEnded?: (ended: {
    adapterType: string;
    status: string;
    errorCode: string | null;
    startedAt: Date | null;
    finishedAt: Date | null;
  }) => void;
  /** A run that this worker let go while its child goes on or was stopped (PL-5): hand it over now. */
  readonly onStopped: (runId: string) => Promise<JobVerdict>;
}

/** While an issue's lock is another running run's, the job is laid aside this long. */
const LOCKED_RETRY_MS = 1_000;
const WRITE_RETRY_FIRST_MS = 100;
const WRITE_RETRY_MAX_MS = 2_000;

/** Works one job. Rejects only when the run could not even be tried because the database is away. */
export async function workRun(deps: WorkDeps, job: { runId: string; agentId: string }): Promise<JobVerdict> {
  const { result, after } = await claimRun(deps, job);
  deps.onClaim?.(result.kind);
  carryOut(deps, after);
  switch (result.kind) {
    case "ended":
      return { kind: "gone" };
    case "not_due":
      return { kind: "notDue", dueAtMs: result.dueAtMs };
    case "full":
      return { kind: "putBack" };
    case "locked":
      return { kind: "putBack", delayMs: LOCKED_RETRY_MS };
    case "cancelled":
      return { kind: "finished", returnValue: { runId: job.runId, status: "cancelled", reason: result.text } };
    case "claimed":
      return holdAndExecute(deps, result.claimed);
  }
}

async function holdAndExecute(
  deps: WorkDeps,
  claimed: Extract<ClaimResult, { kind: "claimed" }>["claimed"],
): Promise<JobVerdict> {
  const held = deps.held.add({ fence: claimed.fence, agentId: claimed.agent.id, nowMs: performance.now() });
  try {
    const end = await executeRun({ deps, claimed, held });
    held.ending = true;
    if (end.kind === "lost") return { kind: "gone" };
    if (end.kind === "stopped") return await deps.onStopped(claimed.run.id);
    const scope = { agentId: claimed.agent.id, hasIssue: claimed.run.issueId !== null };
    const verdict = await writeEnd(deps, { scope, ending: end.ending, adapterType: claimed.agent.adapterType });
    await deps.faults.hit("after-finish-before-job-end");
    return verdict;
  } finally {
    deps.held.remove(held);
  }
}

/** Writes the end until it is written or refused. */
export async function writeEnd(
  deps: Pick<WorkDeps, "db" | "newId" | "dispatcher" | "events" | "log" | "onEnded">,
  end: { scope: { agentId: string; hasIssue: boolean }; ending: RunEnding; adapterType: string },
): Promise<JobVerdict> {
  let ending = end.ending;
  for (let attempt = 0; ; attempt += 1) {
    const after = nothingAfterCommit();
    try {
      const ended = await deps.db.transaction((tx) => endRunIn(tx, deps, end.scope, ending, after));
      if (ended !== null) {
        carryOut(deps, after);
        const { status, error, errorCode, startedAt, finishedAt, id } = ended.run;
        deps.onEnded?.({ adapterType: end.adapterType, status, errorCode, startedAt, finishedAt });
        return status === "failed" || status === "timed_out"
          ? { kind: "failed", error: error ?? status }
          : { kind: "finished", returnValue: { runId: id, status, ...(error === null ? {} : { reason: error }) } };
      }
      const cancelled = await cancelledMeanwhile(deps, ending);
      if (cancelled === null) {
        deps.log.info(
          { event: "run.end_refused", runId: ending.runId },
          "the run was ended or taken over by somebody else",
        );
        return { kind: "gone" };
      }
      ending = cancelled;
    } catch (error) {
      if (!isStoreUnavailable(error) && !isRetryable(error)) throw error;
      deps.log.warn(
        { event: "run.end_waits", runId: ending.runId, attempt, err: error },
        "could not write the end; will retry",
      );
      await delay(Math.min(WRITE_RETRY_MAX_MS, WRITE_RETRY_FIRST_MS * 2 ** Math.min(attempt, 6)));
    }
  }
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
      stopReason: cancel.kind === "pause" ? "paused" : "cancelled",
      timeoutFired: false,
    },
  };
}
