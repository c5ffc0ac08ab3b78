/**
 * RL-21: Redis lost its data. Every waiting run is marked undispatched, slice by slice, and relayed; queues of paused
 * agents are paused again. Serving goes on meanwhile: runs come back oldest first through the same relay as always.
 */
import { type Database, listPausedAgentsWithWork, markSliceUndispatched } from "@wakefleet/store";
import type { Log, RunQueue } from "../ports.js";
import { type RelayDeps, relayOutbox } from "./relay-outbox.js";

const SLICE = 2_000;

export interface RebuildDeps extends RelayDeps {
  readonly db: Database;
  readonly queue: Pick<RunQueue, "dispatch" | "pause">;
  readonly log: Log;
}

/** Puts every `queued` and `scheduled_retry` run back into its queue. Rejects when a store is away: it is run again. */
export async function rebuildQueues(deps: RebuildDeps): Promise<number> {
  let marked = 0;
  let afterId: string | null = null;
  do {
    const slice = await markSliceUndispatched(deps.db.sql, { afterId, limit: SLICE });
    marked += slice.marked;
    afterId = slice.lastId;
  } while (afterId !== null);
  for (const agentId of await listPausedAgentsWithWork(deps.db.sql)) await deps.queue.pause(agentId);
  const dispatched = await relayOutbox(deps, { olderThanMs: 0 });
  deps.log.info({ event: "queues.rebuilt", marked, dispatched }, "waiting runs are back in their queues");
  return dispatched;
}
