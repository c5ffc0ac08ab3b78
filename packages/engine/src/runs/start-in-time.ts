/**
 * Whether the agent's process may still be started (RL-4). A worker can stand still anywhere between its claim and the
 * start, and its run be given away meanwhile. So the claim is asked for right before the start, and the answer holds only
 * for a share of the lease that began with it: whoever starts the process (this worker's keeper, `ChildHost`) refuses once
 * that is over, by the host's clocks, and the database is asked again.
 *
 * What must stay true: no process is started but before a deadline that lies within the lease of the claim it is started
 * for; the deadline counts from before the question was sent, so that it is never later than the database's own.
 */
import {
  type ChildHost,
  deadlineAfter,
  hostMoment,
  type InvocationMeta,
  isOver,
  RunAborted,
  type StartDeadline,
  StartRefused,
} from "@wakefleet/adapters";
import type { JsonObject } from "@wakefleet/contracts";
import { boundPayload } from "@wakefleet/domain";
import { appendRunEventsIfHeld, type NewRunEvent } from "@wakefleet/store";
import type { Execution } from "./execution.js";
import { runEventEvent } from "./run-live-events.js";
import { whenStoreAnswers } from "./when-store-answers.js";

/** An answer older than this share of the lease is no answer any more. */
const MAX_SHARE_OF_LEASE = 0.5;

const STOOD_STILL: NewRunEvent = {
  eventType: "lifecycle",
  stream: "system",
  level: "warn",
  message: "The worker stood still before it could start the process; it asked again whether the run is its own",
  payload: null,
};

/** Until when a process may be started by a lease that began at `askedAt` or later. */
export function startDeadline(leaseMs: number, askedAt: StartDeadline): StartDeadline {
  return deadlineAfter(askedAt, leaseMs * MAX_SHARE_OF_LEASE);
}

/**
 * Tells that the adapter is about to start its process; the same statement asks whether the run is still ours and begins
 * its lease anew. The database being away is no answer: the start goes on while the last answer holds, since a run does
 * not stop for a note about itself, and waits when that is over.
 * @throws RunAborted when the claim is over; the run's signal is aborted with it.
 */
export async function tellStart(execution: Execution, meta: InvocationMeta): Promise<void> {
  const { deps, claimed, held } = execution;
  try {
    await confirmClaim(execution, invocationEvent(meta));
  } catch (error) {
    if (error instanceof RunAborted) throw error;
    deps.log.warn({ event: "run.event_lost", runId: claimed.run.id, err: error }, "a run event could not be written");
  }
  // Also for adapters that start no process of this host's: what they do next is done under an answer that holds.
  while (held.startBefore === null || isOver(held.startBefore)) await confirmWhenStoreAnswers(execution);
}

/** Starts children as `host` does, but none whose claim is not known to hold any more. */
export function startingInTime(execution: Execution, host: ChildHost): ChildHost {
  const { deps, claimed, held } = execution;
  return {
    async start(spec) {
      for (;;) {
        const startBefore = held.startBefore ?? (await confirmWhenStoreAnswers(execution));
        await deps.faults.hit("before-child-start");
        try {
          return await host.start({ ...spec, startBefore });
        } catch (error) {
          if (!(error instanceof StartRefused)) throw error;
          deps.log.warn({ event: "run.start_refused", ...claimed.fence, err: error }, error.message);
        }
        await confirmWhenStoreAnswers(execution);
      }
    },
  };
}

function confirmWhenStoreAnswers(execution: Execution): Promise<StartDeadline> {
  const { deps, claimed } = execution;
  const wait = { log: deps.log, runId: claimed.run.id, what: "ask whose the run is" };
  return whenStoreAnswers(wait, () => confirmClaim(execution, STOOD_STILL));
}

/**
 * Asks whether the run is still ours, begins its lease anew and tells `event`. Answers until when a process may be started.
 * @throws RunAborted when it is not; the run's signal is aborted with it.
 */
async function confirmClaim({ deps, claimed, held }: Execution, event: NewRunEvent): Promise<StartDeadline> {
  const askedAt = hostMoment();
  const rows = await appendRunEventsIfHeld(deps.db.sql, claimed.fence, [event], { leaseMs: deps.leaseMs });
  if (rows.length === 0) {
    const aborted = new RunAborted("lease_lost", "The run was taken over before its process was started");
    held.abort.abort(aborted);
    throw aborted;
  }
  void deps.events.publish(rows.map(runEventEvent));
  held.startBefore = startDeadline(deps.leaseMs, askedAt);
  return held.startBefore;
}

/** AD-16, EX-11: the adapter redacted by key name already; the payload is bounded here (LG-6). */
function invocationEvent(meta: InvocationMeta): NewRunEvent {
  return {
    eventType: "adapter.invoke",
    stream: "system",
    level: "info",
    message: "adapter invocation",
    payload: boundPayload({ ...meta } satisfies Record<keyof InvocationMeta, unknown>) as JsonObject,
  };
}
