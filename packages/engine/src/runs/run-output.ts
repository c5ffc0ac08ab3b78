/** The output of a run that goes on, as it is stored and told (LG-1, LG-4, LG-5). */

import { setTimeout as delay } from "node:timers/promises";
import type { OutputStream } from "@wakefleet/contracts";
import { takeOutput } from "@wakefleet/domain";
import { liveChunk, type RunLogWriter } from "@wakefleet/run-logs";
import { storeOutputProgress } from "@wakefleet/store";
import type { Execution } from "./execution.js";
import type { HeldRun } from "./held-runs.js";
import { runLogEvent } from "./run-live-events.js";

/**
 * Live events of one run's output that are on their way at once. Each keeps its text in memory until Redis has it, so a
 * child that prints faster than Redis takes is read at the pace of Redis, too; a Redis that does not answer is waited for
 * a moment (`LiveEventPublisher`), then passed by.
 */
const LIVE_UNDER_WAY = 8;
/** Timers are no finer; what is not waited for now is waited for with the next chunks. */
const SHORTEST_WAIT_MS = 1;

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
  if (held.hasNeighbours()) await keepPace(held, Buffer.byteLength(output.chunk));
  if (stored.chunk === "") return;
  const live = liveChunk(stored.chunk);
  const event = runLogEvent({ companyId, runId, agentId, at: stored.lastOutputAt, stream, ...live });
  held.liveUnderWay.push(deps.events.publish([event]));
  if (held.liveUnderWay.length > LIVE_UNDER_WAY) await held.liveUnderWay.shift();
}

/** A child that prints without end leaves disk, Redis and processor to the others; alone it may have them. */
async function keepPace(held: HeldRun, bytes: number): Promise<void> {
  const { pace, waitMs } = takeOutput(held.pace, { bytes, nowMs: performance.now() });
  held.pace = pace;
  if (waitMs >= SHORTEST_WAIT_MS) await delay(waitMs);
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
