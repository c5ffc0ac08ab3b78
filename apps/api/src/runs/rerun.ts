/** Running again: a scheduled retry now (API-126), and a finished run's work once more (API-127). */
import type { RunRow } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import type { JsonAnswer } from "../http/route.js";
import { actorOf, type Principal } from "../principal.js";
import { wakeupAnswer } from "../wakeups/post-wakeup.js";
import { requireRun } from "./read-runs.js";

interface RunCommand {
  readonly caller: Principal;
  readonly runId: string;
}

/** The run, due now. Throws `conflict` when it is no scheduled retry. */
export async function runNow(deps: ApiDeps, command: RunCommand): Promise<RunRow> {
  const run = await requireRun(deps, command);
  assertBoard(command.caller);
  return await deps.engine.runNow({ runId: run.id });
}

/** The new run, or why there is none. Throws `conflict` while the run is not finished. */
export async function retryRun(deps: ApiDeps, command: RunCommand): Promise<JsonAnswer> {
  const run = await requireRun(deps, command);
  assertBoard(command.caller);
  const { type, id } = actorOf(command.caller);
  const result = await deps.engine.retryRun({ runId: run.id, actor: { type, id } });
  if (result.outcome === "rejected") throw result.error;
  return wakeupAnswer(result);
}
