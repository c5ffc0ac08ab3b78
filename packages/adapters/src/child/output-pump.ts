/**
 * Carries one output stream of a child to the host, at the host's pace (AD-44).
 *
 * What must stay true: the next chunk is read only after the host took the last one, so a child that prints faster than
 * the host stores is held by its own full pipe, not by our memory; a character cut by a chunk border arrives whole; not a
 * byte that the child printed before it ended is lost.
 */
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { OutputTail } from "./output-tail.js";

/**
 * Once nobody of the child's group is left, what may still come is what the pipe and the stream held (a few hundred KiB).
 * More than that comes from a stranger who inherited the pipe.
 */
const LEFTOVER_LIMIT_BYTES = 4 * 1024 * 1024;
/** How long a pipe may stay empty once nobody of the group is left, milliseconds. */
const LEFTOVER_IDLE_MS = 250;

export interface OutputPumpOptions {
  readonly stream: Readable;
  readonly tail: OutputTail;
  /** Nothing is delivered before it settles. */
  readonly startWhen: Promise<unknown>;
  /** Never rejects; the next chunk waits for it. */
  deliver(text: string): Promise<void>;
  /** The pipe broke. */
  onError(error: unknown): void;
}

export interface OutputPump {
  /** Resolves when the pipe is closed and everything was delivered. Never rejects. */
  readonly done: Promise<void>;
  /**
   * The child's group is gone. Delivers what is left in the pipe, then lets go of it, even if a process that left the
   * group still holds its other end.
   */
  finishLeftovers(): void;
}

/** Begins to read at once, so that nothing is lost of a child that ends before `startWhen` settles. */
export function pumpOutput(options: OutputPumpOptions): OutputPump {
  const { stream, tail } = options;
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let letGo = false;
  let waitingForData = false;
  let leftoverBytes = 0;
  let chunksSeen = 0;
  let idleCheck: NodeJS.Timeout | undefined;

  const release = (): void => {
    letGo = true;
    stream.destroy();
  };

  /** A promise that never rejects: the error is told, then reads as the end. */
  const read = async (): Promise<Buffer | null> => {
    try {
      const next = await chunks.next();
      return next.done === true ? null : next.value;
    } catch (error) {
      if (!letGo) options.onError(error);
      return null;
    }
  };

  const run = async (first: Promise<Buffer | null>): Promise<void> => {
    const decoder = new StringDecoder("utf8");
    await options.startWhen;
    let reading = first;
    for (;;) {
      waitingForData = true;
      const chunk = await reading;
      waitingForData = false;
      if (chunk === null) break;
      chunksSeen += 1;
      tail.append(chunk);
      const text = decoder.write(chunk);
      if (text !== "") await options.deliver(text);
      if (idleCheck !== undefined) {
        leftoverBytes += chunk.byteLength;
        if (leftoverBytes > LEFTOVER_LIMIT_BYTES) release();
      }
      reading = read();
    }
    clearInterval(idleCheck);
    const rest = decoder.end();
    if (rest !== "") await options.deliver(rest);
  };

  const done = run(read());
  return {
    done,
    finishLeftovers() {
      if (idleCheck !== undefined) return;
      let seenBefore = -1;
      // A host that is slow to take a chunk is not an idle pipe: only a read that waits counts.
      idleCheck = setInterval(() => {
        if (waitingForData && chunksSeen === seenBefore) release();
        seenBefore = waitingForData ? chunksSeen : -1;
      }, LEFTOVER_IDLE_MS);
      void done.then(() => clearInterval(idleCheck));
    },
  };
}
