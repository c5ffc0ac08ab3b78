/**
 * QU-3: when an issue's status, priority or blockers changed, its waiting runs get their place in their agents' order anew.
 * Only the order hangs on it: what is lost with a Redis that is away costs a place in the line and nothing else.
 */
import { type Database, listWaitingRunIds, readRunsForJobs, type UndispatchedRun } from "@wakefleet/store";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import { runJobOf } from "../dispatch/run-job.js";
import type { Log, RunQueue } from "../ports.js";

export interface ReorderDeps {
  readonly db: Database;
  readonly queue: Pick<RunQueue, "setPriority">;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly log: Log;
}

/** Two changes may be told in the other order than they were made: each looks again, so that the later one's place stays. */
const MAX_LOOKS = 3;

/** Moves the waiting runs of these issues to where they belong as the issues stand now. Never rejects. */
export async function reorderWaitingRuns(deps: ReorderDeps, issueIds: readonly string[]): Promise<void> {
  const placed = new Map<string, number>();
  try {
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const runIds = await listWaitingRunIds(deps.db.sql, issueIds);
      if (runIds.length === 0) return;
      const moving = (await readRunsForJobs(deps.db.sql, runIds)).filter(
        (run) => placed.get(run.runId) !== runJobOf(run).priority,
      );
      if (moving.length === 0) return;
      for (const run of moving) {
        await place(deps, run);
        placed.set(run.runId, runJobOf(run).priority);
      }
    }
  } catch (error) {
    deps.log.warn({ event: "order.not_told", issueIds, err: error }, "waiting runs keep their place in the line");
  }
}

/** A run whose job is not there yet is dispatched with its new place; the add under way then meets a job that exists. */
async function place(deps: ReorderDeps, run: UndispatchedRun): Promise<void> {
  const job = runJobOf(run);
  const { agentId, runId } = run;
  const isThere = await deps.queue.setPriority({ agentId, runId, priority: job.priority });
  if (!isThere) deps.dispatcher.hand([job]);
}
