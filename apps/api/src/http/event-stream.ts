/**
 * Server-sent events (API-261, API-303): the frame, the keep-alive comments, the last event when the process stops, and
 * the limit for clients that read too slowly.
 */
import { once, setMaxListeners } from "node:events";
import { WakefleetError } from "@wakefleet/contracts";
import type { Response } from "express";
import type { Lifecycle } from "../deps.js";

const RETRY_MS = 2_000;
const COMMENT_EVERY_MS = 15_000;
/** A client with more than this unread is cut (API-263). */
const MAX_BUFFERED_BYTES = 1024 * 1024;

export interface ServerEvent {
  readonly id?: number;
  readonly event: string;
  readonly data: unknown;
}

export interface EventStream {
  /** Aborts when the client went away, was too slow, or the process stops. */
  readonly signal: AbortSignal;
  /** Writes an event; a client that has too much unread is cut. */
  send(event: ServerEvent): void;
  /** Writes an event and waits until the client took it: for streams that read at the client's pace. */
  sendAtPace(event: ServerEvent): Promise<void>;
  /** Ends the stream; with the last event of API-18 when the process stops. */
  end(): void;
}

/**
 * Writes the head of the stream and keeps it alive until it ends.
 * Throws `shutting_down` while the process stops: a stream that begins now would only be cut (API-58).
 */
export function openEventStream(res: Response, lifecycle: Lifecycle): EventStream {
  if (lifecycle.draining) throw new WakefleetError("shutting_down", "The server is shutting down");
  const over = new AbortController();
  res.status(200);
  res.setHeader("Content-Type", "text/event-stream; charset=utf-8");
  res.setHeader("Cache-Control", "no-store");
  res.setHeader("X-Accel-Buffering", "no");
  res.flushHeaders();
  res.write(`retry: ${RETRY_MS}\n\n`);

  const comments = setInterval(() => res.write(": keep-alive\n\n"), COMMENT_EVERY_MS);
  const stop = (): void => over.abort();
  res.on("close", stop);
  // One listener for each stream that is open, taken away with it: no leak, however many there are.
  setMaxListeners(0, lifecycle.closing);
  lifecycle.closing.addEventListener("abort", stop, { once: true });
  over.signal.addEventListener("abort", () => {
    clearInterval(comments);
    lifecycle.closing.removeEventListener("abort", stop);
  });
  if (lifecycle.closing.aborted) stop();

  const write = (event: ServerEvent): boolean => {
    const id = event.id === undefined ? "" : `id: ${event.id}\n`;
    return res.write(`${id}event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`);
  };

  return {
    signal: over.signal,
    send(event) {
      if (over.signal.aborted) return;
      write(event);
      if (res.writableLength > MAX_BUFFERED_BYTES) {
        over.abort();
        res.destroy();
      }
    },
    async sendAtPace(event) {
      if (over.signal.aborted || write(event)) return;
      await once(res, "drain", { signal: over.signal }).catch((error: unknown) => {
        if (!over.signal.aborted) throw error;
      });
    },
    end() {
      if (lifecycle.closing.aborted && !res.destroyed) write({ event: "stream.closing", data: {} });
      over.abort();
      res.end();
    },
  };
}
