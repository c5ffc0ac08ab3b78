/**
 * Runs without a spool whose child this worker watches in a dead worker's stead (PL-2). The child's own handle is lost:
 * all that can be seen is whether its process lives. When it has gone the run is ended by PL-3 and PL-4; when it is cancelled, its group
 * is terminated first.
 */
import { terminateProcessGroup } from "@wakefleet/adapters";
import { judgeOrphan } from "@wakefleet/domain";
import { type OrphanedRun, releaseLeases, type HeldRun as StoredHold } from "@wakefleet/store";
import { type AdoptedRun, childState, endOrphan, type RecoveryDeps } from "./recover-orphans.js";

const CANCEL_GRACE_MS = 15_000;

export class AdoptedRuns {
  private readonly runs = new Map<string, OrphanedRun>();
  private readonly ending = new Set<string>();
  /** Runs whose lease was ended so that they can be ended: renewing them now would stand in the way. */
  private readonly released = new Set<string>();

  constructor(private readonly deps: RecoveryDeps) {}

  get size(): number {
    return this.runs.size;
  }

  /** The runs whose lease is to be renewed. */
  runIds(): string[] {
    return [...this.runs.keys()].filter((runId) => !this.released.has(runId));
  }

  add(adopted: AdoptedRun): void {
    const { orphan, claimToken } = adopted;
    this.runs.set(orphan.runId, { ...orphan, claimToken, workerId: this.deps.workerId });
  }

  /** Looks at every child once and ends the runs of those that have gone. */
  async look(): Promise<void> {
    for (const run of [...this.runs.values()]) {
      if (!this.ending.has(run.runId) && (await childState(run)) !== "alive") await this.end(run, run.cancelRequested);
    }
  }

  /**
   * What a lease renewal told of the runs it was `asked` for: those that are not ours any more are let go, cancelled ones
   * are terminated. A run that was taken over after the renewal was sent is not judged by its answer.
   */
  heed(holds: readonly StoredHold[], asked: readonly string[]): void {
    const known = new Map(holds.map((hold) => [hold.runId, hold]));
    for (const runId of asked) {
      const run = this.runs.get(runId);
      if (run === undefined || this.released.has(runId)) continue;
      const hold = known.get(run.runId);
      if (hold === undefined || hold.claimToken !== run.claimToken) this.runs.delete(run.runId);
      else if (hold.cancelRequested && !run.cancelRequested) {
        const { cancelReason, cancelKind } = hold;
        void this.stop({ ...run, cancelRequested: true, cancelReason, cancelKind });
      }
    }
  }

  /** Terminates every child and ends its run (PL-5). */
  async stopAll(): Promise<void> {
    await Promise.all([...this.runs.values()].map((run) => this.stop(run)));
  }

  private async stop(run: OrphanedRun): Promise<void> {
    if (this.ending.has(run.runId)) return;
    this.runs.set(run.runId, run);
    this.ending.add(run.runId);
    try {
      await terminateProcessGroup({
        pid: run.processPid,
        processGroupId: run.processGroupId,
        startedAt: run.processStartedAt,
        graceMs: CANCEL_GRACE_MS,
      });
    } finally {
      this.ending.delete(run.runId);
    }
    await this.end(run, run.cancelRequested);
  }

  private async end(run: OrphanedRun, cancelled: boolean): Promise<void> {
    this.ending.add(run.runId);
    this.released.add(run.runId);
    try {
      // The lease is ours; ended at once, the run is judged and ended like any other orphan.
      await releaseLeases(this.deps.db.sql, { workerId: this.deps.workerId, runIds: [run.runId] });
      const verdict = judgeOrphan({
        keepsLocalChild: true,
        pid: run.processPid,
        processGroupId: run.processGroupId,
        child: await childState(run),
        spool: "none",
        sameHostAndBoot: true,
        adoptGraceOver: true,
        processLossRetryCount: run.processLossRetryCount,
        cancelRequested: cancelled,
      });
      if (verdict.kind === "lost" || verdict.kind === "cancel") await endOrphan(this.deps, run, verdict);
      this.runs.delete(run.runId);
    } catch (error) {
      // The database is away: the lease sweep of this host finds the run again.
      this.deps.log.warn(
        { event: "run.adopted_end_failed", runId: run.runId, err: error },
        "an adopted run is ended later",
      );
      this.runs.delete(run.runId);
    } finally {
      this.ending.delete(run.runId);
      this.released.delete(run.runId);
    }
  }
}
