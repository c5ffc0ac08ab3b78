/** From an adapter's result, or from what was thrown instead, to the end of the run (EX-12, EX-13, US-1 to US-3, AD-28 to AD-32). */
import { type AdapterExecutionResult, abortReasonOf, ChildLost, isHandedOver } from "@wakefleet/adapters";
import { asJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import {
  budgetStopFacts,
  budgetStopOf,
  CANCELLED_TEXT,
  type CancelFact,
  classifyOutcome,
  cutDisplayId,
  type HandedSession,
  type JudgedUsage,
  judgeUsage,
  nextSession,
  type RunOutcome,
  sessionAfterThrow,
  sessionUse,
  stopMetadata,
  storedResult,
} from "@wakefleet/domain";
import { findRun, type NewRunEvent, readPreviousSessionTotals, type SessionTotals } from "@wakefleet/store";
import { bareEnding, type RunEnding } from "./end-run.js";
import type { Execution, ExecutionEnd, PreparedRun } from "./execution.js";
import type { ExecutionLog } from "./redacting-log.js";
import { SetUpError } from "./set-up-error.js";
import type { RunRefused } from "./setup/run-refused.js";
import { whenStoreAnswers } from "./when-store-answers.js";

const OVER_LIMIT_CODE = "resource_limit";

/** The cancel that stopped the adapter, if it was one. */
function cancelOf({ held }: Execution): CancelFact | null {
  if (!held.abort.signal.aborted) return null;
  const reason = abortReasonOf(held.abort.signal);
  return reason.kind === "cancelled" ? { reason: reason.message } : null;
}

/** Lost or stopped runs are not ended by this worker as if they had ended by themselves. */
function stranded({ held }: Execution, log: RunEnding["log"]): ExecutionEnd | null {
  if (!held.abort.signal.aborted) return null;
  switch (abortReasonOf(held.abort.signal).kind) {
    case "lease_lost":
      return { kind: "lost" };
    case "worker_stopping":
      return { kind: "stopped", log };
    case "handed_over":
      return { kind: "handed_over" };
    case "cancelled":
    case "over_limit":
      return null;
  }
}

async function closeLog(execution: Execution, writer: ExecutionLog | null): Promise<RunEnding["log"]> {
  const { deps, claimed, held } = execution;
  if (writer === null) return null;
  try {
    return isHandedOver(held.abort.signal) ? await writer.leave() : await writer.close();
  } catch (error) {
    deps.log.error(
      { event: "run.log_close_failed", runId: claimed.run.id, err: error },
      "the run's log could not be closed",
    );
    return null;
  }
}

function logFacts(execution: Execution, writer: ExecutionLog | null, log: RunEnding["log"]) {
  const excerpts = writer?.excerpts() ?? { stdout: "", stderr: "" };
  const { progress } = execution.held;
  return {
    log,
    stdoutExcerpt: excerpts.stdout,
    stderrExcerpt: excerpts.stderr,
    progress: progress === null ? null : { ...progress },
  };
}

/** BY-10: what a run that used too much ends with, whatever its adapter says; nothing for another. */
function overLimit({ held }: Execution): Partial<AdapterExecutionResult> {
  if (!held.abort.signal.aborted) return {};
  const { kind, message } = abortReasonOf(held.abort.signal);
  if (kind !== "over_limit") return {};
  return {
    timedOut: false,
    errorMessage: message,
    errorCode: OVER_LIMIT_CODE,
    errorFamily: null,
    retryNotBefore: null,
  };
}

/** Stopped for its budget: what this worker has learnt of the cancel says so. */
function isBudgetStop({ held }: Execution): boolean {
  return held.abort.signal.aborted && held.cancelKind === "budget";
}

/** BY-6: a tool that tells its cost at its end only was stopped before: what justified the stop is what is booked. */
function costOfStopped(execution: Execution, { costUsd }: AdapterExecutionResult): Partial<AdapterExecutionResult> {
  const known = costUsd ?? execution.held.spending.costUsd;
  return isBudgetStop(execution) && known !== null ? { costUsd: known } : {};
}

/** BY-6: what the brake found, and how far the limit was overshot; nothing for a run that it did not stop. */
async function budgetStop(execution: Execution, { status }: RunOutcome, usage: JudgedUsage): Promise<JsonObject> {
  if (status !== "cancelled" || !isBudgetStop(execution)) return {};
  const { deps, claimed } = execution;
  const runId = claimed.run.id;
  const wait = { log: deps.log, runId, what: "read what stopped the run" };
  const run = await whenStoreAnswers(wait, () => findRun(deps.db.sql, runId));
  const stop = budgetStopOf(run?.receipts ?? []);
  return stop === null ? {} : budgetStopFacts(stop, usage.costCents);
}

/** The end that an adapter's result calls for. */
export async function endOfResult(
  execution: Execution,
  ended: { result: AdapterExecutionResult; writer: ExecutionLog; prepared: PreparedRun },
): Promise<ExecutionEnd> {
  const { claimed, deps } = execution;
  const { writer, prepared } = ended;
  const result = { ...ended.result, ...overLimit(execution), ...costOfStopped(execution, ended.result) };
  const handed = prepared.session;
  const log = await closeLog(execution, writer);
  const left = stranded(execution, log);
  if (left !== null) return left;
  const outcome = classifyOutcome(
    {
      exitCode: result.exitCode,
      signal: result.signal,
      timedOut: result.timedOut,
      errorMessage: result.errorMessage ?? null,
      errorCode: result.errorCode ?? null,
    },
    cancelOf(execution),
  );
  const { adapterType } = claimed.agent;
  const session = nextSession(result, handed, deps.adapters.sessionCodec(adapterType));
  const sessionIdAfter = session.displayId ?? cutDisplayId(session.sessionId);
  const usage = await judge(execution, { result, handed, sessionIdAfter });
  const stop = { ...stopOf(execution, outcome, prepared), ...(await budgetStop(execution, outcome, usage)) };
  return {
    kind: "end",
    ending: {
      ...bareEnding({ runId: claimed.run.id, guard: heldGuard(execution), ...outcome }),
      exitCode: result.exitCode,
      signal: result.signal,
      usageJson: usage.usageJson,
      resultJson: storedResult({
        resultJson: result.resultJson ?? null,
        summary: result.summary ?? null,
        errorFamily: outcome.status === "failed" ? (result.errorFamily ?? null) : null,
        retryNotBefore: outcome.status === "failed" ? (result.retryNotBefore ?? null) : null,
        stop,
      }),
      sessionIdAfter,
      ...logFacts(execution, writer, log),
      cancelKind: outcome.status === "cancelled" ? (execution.held.cancelKind ?? "person") : null,
      cost: usage.isBillable ? costOf(usage) : null,
      session: {
        adapterType,
        taskKey: handed.taskKey,
        ...session,
        lastError: outcome.status === "succeeded" ? null : (nonEmptyString(result.errorMessage) ?? "run_failed"),
      },
    },
  };
}

function heldGuard(execution: Execution): RunEnding["guard"] {
  const { workerId, claimToken } = execution.claimed.fence;
  return { kind: "held", workerId, claimToken, cancelSeen: cancelOf(execution) !== null };
}

/** LV-100 to LV-109, by the settings of this run where it came to have some. */
function stopOf({ claimed, held }: Execution, outcome: RunOutcome, prepared: PreparedRun | null) {
  return stopMetadata({
    status: outcome.status,
    errorCode: outcome.errorCode,
    cancelKind: held.cancelKind,
    adapterType: claimed.agent.adapterType,
    adapterConfig: prepared?.config ?? asJsonObject(claimed.agent.adapterConfig),
  });
}

function costOf(usage: JudgedUsage): NonNullable<RunEnding["cost"]> {
  const { provider, biller, model, billingType, costCents } = usage;
  return { provider, biller, model, billingType, costCents, ...usage.tokens };
}

/** US-1: totals of a session are compared with those of the latest earlier run that ended with the same session. */
async function judge(
  execution: Execution,
  facts: { result: AdapterExecutionResult; handed: HandedSession; sessionIdAfter: string | null },
): Promise<JudgedUsage> {
  const { result, handed, sessionIdAfter } = facts;
  const needsTotals =
    result.usageBasis === "session_cumulative" && result.usage !== undefined && sessionIdAfter !== null;
  return judgeUsage({
    usage: result.usage ?? null,
    usageBasis: result.usageBasis ?? null,
    costUsd: result.costUsd ?? null,
    billingType: result.billingType ?? null,
    provider: result.provider ?? null,
    biller: result.biller ?? null,
    model: result.model ?? null,
    previousTotals: needsTotals ? await previousTotalsOf(execution, sessionIdAfter) : null,
    session: sessionUse(handed, sessionIdAfter),
  });
}

/** A database that is away must not make a failure of a run that succeeded: it is waited for. */
function previousTotalsOf({ deps, claimed }: Execution, sessionId: string): Promise<SessionTotals | null> {
  const { agentId, id: runId } = claimed.run;
  return whenStoreAnswers({ log: deps.log, runId, what: "read the session's totals" }, () =>
    readPreviousSessionTotals(deps.db.sql, { agentId, sessionId, runId }),
  );
}

/** CO-33: the end of a run that its set-up found to be held or blocked. A cancel that was asked for comes first. */
export async function endOfRefusal(
  execution: Execution,
  end: { refused: RunRefused; writer: ExecutionLog | null },
): Promise<ExecutionEnd> {
  const { refused, writer } = end;
  if (execution.held.abort.signal.aborted) return endOfFault(execution, { error: refused, writer, started: null });
  const log = await closeLog(execution, writer);
  return {
    kind: "end",
    ending: {
      ...bareEnding({ runId: execution.claimed.run.id, guard: heldGuard(execution), ...refused.end }),
      ...logFacts(execution, writer, log),
    },
  };
}

/** EX-13: what was thrown before or inside the adapter ends the run. */
export async function endOfFault(
  execution: Execution,
  fault: { error: unknown; writer: ExecutionLog | null; started: PreparedRun | null },
): Promise<ExecutionEnd> {
  const { deps, claimed } = execution;
  const log = await closeLog(execution, fault.writer);
  const left = stranded(execution, log);
  if (left !== null) return left;
  if (fault.error instanceof ChildLost) return { kind: "stopped", log };
  const message = fault.error instanceof Error ? fault.error.message : String(fault.error);
  deps.log.info({ event: "run.fault", ...claimed.fence, err: fault.error }, "the run could not be executed");
  const cancel = cancelOf(execution);
  const outcome: RunOutcome =
    cancel === null
      ? {
          status: "failed",
          error: message,
          errorCode: fault.error instanceof SetUpError ? fault.error.code : "adapter_failed",
        }
      : { status: "cancelled", error: cancel.reason || CANCELLED_TEXT, errorCode: "cancelled" };
  const errorEvent: NewRunEvent = { eventType: "error", stream: "system", level: "error", message, payload: null };
  return {
    kind: "end",
    ending: {
      ...bareEnding({ runId: claimed.run.id, guard: heldGuard(execution), ...outcome }),
      resultJson: stopOf(execution, outcome, fault.started),
      ...logFacts(execution, fault.writer, log),
      cancelKind: cancel === null ? null : (execution.held.cancelKind ?? "person"),
      eventsBefore: cancel === null ? [errorEvent] : [],
      session: fault.started === null ? null : sessionOfThrow(execution, fault.started.session, message),
    },
  };
}

/** SE-58. */
function sessionOfThrow({ deps, claimed }: Execution, handed: HandedSession, message: string): RunEnding["session"] {
  const { adapterType } = claimed.agent;
  const kept = sessionAfterThrow(handed, deps.adapters.sessionCodec(adapterType));
  return { adapterType, taskKey: handed.taskKey, ...kept, lastError: message };
}
