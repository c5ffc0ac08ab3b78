/**
 * What an admin may do to a run or an agent from the board, and that it goes through Wakefleet's rules (QU-6, OP-20): a
 * finished run never gets a second life, a waiting one is cancelled and not just forgotten, a paused queue is a paused
 * agent. Refusals are `WakefleetError`s whose sentence the board shows.
 */
import { WakefleetError } from "@wakefleet/contracts";
import type { Engine } from "@wakefleet/engine";

export type BoardEngine = Pick<Engine, "cancelRun" | "runNow" | "retryRun" | "pauseAgent" | "resumeAgent">;

export interface BoardActions {
  /** API-127: another run for the same work that points at this one. Throws when no run comes of it. */
  retry(runId: string): Promise<void>;
  /** API-125. Throws `conflict` for a finished run. */
  cancel(runId: string): Promise<void>;
  /** API-126: a scheduled retry is due now. */
  runNow(runId: string): Promise<void>;
  /** AL-10: its waiting and running runs are cancelled. */
  pause(agentId: string): Promise<void>;
  /** AL-11. */
  resume(agentId: string): Promise<void>;
}

const REMOVED_TEXT = "Cancelled from the queue board";

/** Actions in the name of one user. */
export function boardActionsOf(engine: BoardEngine, userId: string): BoardActions {
  const actor = { type: "user", id: userId } as const;
  return {
    async retry(runId) {
      const result = await engine.retryRun({ runId, actor });
      if (result.outcome === "rejected") throw result.error;
      if (result.outcome === "skipped" || result.outcome === "deferred") {
        const why = result.skip?.message ?? result.wakeup.reason ?? result.outcome;
        throw new WakefleetError("conflict", `The retry was asked for but started no run: ${why}`);
      }
    },
    async cancel(runId) {
      await engine.cancelRun({ runId, actor, reason: REMOVED_TEXT });
    },
    async runNow(runId) {
      await engine.runNow({ runId });
    },
    async pause(agentId) {
      await engine.pauseAgent({ agentId, actor });
    },
    async resume(agentId) {
      await engine.resumeAgent({ agentId, actor });
    },
  };
}
