/**
 * Renewing the leases of all runs this worker holds with one statement (RL-22, DM-45), and what follows from the answer:
 * a run that is no longer ours is stopped, a cancel that no message brought is seen (CN-2).
 *
 * What must stay true (EX-14): while PostgreSQL cannot be reached the children go on as long as nobody could start a
 * successor, which is the lease plus the adopt grace since the last successful renewal was *sent*, by this process's
 * monotonic clock and with a margin. Then they are stopped. Only runs that were held when the renewal was sent are
 * judged by its answer.
 */
import { performance } from "node:perf_hooks";
import { RunAborted } from "@wakefleet/adapters";
import { isWorthTelling } from "@wakefleet/domain";
import {
  type Database,
  listRunsTakenOver,
  renewLeases,
  type HeldRun as StoredHold,
  storeOutputProgress,
} from "@wakefleet/store";
import type { FaultPoints, Log } from "../ports.js";
import type { AdoptedRuns } from "./adopted-runs.js";
import type { HeldRun, HeldRuns } from "./held-runs.js";

/** LG-5: at most once a minute after the first chunk. */
const PROGRESS_EVERY_MS = 60_000;
/** Share of the time a successor must wait that is not used. */
const MARGIN = 0.1;

export interface LeaseKeeperDeps {
  readonly db: Database;
  readonly held: HeldRuns;
  readonly workerId: string;
  readonly leaseMs: number;
  readonly renewEveryMs: number;
  readonly adoptGraceMs: number;
  readonly faults: FaultPoints;
  readonly log: Log;
  /** The runs whose children this worker watches in a dead worker's stead; they are renewed with its own. */
  readonly adopted?: Pick<AdoptedRuns, "runIds" | "heed">;
  /** Told of every renewal whether it worked. */
  readonly onRenewal?: (renewed: boolean) => void;
}

export interface LeaseKeeper {
  start(): void;
  /** One renewal now. */
  renewOnce(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A renewal that is not answered until the next one is due counts as failed: on a connection that died without a word it
 * would be waited for until the lease is over. Should it come through all the same, the lease is longer than we believe.
 */
async function answeredWithin<T>(renewal: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`PostgreSQL did not answer a renewal within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([renewal, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

export function createLeaseKeeper(deps: LeaseKeeperDeps): LeaseKeeper {
  let timer: NodeJS.Timeout | null = null;
  let underWay: Promise<void> | null = null;
  let renewedAtMs = performance.now();
  /** Renewals that failed one after the other. */
  let failures = 0;

  async function renewOnce(): Promise<void> {
    await deps.faults.hit("before-lease-renewal");
    const own = deps.held.all().filter((held) => !held.released);
    const judged = own.filter((held) => !held.ending);
    const adopted = deps.adopted?.runIds() ?? [];
    const runIds = [...own.map((held) => held.fence.runId), ...adopted];
    const sentAtMs = performance.now();
    try {
      const renewal = renewLeases(deps.db.sql, { workerId: deps.workerId, leaseMs: deps.leaseMs, runIds });
      const holds = await answeredWithin(renewal, deps.renewEveryMs);
      renewedAtMs = sentAtMs;
      failures = 0;
      await letGoOfLost(judge(judged, holds));
      deps.adopted?.heed(holds, adopted);
      deps.onRenewal?.(true);
      await storeProgress(sentAtMs);
    } catch (error) {
      deps.onRenewal?.(false);
      failures += 1;
      if (isWorthTelling(failures)) {
        deps.log.warn(
          { event: "lease.renewal_failed", failures, err: error },
          "could not renew the leases; children go on for now",
        );
      }
      giveUpWhenASuccessorMayStart();
    }
  }

  /** Answers the runs that are not ours any more; those that are to be cancelled are told. */
  function judge(judged: readonly HeldRun[], holds: readonly StoredHold[]): HeldRun[] {
    const lost: HeldRun[] = [];
    const known = new Map(holds.map((hold) => [hold.runId, hold]));
    for (const held of judged) {
      if (held.ending) continue;
      const hold = known.get(held.fence.runId);
      if (hold === undefined || hold.claimToken !== held.fence.claimToken) lost.push(held);
      else if (hold.cancelRequested) {
        held.cancelKind = hold.cancelKind;
        deps.held.abort(
          held.fence.runId,
          new RunAborted("cancelled", hold.cancelReason ?? "Cancelled by control plane"),
        );
      }
    }
    return lost;
  }

  /** EX-14: the child of a run that is not ours any more is stopped, unless it was taken over together with the run. */
  async function letGoOfLost(lost: readonly HeldRun[]): Promise<void> {
    if (lost.length === 0) return;
    const asked = lost.map(({ fence, startToken }) => ({
      runId: fence.runId,
      claimToken: fence.claimToken,
      startToken,
    }));
    const takenOver = new Set(await listRunsTakenOver(deps.db.sql, asked));
    for (const held of lost) {
      const { runId } = held.fence;
      const reason = takenOver.has(runId)
        ? new RunAborted("handed_over", "The run and its child were taken over")
        : new RunAborted("lease_lost", "The run was taken over or ended");
      if (deps.held.abort(runId, reason)) {
        deps.log.warn({ event: "run.lease_lost", ...held.fence, takenOver: takenOver.has(runId) }, reason.message);
      }
    }
  }

  async function storeProgress(nowMs: number): Promise<void> {
    const due = deps.held
      .all()
      .filter(
        (held) =>
          held.progress !== null &&
          !held.ending &&
          (held.progressStoredAtMs === null || nowMs - held.progressStoredAtMs >= PROGRESS_EVERY_MS),
      );
    if (due.length === 0) return;
    const rows = due.flatMap((held) => {
      if (held.progress === null) return [];
      const { at: lastOutputAt, seq, stream, bytes } = held.progress;
      held.progressStoredAtMs = nowMs;
      return [{ runId: held.fence.runId, claimToken: held.fence.claimToken, lastOutputAt, seq, stream, bytes }];
    });
    await storeOutputProgress(deps.db.sql, deps.workerId, rows);
  }

  function giveUpWhenASuccessorMayStart(): void {
    const aloneForMs = performance.now() - renewedAtMs;
    if (aloneForMs < (deps.leaseMs + deps.adoptGraceMs) * (1 - MARGIN)) return;
    for (const held of deps.held.all()) {
      if (held.ending) continue;
      const text = "The database could not be reached for as long as the lease and its grace lasted";
      if (deps.held.abort(held.fence.runId, new RunAborted("lease_lost", text))) {
        deps.log.error(
          { event: "run.lease_given_up", ...held.fence, aloneForMs },
          "stopping a run whose lease cannot be renewed",
        );
      }
    }
  }

  function tick(): void {
    underWay = renewOnce()
      .catch((error: unknown) => deps.log.error({ event: "lease.keeper_failed", err: error }, "lease keeper failed"))
      .finally(() => {
        underWay = null;
        if (timer !== null) timer = setTimeout(tick, deps.renewEveryMs);
      });
  }

  return {
    start() {
      timer ??= setTimeout(tick, deps.renewEveryMs);
    },
    renewOnce,
    async stop() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      if (underWay !== null) await underWay;
    },
  };
}
