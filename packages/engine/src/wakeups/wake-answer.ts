/** What a caller is told of a decided wake (API-108, API-109), and how an idempotent call tells it again (WK-42). */
import { type ErrorCode, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import type { ActiveRunFact } from "@wakefleet/domain";
import type { NewWakeupRequest, RunRow } from "@wakefleet/store";
import type { AcceptWakeupResult, DecidedWakeup, SkipAnswer, WakeupSummary } from "./wake-request.js";

/** API-109: the request as it is answered beside the run. */
export function summaryOf(request: NewWakeupRequest, now: Date): WakeupSummary {
  return {
    id: request.id,
    status: request.status,
    reason: request.reason,
    coalescedCount: request.coalescedCount,
    runId: request.runId,
    idempotencyKey: request.idempotencyKey,
    requestedAt: now.toISOString(),
  };
}

/** API-108: why there is no run for it now, and who is executing the issue meanwhile. */
export function skipAnswer(facts: {
  skipReason: string;
  issueId: string | null;
  behind: ActiveRunFact | null;
  behindName: string | null;
}): SkipAnswer {
  if (facts.behind === null) {
    return {
      status: "skipped",
      reason: "wakeup_skipped",
      message: "Wakeup was skipped.",
      issueId: facts.issueId,
      executionRunId: null,
      executionAgentId: null,
      executionAgentName: null,
      skipReason: facts.skipReason,
    };
  }
  return {
    status: "skipped",
    reason: "issue_execution_deferred",
    message:
      facts.behindName === null
        ? "Wakeup was deferred because this issue already has an active execution run."
        : `Wakeup was deferred because this issue is already being executed by ${facts.behindName}.`,
    issueId: facts.issueId,
    executionRunId: facts.behind.id,
    executionAgentId: facts.behind.agentId,
    executionAgentName: facts.behindName,
    skipReason: facts.skipReason,
  };
}

/**
 * The decided wake as it is kept for a repeated call: as text, because `jsonb` would give its keys in another order and
 * the repeated call is answered byte for byte like the first (API-109).
 */
export function storedAnswer(decided: Omit<DecidedWakeup, "replayed">): JsonObject {
  return { answer: JSON.stringify(decided) };
}

const INSTANTS = /At$/;

/** A refusal that left a row (the 409 of a budget block) is kept, too (API-111). */
export function storedRefusal(error: WakefleetError): JsonObject {
  return { refusal: JSON.stringify({ code: error.code, message: error.message, details: error.details ?? null }) };
}

/** The first call's answer, as it was stored. */
export function replayOf(stored: JsonObject): AcceptWakeupResult {
  if (typeof stored["refusal"] === "string") {
    const { code, message, details } = JSON.parse(stored["refusal"]) as {
      code: ErrorCode;
      message: string;
      details: unknown;
    };
    return { outcome: "rejected", error: new WakefleetError(code, message, details), replayed: true };
  }
  const answer = JSON.parse(String(stored["answer"])) as DecidedWakeup;
  return { ...answer, replayed: true, run: answer.run === null ? null : reviveRun(answer.run) };
}

function reviveRun(run: RunRow): RunRow {
  const revived: Record<string, unknown> = { ...run };
  for (const [name, value] of Object.entries(revived)) {
    if (INSTANTS.test(name) && typeof value === "string") revived[name] = new Date(value);
  }
  return revived as unknown as RunRow;
}
