/** Refuses execution targets an adapter cannot serve (AD-14): a run must fail rather than happen in the wrong place. */
import type { AdapterExecutionContext } from "./contract.js";

/** @throws Error when the run is meant for another machine and this adapter only works on the worker. */
export function requireLocalTarget(execution: AdapterExecutionContext, adapterType: string): void {
  const target = execution.executionTarget ?? null;
  if (target === null || target.kind === "local") return;
  throw new Error(
    `The ${adapterType} adapter cannot run on a remote target (${target.transport}, "${target.remoteCwd}"). ` +
      "Choose a local environment for this agent.",
  );
}
