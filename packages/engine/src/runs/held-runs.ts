/**
 * The runs this worker process holds, each with the handle that stops it. One registry a process: the lease keeper judges
 * it, cancels reach their run through it, and a shutdown walks it.
 */

import type { RunAborted, StartDeadline, TreeMember } from "@wakefleet/adapters";
import type { CancelKind, OutputStream } from "@wakefleet/contracts";
import { FRESH_PACE, type OutputPace } from "@wakefleet/domain";
import type { RunFence, RunTreeRow } from "@wakefleet/store";

/** What a run tells of its cost while it goes on (BY-6). */
export interface RunSpending {
  /** As its adapter tells it; null: nothing yet. */
  costUsd: number | null;
  /** The same as it will be booked, cents. */
  cents: number;
  /** Some budget counts what it spends, as far as is known. */
  isBudgeted: boolean;
  /** At the last look at its budgets; null: none yet. */
  lookedCents: number | null;
  lookedAtMs: number | null;
  /** Soft limits that its agent was told of (tell-soft-limits.ts). */
  readonly toldLimits: Set<string>;
}

export interface HeldRun {
  readonly fence: RunFence;
  readonly agentId: string;
  /** The claim under which its child was started; an earlier one than the fence's when the run was taken over. */
  readonly startToken: number;
  readonly abort: AbortController;
  readonly claimedAtMs: number;
  /** Until when its process may be started by what is known of its claim; null while nothing is (start-in-time.ts). */
  startBefore: StartDeadline | null;
  /** Pid of the first process that was started for it; null before there is one. */
  firstPid: number | null;
  /** What its processes use and used at most (BY-10); null before anybody looked. */
  tree: RunTreeRow | null;
  /** Its processes at the last look. */
  treeMembers: readonly TreeMember[];
  /** True once its child can go on without this worker (BY-9). */
  outlivesWorker: () => boolean;
  /** Set once the end is being written: nobody judges it any more. */
  ending: boolean;
  /** Set once the run is handed over: its lease is not renewed any more (PL-5). */
  released: boolean;
  /** Who or what asked for its cancel, once that is known (LV-107, LV-108). */
  cancelKind: CancelKind | null;
  /** What it has told of its cost, and what was looked at of it (BY-6). */
  readonly spending: RunSpending;
  /** Output not yet written to the run (LG-5). */
  progress: { at: Date; seq: number; stream: OutputStream; bytes: number } | null;
  progressStoredAtMs: number | null;
  /** Live events of its output that may not have reached Redis yet, oldest first (LG-4). */
  readonly liveUnderWay: Promise<void>[];
  /** Where its output stands while others are held beside it (LG-8). */
  pace: OutputPace;
  /** True while this worker holds other runs, too. */
  readonly hasNeighbours: () => boolean;
}

export class HeldRuns {
  private readonly runs = new Map<string, HeldRun>();
  private readonly emptied = new Set<() => void>();

  add(input: {
    fence: RunFence;
    agentId: string;
    nowMs: number;
    startBefore?: StartDeadline | null;
    /** Of a run that is taken over. */
    startToken?: number | null;
    firstPid?: number | null;
    tree?: RunTreeRow | null;
    /** What was known of its budgets at the claim. Absent: nothing, so they are asked for. */
    isBudgeted?: boolean;
  }): HeldRun {
    const held: HeldRun = {
      fence: input.fence,
      agentId: input.agentId,
      startToken: input.startToken ?? input.fence.claimToken,
      abort: new AbortController(),
      claimedAtMs: input.nowMs,
      startBefore: input.startBefore ?? null,
      firstPid: input.firstPid ?? null,
      tree: input.tree ?? null,
      treeMembers: [],
      outlivesWorker: () => false,
      ending: false,
      released: false,
      cancelKind: null,
      spending: {
        costUsd: null,
        cents: 0,
        isBudgeted: input.isBudgeted ?? true,
        lookedCents: null,
        lookedAtMs: null,
        toldLimits: new Set(),
      },
      progress: null,
      progressStoredAtMs: null,
      liveUnderWay: [],
      pace: FRESH_PACE,
      hasNeighbours: () => this.runs.size > 1,
    };
    this.runs.set(input.fence.runId, held);
    return held;
  }

  remove(held: HeldRun): void {
    if (this.runs.get(held.fence.runId) === held) this.runs.delete(held.fence.runId);
    if (this.runs.size === 0) for (const tell of this.emptied) tell();
  }

  get(runId: string): HeldRun | undefined {
    return this.runs.get(runId);
  }

  all(): HeldRun[] {
    return [...this.runs.values()];
  }

  get size(): number {
    return this.runs.size;
  }

  /** Stops a run's adapter; the run's own end decides what becomes of it. */
  abort(runId: string, reason: RunAborted): boolean {
    const held = this.runs.get(runId);
    if (held === undefined || held.abort.signal.aborted) return false;
    held.abort.abort(reason);
    return true;
  }

  /** Resolves when no run is held, or after `timeoutMs`; answers whether none is. */
  async untilEmpty(timeoutMs: number): Promise<boolean> {
    if (this.runs.size === 0) return true;
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.emptied.delete(settle);
        resolve(this.runs.size === 0);
      };
      const timer = setTimeout(settle, timeoutMs);
      this.emptied.add(settle);
    });
  }
}
