/**
 * A worker lets go (PL-5), in this order: it claims nothing more, its runs end or are handed over, what watches and sweeps
 * stops, and the stores are closed last, since everything before still writes.
 */
import { RunAborted, type Spool } from "@wakefleet/adapters";
import type { AdoptedRuns, Engine, HeldRuns, LeaseKeeper, Log } from "@wakefleet/engine";
import { closeRedis, type connectRedis, type FleetConsumer, type Maintenance } from "@wakefleet/queue";
import { type Database, markWorkerDraining, markWorkerStopped } from "@wakefleet/store";

/** Something that goes on beside the runs until it is stopped. */
interface Stoppable {
  stop(): Promise<void>;
}

/** The parts of a worker that a stop lets go of. */
export interface StoppingWorker {
  readonly workerId: string;
  /** How long its runs may go on, milliseconds. */
  readonly drainTimeoutMs: number;
  /** It goes for good: no child of its is left running. */
  readonly terminate: boolean;
  readonly log: Log;
  readonly db: Database;
  readonly redis: ReturnType<typeof connectRedis>;
  readonly held: HeldRuns;
  readonly adopted: AdoptedRuns;
  /** Runs that are being taken over right now. */
  readonly takenOver: ReadonlySet<Promise<void>>;
  readonly consumer: FleetConsumer;
  readonly loops: readonly Stoppable[];
  readonly epoch: Stoppable;
  readonly maintenance: Maintenance;
  readonly engine: Engine;
  readonly leases: LeaseKeeper;
  readonly control: { close(): Promise<void> };
  readonly spool: Spool | null;
  /** Does a step whose failure must not keep the rest from being done. */
  readonly quietly: (what: string, step: () => Promise<unknown>) => Promise<void>;
  readonly announce: (state: "draining" | "stopped") => Promise<void>;
}

const TELL_WAITING_EVERY_MS = 10_000;
const LET_GO_EVERY_MS = 100;

/** Stops the worker in order. Call it once. */
export async function stopWorker(worker: StoppingWorker): Promise<void> {
  const { workerId, drainTimeoutMs, terminate, log, db, redis, held, adopted, takenOver, consumer, loops } = worker;
  const { epoch, maintenance, engine, leases, control, spool, quietly, announce } = worker;
  log.info({ event: "worker.draining", running: held.size, adopted: adopted.size }, "worker stops taking work");
  consumer.pause();
  void announce("draining");
  await quietly("mark the worker draining", () => markWorkerDraining(db.sql, workerId));
  const drained = consumer.drain();
  const watch = setInterval(() => {
    const waitingFor = held.all().map(({ fence }) => fence.runId);
    log.info({ event: "worker.waiting", waitingFor }, "worker waits for its runs");
  }, TELL_WAITING_EVERY_MS);
  await held.untilEmpty(drainTimeoutMs);
  clearInterval(watch);
  const letGo = (): void => {
    for (const run of held.all()) {
      // One that was taken over has its child already, also before its execution has found it.
      const hasChild = run.outlivesWorker() || run.startToken !== run.fence.claimToken;
      const kind = hasChild && !terminate ? "handed_over" : "worker_stopping";
      held.abort(run.fence.runId, new RunAborted(kind, "The worker is stopping"));
    }
  };
  letGo();
  // A run that was being claimed or taken over comes to be held only now, and would be waited for until its agent ends.
  const lettingGo = setInterval(letGo, LET_GO_EVERY_MS);
  try {
    if (terminate || adopted.size > 0) await quietly("end adopted runs", () => adopted.stopAll());
    await drained;
    await Promise.all(takenOver);
  } finally {
    clearInterval(lettingGo);
  }
  await epoch.stop();
  await maintenance.stop();
  await Promise.all(loops.map((loop) => loop.stop()));
  await engine.idle();
  await leases.stop();
  await consumer.stop();
  await quietly("mark the worker stopped", () => markWorkerStopped(db.sql, workerId));
  await announce("stopped");
  await control.close();
  await closeRedis(redis);
  await db.close();
  spool?.close();
  log.info({ event: "worker.stopped", workerId }, "worker stopped");
}
