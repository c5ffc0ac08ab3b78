/** Usage and cost of the CLIs whose numbers cover one invocation (AD-65). */
import type { AdapterExecutionResult } from "../contract.js";

/** `usage` null is not known yet; a cost of null stays null. */
export function perRunFigures(output: {
  readonly usage: NonNullable<AdapterExecutionResult["usage"]> | null;
  readonly costUsd: number | null;
}): Pick<AdapterExecutionResult, "usage" | "usageBasis" | "costUsd"> {
  const { usage, costUsd } = output;
  return { costUsd, ...(usage === null ? {} : { usage, usageBasis: "per_run" }) };
}
