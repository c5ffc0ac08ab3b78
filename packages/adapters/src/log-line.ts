/** A line of ours in the run's log, beside the agent's own output. */
import type { OutputStream } from "@wakefleet/contracts";
import type { AdapterExecutionContext } from "./contract.js";

/** Writes `[wakefleet] <text>` to the log. A log that cannot be written does not change the run's outcome (AD-44). */
export async function writeLogLine(
  execution: Pick<AdapterExecutionContext, "onLog" | "onWarning">,
  line: { readonly stream: OutputStream; readonly text: string },
): Promise<void> {
  try {
    await execution.onLog(line.stream, `[wakefleet] ${line.text}\n`);
  } catch (cause) {
    execution.onWarning?.({ code: "on_log_failed", message: "A line for the run's log could not be stored", cause });
  }
}
