/** Cancelling a run (API-125, CN-1, CN-2). */
import { isTerminalRunStatus } from "@wakefleet/contracts";
import type { RunRow } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import { actorOf, type Principal } from "../principal.js";
import { requireRun } from "./read-runs.js";

/** The run, and whether it is over; a run that was over before is answered unchanged. */
export async function cancelRun(
  deps: ApiDeps,
  command: { caller: Principal; runId: string; reason?: string | null | undefined; recover: boolean },
): Promise<{ run: RunRow; confirmed: boolean }> {
  const run = await requireRun(deps, command);
  assertBoard(command.caller);
  if (isTerminalRunStatus(run.status)) return { run, confirmed: true };
  return await deps.engine.cancelRun({
    runId: run.id,
    actor: actorOf(command.caller),
    recover: command.recover,
    ...(command.reason === null || command.reason === undefined ? {} : { reason: command.reason }),
  });
}
