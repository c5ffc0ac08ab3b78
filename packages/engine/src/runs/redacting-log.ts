/** A run's log that takes the values of the run's secrets out of what it is given (SC-8), also where chunks cut them. */
import type { OutputStream } from "@wakefleet/contracts";
import type { SecretValueRedactor } from "@wakefleet/domain";
import type { RunLogClosed, RunLogWriter } from "@wakefleet/run-logs";

/**
 * The same writer where there is nothing to look for. What could be the beginning of a value is stored with its sequel, or
 * when the log is closed.
 */
export function redactingLog(writer: RunLogWriter, redactor: SecretValueRedactor): RunLogWriter {
  if (!redactor.isNeeded) return writer;
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
    append: (stream: OutputStream, chunk: string) => writer.append(stream, streams[stream].push(chunk)),
    excerpts: () => writer.excerpts(),
    progress: () => writer.progress(),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
