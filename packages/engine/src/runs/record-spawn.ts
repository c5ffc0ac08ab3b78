/**
 * EX-11: who the agent's process is stands in the database as soon as it can. Whoever looks after the run when its worker
 * is gone finds the process by it (PL-2); one that is not recorded would be taken for never started, and go on beside its
 * successor (RL-2).
 *
 * What must stay true: a process that was started while the database was away is recorded as soon as it is back, and
 * before the run's end; one whose run was taken over meanwhile is stopped.
 */
import { type AdapterExecutionContext, RunAborted } from "@wakefleet/adapters";
import { isStoreUnavailable, storeSpawnIfHeld } from "@wakefleet/store";
import type { Execution } from "./execution.js";
import { whenStoreAnswers } from "./when-store-answers.js";

type Spawned = Parameters<NonNullable<AdapterExecutionContext["onSpawn"]>>[0];

export interface SpawnRecord {
  /** Records a process; settles after the first attempt, so that its output is read meanwhile. */
  record(child: Spawned): Promise<void>;
  /** Settles when everything that was to be recorded is, or was refused. */
  settled(): Promise<void>;
}

export function createSpawnRecord({ deps, claimed, held }: Execution): SpawnRecord {
  const { runId } = claimed.fence;
  let pending: Promise<void> = Promise.resolve();

  async function store(child: Spawned): Promise<void> {
    if (await storeSpawnIfHeld(deps.db.sql, claimed.fence, child)) return;
    held.abort.abort(new RunAborted("lease_lost", "The run was taken over before its child was known"));
  }

  async function storeLater(child: Spawned): Promise<void> {
    try {
      await whenStoreAnswers({ log: deps.log, runId, what: "record the run's process" }, () => store(child));
    } catch (error) {
      deps.log.warn({ event: "run.spawn_not_recorded", runId, err: error }, "the run's process could not be recorded");
    }
  }

  return {
    async record(child) {
      held.firstPid ??= child.pid;
      await deps.faults.hit("after-spawn-before-record");
      try {
        await store(child);
      } catch (error) {
        if (!isStoreUnavailable(error)) throw error;
        pending = storeLater(child);
      }
    },
    settled: () => pending,
  };
}
