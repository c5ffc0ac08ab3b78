/**
 * RL-21: Redis lost its data. The job of every waiting run is added again, agent by agent; queues of paused agents are
 * paused again. Serving goes on meanwhile.
 *
 * What must stay true: what is put back is what waits, not what is marked. A process that added a job before the loss may
 * mark it only afterwards, and a run that is marked is looked after by nobody.
 *
 * A run's mark says that it has a job, so it is taken from those only that got none (DM-34): to take it from all first would
 * write each row twice, and the relays of all workers would set about the same runs. Should this process die in between,
 * the epoch is not written and the next one begins anew.
 */
import {
  type Database,
  listPausedAgentsWithWork,
  markPutBack,
  readRunsForJobs,
  sliceWaitingRuns,
} from "@wakefleet/store";
import { runJobOf } from "../dispatch/run-job.js";
import type { Log, RunQueue } from "../ports.js";

const SLICE = 2_000;
/** Slices under way at once: while Redis takes one, PostgreSQL reads or marks another. */
const LANES = 3;

export interface RebuildDeps {
  readonly db: Database;
  readonly queue: Pick<RunQueue, "dispatch" | "pause">;
  readonly log: Log;
}

/**
 * Puts every `queued` and `scheduled_retry` run back into its queue; answers how many. What the queue refuses is marked
 * undispatched and is the relay's. Rejects when a store is away: it is run again.
 */
export async function rebuildQueues(deps: RebuildDeps): Promise<number> {
  const slices = sliceWaitingRuns(deps.db.sql, SLICE);
  let waiting = 0;
  let dispatched = 0;
  const lane = async (): Promise<void> => {
    for (let next = await slices.next(); next.done !== true; next = await slices.next()) {
      const runs = await readRunsForJobs(deps.db.sql, next.value);
      const added = await deps.queue.dispatch(runs.map(runJobOf));
      const having = (job: boolean): string[] =>
        runs.filter((_, index) => (added[index] === true) === job).map((run) => run.runId);
      const withJob = having(true);
      await markPutBack(deps.db.sql, { withJob, withoutJob: having(false) });
      waiting += runs.length;
      dispatched += withJob.length;
    }
  };
  const lanes = Array.from({ length: LANES }, () => lane().finally(() => slices.return()));
  // All have come to their end before this one does, also when one failed.
  for (const ended of await Promise.allSettled(lanes)) if (ended.status === "rejected") throw ended.reason;
  for (const agentId of await listPausedAgentsWithWork(deps.db.sql)) await deps.queue.pause(agentId);
  deps.log.info({ event: "queues.rebuilt", waiting, dispatched }, "waiting runs are back in their queues");
  return dispatched;
}
