/**
 * Tells agents that a budget's soft limit is passed (BY-6). The open incident is what they are told by: every answer to their
 * run token bears it (`X-Wakefleet-Budget`). Here the run says that it is so, by an event.
 *
 * What must stay true: a worker says it once for a run and a limit, however often it looks; a raised limit is another one.
 */
import { BRAKE_RULE, isSoftLimitPassed, withInFlight } from "@wakefleet/domain";
import { appendRunEventsIfHeld, type Database, type NewRunEvent, type PolicyInFlight } from "@wakefleet/store";
import type { LiveEventPublisher } from "../ports.js";
import type { HeldRun } from "../runs/held-runs.js";
import { runEventEvent } from "../runs/run-live-events.js";

/** The type of the event. */
const SOFT_LIMIT_EVENT = "budget.soft_limit";

/** Call it once the incidents are open. One statement for each run that has something to be told, else none. */
export async function tellSoftLimits(
  deps: { readonly db: Database; readonly events: LiveEventPublisher },
  runs: readonly HeldRun[],
  policies: readonly (PolicyInFlight & { readonly runIds: readonly string[] })[],
): Promise<void> {
  const passed = policies.filter(isSoftLimitPassed);
  for (const { fence, spending } of runs) {
    const news = passed.filter(
      (policy) => policy.runIds.includes(fence.runId) && !spending.toldLimits.has(limitKey(policy)),
    );
    if (news.length === 0) continue;
    const rows = await appendRunEventsIfHeld(deps.db.sql, fence, news.map(softLimitEvent));
    for (const policy of news) spending.toldLimits.add(limitKey(policy));
    if (rows.length > 0) void deps.events.publish(rows.map(runEventEvent));
  }
}

function limitKey({ id, amount, window }: PolicyInFlight): string {
  return `${id} ${amount} ${window.start.getTime()}`;
}

function softLimitEvent(policy: PolicyInFlight): NewRunEvent {
  const { id: policyId, scopeType, scopeId, warnPercent, amount: limitCents } = policy;
  return {
    eventType: SOFT_LIMIT_EVENT,
    stream: "system",
    level: "warn",
    message: `The agent is told that ${warnPercent}% of the ${scopeType}'s budget are spent`,
    payload: {
      rule: BRAKE_RULE,
      policyId,
      scopeType,
      scopeId,
      spentCents: withInFlight(policy).observed,
      limitCents,
      warnPercent,
    },
  };
}
