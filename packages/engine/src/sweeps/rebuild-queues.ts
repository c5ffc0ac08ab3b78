/**
 * RL-21: Redis lost its data. Every waiting run is marked undispatched and its job added again, slice by slice, oldest
 * first; queues of paused agents are paused again. Serving goes on meanwhile.
 *
 * What must stay true: what is put back is what waits, not what is marked. A process that added a job before the loss may
 * set its mark after ours was taken away, and a run that is marked is looked after by nobody.
 */
import {
  type Database,
  listPausedAgentsWithWork,
  markDispatched,
  markSliceUndispatched,
  readRunsForJobs,
} from "@wakefleet/store";
import { runJobOf } from "../dispatch/run-job.js";
import type { Log, RunQueue } from "../ports.js";

const SLICE = 500;

export interface RebuildDeps {
  readonly db: Database;
  readonly queue: Pick<RunQueue, "dispatch" | "pause">;
  readonly log: Log;
}

/**
 * Puts every `queued` and `scheduled_retry` run back into its queue; answers how many. What the queue refuses stays
 * undispatched and is the relay's. Rejects when a store is away: it is run again.
 */
export async function rebuildQueues(deps: RebuildDeps): Promise<number> {
  let marked = 0;
  let dispatched = 0;
  for (let afterId: string | null = null; ; ) {
    const runIds: string[] = await markSliceUndispatched(deps.db.sql, { afterId, limit: SLICE });
    afterId = runIds.at(-1) ?? null;
    if (afterId === null) break;
    marked += runIds.length;
    const runs = await readRunsForJobs(deps.db.sql, runIds);
    const added = await deps.queue.dispatch(runs.map(runJobOf));
    const back = runs.filter((_, index) => added[index] === true).map((run) => run.runId);
    if (back.length > 0) await markDispatched(deps.db.sql, back);
    dispatched += back.length;
  }
  for (const agentId of await listPausedAgentsWithWork(deps.db.sql)) await deps.queue.pause(agentId);
  deps.log.info({ event: "queues.rebuilt", marked, dispatched }, "waiting runs are back in their queues");
  return dispatched;
}
