/** From how a child ended to the adapter's result (AD-29, AD-82). */
import type { JsonObject } from "@wakefleet/contracts";
import type { ChildOutcome } from "../child/supervise-child.js";
import type { AdapterExecutionResult } from "../contract.js";
import { readStructuredReport } from "./structured-report.js";

/** What of each stream goes into `resultJson`; the log has the rest (AD-82). */
const RESULT_OUTPUT_BYTES = 64 * 1024;

type Ending = Pick<AdapterExecutionResult, "errorMessage" | "errorCode">;

/** `abortMessage` is why the run was aborted, null when it was not. */
export function processResult(input: {
  readonly outcome: ChildOutcome;
  readonly timeoutSec: number;
  readonly abortMessage: string | null;
}): AdapterExecutionResult {
  const { outcome } = input;
  const ending = describeEnding(input);
  const resultJson: JsonObject = {
    stdout: outcome.stdout.text(RESULT_OUTPUT_BYTES),
    stderr: outcome.stderr.text(RESULT_OUTPUT_BYTES),
  };
  const report = readStructuredReport({ stdout: outcome.stdout.text(), failed: ending.errorMessage !== undefined });
  return {
    exitCode: outcome.exitCode,
    signal: outcome.signal,
    timedOut: outcome.timedOut,
    resultJson,
    ...(report.usage === undefined ? {} : { usageBasis: "per_run" }),
    ...report,
    ...ending,
  };
}

/** Empty for success. */
function describeEnding(input: Parameters<typeof processResult>[0]): Ending {
  const { outcome, timeoutSec, abortMessage } = input;
  if (outcome.timedOut) return { errorMessage: `Timed out after ${timeoutSec}s`, errorCode: "timeout" };
  // A run that was told to stop never reads as a success, even if the child answered TERM with exit 0.
  if (outcome.stop?.cause === "aborted") {
    return { errorMessage: abortMessage ?? "Run was cancelled", errorCode: "cancelled" };
  }
  if (outcome.signal !== null) return { errorMessage: `Process terminated by signal ${outcome.signal}` };
  if (outcome.exitCode !== 0) return { errorMessage: `Process exited with code ${outcome.exitCode ?? -1}` };
  return {};
}
