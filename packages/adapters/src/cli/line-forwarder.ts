/**
 * Hands output on in whole lines (AD-182, AD-266, AD-294), so that each line can be moved to the stream it belongs to.
 *
 * What must stay true: nothing is lost or reordered within a stream; a line that never ends is handed on in pieces once it
 * is longer than 1 Mi characters, as it came.
 */
import type { OutputStream } from "@wakefleet/contracts";

const LONGEST_HELD_CHARS = 1024 * 1024;

/** Where a line goes and what is left of it. */
export type LineMove = (stream: OutputStream, line: string) => { readonly stream: OutputStream; readonly text: string };

export interface LineForwarder {
  push(stream: OutputStream, chunk: string): Promise<void>;
  /** Hands on what is held back. */
  end(): Promise<void>;
}

export function createLineForwarder(
  move: LineMove,
  deliver: (stream: OutputStream, text: string) => Promise<void>,
): LineForwarder {
  const held: Record<OutputStream, string> = { stdout: "", stderr: "" };

  /** Neighbours that go to one stream go together: one call for each line would be slow. */
  const deliverLines = async (stream: OutputStream, lines: readonly string[]): Promise<void> => {
    let target: OutputStream = stream;
    let batch = "";
    for (const line of lines) {
      const moved = move(stream, line);
      if (moved.stream !== target && batch !== "") {
        await deliver(target, batch);
        batch = "";
      }
      target = moved.stream;
      batch += moved.text;
    }
    if (batch !== "") await deliver(target, batch);
  };

  return {
    async push(stream, chunk) {
      const text = held[stream] + chunk;
      const end = text.lastIndexOf("\n") + 1;
      held[stream] = text.slice(end);
      // Every line keeps its own end.
      if (end > 0) await deliverLines(stream, text.slice(0, end).match(/[^\n]*\n/g) ?? []);
      if (held[stream].length > LONGEST_HELD_CHARS) {
        const piece = held[stream];
        held[stream] = "";
        await deliver(stream, piece);
      }
    },
    async end() {
      for (const stream of ["stdout", "stderr"] as const) {
        const rest = held[stream];
        held[stream] = "";
        if (rest !== "") await deliverLines(stream, [rest]);
      }
    },
  };
}
