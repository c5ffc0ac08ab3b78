/** Lines for a run's log from many places at once: one `onLog` at a time, in order (AD-15, AD-44). */
import type { OutputStream } from "@wakefleet/contracts";
import type { AdapterExecutionContext } from "../contract.js";

export interface LineLog {
  /** Resolves when this line and all before it were taken. Never rejects. */
  write(stream: OutputStream, line: string): Promise<void>;
  /** Resolves when every line so far was taken. */
  settled(): Promise<void>;
}

/** A log that cannot be written is told once and changes nothing about the run (AD-44). */
export function createLineLog(execution: Pick<AdapterExecutionContext, "onLog" | "onWarning">): LineLog {
  let last: Promise<void> = Promise.resolve();
  let told = false;
  const deliver = async (stream: OutputStream, line: string): Promise<void> => {
    try {
      await execution.onLog(stream, `${line}\n`);
    } catch (cause) {
      if (told) return;
      told = true;
      execution.onWarning?.({ code: "on_log_failed", message: "A line for the run's log could not be stored", cause });
    }
  };
  return {
    write(stream, line) {
      last = last.then(() => deliver(stream, line));
      return last;
    },
    settled: () => last,
  };
}
