/** What an operator may ask of a run again: a due time now (API-126, RT-6), or another run after its end (API-127). */
import { isTerminalRunStatus, WakefleetError } from "@wakefleet/contracts";
import { type Database, findRun, makeRetryDue, type RunRow, readRunsForJobs } from "@wakefleet/store";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import { runJobOf } from "../dispatch/run-job.js";
import type { AcceptWakeupResult } from "../wakeups/wake-request.js";
import type { WakeupAcceptor } from "../wakeups/wakeup-acceptor.js";

export interface RerunCommand {
  readonly runId: string;
  readonly actor: { readonly type: "user" | "agent" | "system"; readonly id: string };
}

async function readRun(db: Database, runId: string): Promise<RunRow> {
  const run = await findRun(db.sql, runId);
  if (run === null) throw new WakefleetError("not_found", "Heartbeat run not found");
  return run;
}

/** Makes a scheduled retry due now. Throws `conflict` for any other run. */
export async function runNow(
  deps: { db: Database; dispatcher: Pick<RunDispatcher, "hand"> },
  runId: string,
): Promise<RunRow> {
  await readRun(deps.db, runId);
  const due = await makeRetryDue(deps.db.sql, runId);
  if (due === null) throw new WakefleetError("conflict", "Only scheduled retries can be run now");
  deps.dispatcher.hand((await readRunsForJobs(deps.db.sql, [runId])).map(runJobOf));
  return due;
}

/** Wakes the agent of a finished run for the same work; all gates of a wake apply. Throws `conflict` for an active run. */
export async function retryRun(
  deps: { db: Database; acceptor: Pick<WakeupAcceptor, "acceptBatch"> },
  command: RerunCommand,
): Promise<AcceptWakeupResult> {
  const run = await readRun(deps.db, command.runId);
  if (!isTerminalRunStatus(run.status)) throw new WakefleetError("conflict", "Only finished runs can be retried");
  const wake = {
    agentId: run.agentId,
    companyId: run.companyId,
    source: "on_demand",
    triggerDetail: "manual",
    reason: "manual_retry",
    payload: run.issueId === null ? null : { issueId: run.issueId },
    context: { ...run.contextSnapshot, wakeReason: "manual_retry", retryOfRunId: run.id, retryReason: "manual" },
    actor: command.actor,
    idempotencyKey: null,
    fingerprint: null,
    logActivity: true,
    retryOfRunId: run.id,
  } as const;
  // In a transaction of its own: a repeated request is known by it (API-308).
  const [result] = await deps.acceptor.acceptBatch([wake]);
  if (result === undefined) throw new Error(`the retry of run ${run.id} was left without a result`);
  return result;
}
