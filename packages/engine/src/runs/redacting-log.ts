/** A run's log that takes the values of the run's secrets out of what it is given (SC-8), also where chunks cut them. */
import type { OutputStream } from "@wakefleet/contracts";
import type { SecretValueRedactor } from "@wakefleet/domain";
import type { RunLogClosed, RunLogWriter } from "@wakefleet/run-logs";

/** The log of a run under way. */
export interface ExecutionLog extends RunLogWriter {
  /** A chunk that an earlier worker stored (BY-9): what follows is read as its sequel. */
  pass(stream: OutputStream, chunk: string): void;
  /** Ends the log for this worker, not for the run: whoever takes it over stores what is held back with its sequel. */
  leave(): Promise<RunLogClosed>;
}

/** What could be the beginning of a value is stored with its sequel, or when the log is closed. */
export function redactingLog(writer: RunLogWriter, redactor: SecretValueRedactor): ExecutionLog {
  const streams = { stdout: redactor.stream(), stderr: redactor.stream() };
  let closing: Promise<RunLogClosed> | null = null;

  async function close(): Promise<RunLogClosed> {
    const rests = (["stdout", "stderr"] as const).map((stream) => writer.append(stream, streams[stream].flush()));
    const stored = await Promise.allSettled(rests);
    const closed = await writer.close();
    for (const rest of stored) if (rest.status === "rejected") throw rest.reason;
    return closed;
  }

  return {
    ref: writer.ref,
    adoptedMark: writer.adoptedMark,
    append: (stream, chunk, mark) => writer.append(stream, streams[stream].push(chunk), mark),
    pass(stream, chunk) {
      streams[stream].push(chunk);
    },
    excerpts: () => writer.excerpts(),
    progress: () => writer.progress(),
    close() {
      closing ??= close();
      return closing;
    },
    leave() {
      closing ??= writer.close();
      return closing;
    },
  };
}
