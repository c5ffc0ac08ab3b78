/**
 * Timer wakes (WK-50, WK-51). The rows that are due are locked, their wakes decided and their next due time written in
 * one transaction: with any number of processes an agent gets one wake an interval. Missed intervals give one wake.
 */
import { readHeartbeatPolicy } from "@wakefleet/contracts";
import { advanceTimers, type Database, lockAgents, lockDueTimers, nextTimerDelayMs } from "@wakefleet/store";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { NewId } from "../ids.js";
import type { LiveEventPublisher } from "../ports.js";
import { acceptWakeupsIn } from "../wakeups/accept-wakeups.js";
import type { AcceptWakeupRequest } from "../wakeups/wake-request.js";

const BATCH = 200;
const SHORTEST_PAUSE_MS = 25;

export interface TimerDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly events: LiveEventPublisher;
}

/** Wakes the agents whose timer is due now; answers how many were decided. */
export async function fireDueTimers(deps: TimerDeps): Promise<number> {
  let total = 0;
  for (;;) {
    const accepted = await deps.db.transaction(async (tx) => {
      const due = await lockDueTimers(tx, BATCH);
      if (due.length === 0) return null;
      const { agents, now } = await lockAgents(
        tx,
        due.map((timer) => timer.agentId),
      );
      const decided = await acceptWakeupsIn(
        tx,
        deps.newId,
        due.map((timer) => timerWake(timer, now)),
      );
      await advanceTimers(
        tx,
        due.map(({ agentId }) => {
          const policy = readHeartbeatPolicy(agents.get(agentId)?.runtimeConfig);
          return { agentId, intervalSec: policy.enabled ? policy.intervalSec : 0 };
        }),
      );
      return { decided, count: due.length };
    });
    if (accepted === null) return total;
    total += accepted.count;
    deps.dispatcher.hand(accepted.decided.jobs);
    void deps.events.publish(accepted.decided.events);
    if (accepted.count < BATCH) return total;
  }
}

/** WK-50. */
function timerWake(timer: { agentId: string; companyId: string }, now: Date): AcceptWakeupRequest {
  return {
    agentId: timer.agentId,
    companyId: timer.companyId,
    source: "timer",
    triggerDetail: "system",
    reason: "heartbeat_timer",
    payload: null,
    context: { source: "scheduler", reason: "interval_elapsed", now: now.toISOString() },
    actor: { type: "system", id: "heartbeat_scheduler" },
    idempotencyKey: null,
    fingerprint: null,
    logActivity: false,
  };
}

/**
 * One round of the timer sweep: fires what is due and then each timer as it comes due, to the millisecond, until
 * `forMs` is over. Without timers it costs one index look-up.
 */
export async function fireTimersFor(deps: TimerDeps, options: { forMs: number; signal: AbortSignal }): Promise<number> {
  const endAtMs = performance.now() + options.forMs;
  let total = 0;
  for (;;) {
    const fired = await fireDueTimers(deps);
    total += fired;
    const delayMs = await nextTimerDelayMs(deps.db.sql);
    if (delayMs === null || options.signal.aborted || performance.now() + delayMs >= endAtMs) return total;
    // A timer that is due but was not ours to fire is in the hands of another transaction: no need to ask at once.
    await pause(fired > 0 ? Math.max(1, delayMs) : Math.max(SHORTEST_PAUSE_MS, delayMs), options.signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", settle);
      resolve();
    };
    const timer = setTimeout(settle, ms);
    signal.addEventListener("abort", settle, { once: true });
  });
}
