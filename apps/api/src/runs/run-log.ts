/** A run's log over HTTP: pages (API-123) and the live tail (API-303). */
import { isTerminalRunStatus, WakefleetError } from "@wakefleet/contracts";
import { findRun, type RunRow } from "@wakefleet/store";
import type { Response } from "express";
import type { ApiDeps } from "../deps.js";
import { openEventStream } from "../http/event-stream.js";
import type { Principal } from "../principal.js";
import { requireRun } from "./read-runs.js";

/** How often a stream asks the database whether its run is over, when nobody told it, milliseconds. */
const ENDED_CHECK_MS = 2_000;

/** API-123. */
export async function readRunLog(
  deps: ApiDeps,
  query: { caller: Principal; runId: string; offset: number; limitBytes: number },
): Promise<object> {
  const run = await requireRun(deps, query);
  if (run.logRef === null || run.logStore === null) throw new WakefleetError("not_found", "Run log not found");
  const page = await deps.logs.read({ ref: run.logRef, offset: query.offset, limitBytes: query.limitBytes });
  if (page === null) throw new WakefleetError("not_found", "Run log not found");
  return {
    runId: run.id,
    store: run.logStore,
    logRef: run.logRef,
    content: page.content,
    ...(page.nextOffset === undefined ? {} : { nextOffset: page.nextOffset }),
    endOfRun: isTerminalRunStatus(run.status),
    totalBytes: page.totalBytes,
  };
}

/**
 * API-303: every line from an offset on, then each new one; `end` when the run is over and read. It reads the log itself
 * and not the live events, so it works from any process and misses nothing; events only make it prompt.
 */
export async function streamRunLog(
  deps: ApiDeps,
  query: { run: RunRow; offset: number; res: Response },
): Promise<void> {
  const { run } = query;
  const stream = openEventStream(query.res, deps.lifecycle);
  const watch = watchRun(deps, { run, signal: stream.signal });
  let offset = query.offset;
  try {
    const lines = deps.logs.tail({
      ref: run.logRef ?? deps.logs.refOf({ companyId: run.companyId, agentId: run.agentId, runId: run.id }),
      offset,
      signal: stream.signal,
      isEnded: watch.isEnded,
      onNudge: watch.onNudge,
    });
    for await (const line of lines) {
      offset = line.offset;
      const data = { ts: line.ts, stream: line.stream, chunk: line.chunk, offset: line.offset };
      await stream.sendAtPace({ id: line.offset, event: "log", data });
    }
    if (!stream.signal.aborted) {
      const ended = (await findRun(deps.db.sql, run.id)) ?? run;
      const { status, errorCode, exitCode } = ended;
      stream.send({ event: "end", data: { status, errorCode, exitCode, totalBytes: offset } });
    }
  } finally {
    watch.stop();
    stream.end();
  }
}

/** Knows whether a run is over: by its live events at once, by the database every so often. */
function watchRun(
  deps: ApiDeps,
  watched: { run: RunRow; signal: AbortSignal },
): { isEnded(): Promise<boolean>; onNudge(wake: () => void): () => void; stop(): void } {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, watched.signal]);
  const wakers = new Set<() => void>();
  let ended = isTerminalRunStatus(watched.run.status);
  let checkedAt = Number.NEGATIVE_INFINITY;

  const follow = async (): Promise<void> => {
    const events = deps.live.subscribe({
      companyIds: [watched.run.companyId],
      types: ["heartbeat.run.log", "heartbeat.run.status"],
      runId: watched.run.id,
      signal,
    });
    for await (const event of events) {
      if (event.type === "heartbeat.run.status") checkedAt = Number.NEGATIVE_INFINITY;
      for (const wake of wakers) wake();
    }
  };
  if (!ended) {
    follow().catch((err: unknown) => {
      if (!signal.aborted) deps.log.warn({ err, runId: watched.run.id }, "live events stopped; the log is polled");
    });
  }
  return {
    async isEnded() {
      const now = performance.now();
      if (ended || now - checkedAt < ENDED_CHECK_MS) return ended;
      checkedAt = now;
      const run = await findRun(deps.db.sql, watched.run.id);
      ended = run === null || isTerminalRunStatus(run.status);
      return ended;
    },
    onNudge(wake) {
      wakers.add(wake);
      return () => void wakers.delete(wake);
    },
    stop() {
      over.abort();
    },
  };
}
