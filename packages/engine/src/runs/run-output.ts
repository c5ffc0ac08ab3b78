/** What is stored while a run goes on: its output (LG-1, LG-4, LG-5) and its events (LG-6, EX-11). */
import { type InvocationMeta, RunAborted } from "@wakefleet/adapters";
import type { JsonObject, OutputStream } from "@wakefleet/contracts";
import { boundPayload } from "@wakefleet/domain";
import { liveChunk, type RunLogWriter } from "@wakefleet/run-logs";
import { appendRunEventsIfHeld, type NewRunEvent, type RunEventRow, storeOutputProgress } from "@wakefleet/store";
import type { Execution } from "./execution.js";
import { runEventEvent, runLogEvent } from "./run-live-events.js";

/**
 * Live events of one run's output that are on their way at once. Each keeps its text in memory until Redis has it, so a
 * child that prints faster than Redis takes is read at the pace of Redis, too; a Redis that does not answer is waited for
 * a moment (`LiveEventPublisher`), then passed by.
 */
const LIVE_UNDER_WAY = 8;

/**
 * Stores one chunk and settles when it is on its way to the disk, so that a fast child is read at the store's pace
 * (LG-8). Rejects with the file system's error; the adapter reports it and goes on.
 */
export async function storeOutput(
  execution: Execution,
  writer: RunLogWriter,
  output: { stream: OutputStream; chunk: string; mark?: string },
): Promise<void> {
  const { deps, claimed, held } = execution;
  const { companyId, id: runId, agentId } = claimed.run;
  const { stream } = output;
  const stored = await writer.append(stream, output.chunk, output.mark);
  const isFirst = held.progress === null;
  held.progress = { at: stored.lastOutputAt, seq: stored.seq, stream, bytes: stored.totalBytes };
  if (isFirst) tellFirstProgress(execution);
  if (stored.chunk === "") return;
  const live = liveChunk(stored.chunk);
  const event = runLogEvent({ companyId, runId, agentId, at: stored.lastOutputAt, stream, ...live });
  held.liveUnderWay.push(deps.events.publish([event]));
  if (held.liveUnderWay.length > LIVE_UNDER_WAY) await held.liveUnderWay.shift();
}

/** A run that ends within this time tells its progress with its end. */
const FIRST_PROGRESS_AFTER_MS = 250;

/** LG-5: the first chunk is told in a moment, the rest by the lease keeper, at most once a minute, and at the end. */
function tellFirstProgress(execution: Execution): void {
  const timer = setTimeout(() => void storeFirstProgress(execution), FIRST_PROGRESS_AFTER_MS);
  timer.unref();
}

async function storeFirstProgress({ deps, claimed, held }: Execution): Promise<void> {
  if (held.progress === null || held.ending) return;
  const { at: lastOutputAt, seq, stream, bytes } = held.progress;
  const { runId, workerId, claimToken } = claimed.fence;
  held.progressStoredAtMs = performance.now();
  try {
    await storeOutputProgress(deps.db.sql, workerId, [{ runId, claimToken, lastOutputAt, seq, stream, bytes }]);
  } catch (error) {
    // Only a display figure: the lease keeper's next round writes it.
    held.progressStoredAtMs = null;
    deps.log.debug({ event: "run.progress_failed", runId, err: error }, "progress is told later");
  }
}

/** An answer older than this share of the lease is no answer any more. */
const MAX_SHARE_OF_LEASE = 0.5;

const STOOD_STILL: NewRunEvent = {
  eventType: "lifecycle",
  stream: "system",
  level: "warn",
  message: "The worker stood still before it could start the process; it asked again whether the run is its own",
  payload: null,
};

/**
 * Tells that the adapter is about to start its process; the same statement asks whether the run is still ours and begins
 * its lease anew: a worker that stood still since its claim must not start what somebody else was given meanwhile (RL-4).
 * An answer that it reads long after it asked, because it stood still in between, is asked for again.
 * The database being away is no answer: the start goes on, since a run does not stop for a note about itself.
 * @throws RunAborted when the claim is over; the run's signal is aborted with it.
 */
export async function tellStart(execution: Execution, meta: InvocationMeta): Promise<void> {
  const { deps, claimed } = execution;
  let events = [invocationEvent(meta)];
  for (;;) {
    const askedAtMs = performance.now();
    let rows: RunEventRow[];
    try {
      rows = await appendRunEventsIfHeld(deps.db.sql, claimed.fence, events, { leaseMs: deps.leaseMs });
    } catch (error) {
      deps.log.warn({ event: "run.event_lost", runId: claimed.run.id, err: error }, "a run event could not be written");
      return;
    }
    if (rows.length === 0) throw lostBeforeStart(execution);
    void deps.events.publish(rows.map(runEventEvent));
    if (performance.now() - askedAtMs < deps.leaseMs * MAX_SHARE_OF_LEASE) return;
    // This process stood still between the question and now: the answer says what was, and the lease may be over again.
    events = [STOOD_STILL];
  }
}

/** The run's signal is aborted with it. */
function lostBeforeStart({ held }: Execution): RunAborted {
  const aborted = new RunAborted("lease_lost", "The run was taken over before its process was started");
  held.abort.abort(aborted);
  return aborted;
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
