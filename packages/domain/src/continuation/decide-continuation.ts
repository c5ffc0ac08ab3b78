/**
 * Bounded liveness continuation (06 section 2): a run that only planned, or said nothing, is followed by at most two more
 * by the service's own hand. Pure (LV-4); decided once, as the last step about the issue at the end of a run (LV-60).
 */
import type { AgentStatus, IssueStatus, JsonObject } from "@wakefleet/contracts";
import { isInvokable } from "../agent.js";
import type { LivenessState } from "../liveness/classify-run.js";

/** LV-61. */
export const MAX_CONTINUATION_ATTEMPTS = 2;
export const CONTINUATION_REASON = "run_liveness_continuation";

/** LV-60. */
export function isContinuable(state: LivenessState | string | null): state is "plan_only" | "empty_response" {
  return state === "plan_only" || state === "empty_response";
}

export interface ContinuationFacts {
  readonly run: {
    readonly id: string;
    readonly companyId: string;
    readonly agentId: string;
    readonly issueId: string;
    readonly livenessState: "plan_only" | "empty_response";
    readonly livenessReason: string | null;
    readonly nextAction: string | null;
    /** Used so far: 0 for an ordinary run. */
    readonly continuationAttempt: number;
  };
  /** Null: not in the run's company. */
  readonly issue: {
    readonly companyId: string;
    readonly status: IssueStatus;
    readonly assigneeAgentId: string | null;
    readonly hasExecutionState: boolean;
  } | null;
  readonly agent: { readonly companyId: string; readonly status: AgentStatus } | null;
  readonly isBudgetBlocked: boolean;
  /** A request still has the key that the next attempt would use (LV-73). */
  readonly keyIsTaken: boolean;
}

export type ContinuationDecision =
  | { readonly kind: "skip"; readonly rule: string; readonly reason: string }
  | { readonly kind: "exhausted" }
  | { readonly kind: "enqueue"; readonly attempt: number; readonly idempotencyKey: string };

/** LV-73: the key of the attempt that would follow this run. */
export function continuationKey(run: ContinuationFacts["run"]): string {
  return [CONTINUATION_REASON, run.issueId, run.id, run.livenessState, run.continuationAttempt + 1].join(":");
}

/** The first row of LV-62 to LV-72 that applies. */
export function decideContinuation(facts: ContinuationFacts): ContinuationDecision {
  const { run, issue, agent } = facts;
  const skip = (rule: string, reason: string): ContinuationDecision => ({ kind: "skip", rule, reason });
  if (issue === null) return skip("LV-62", "issue not found");
  if (agent === null) return skip("LV-63", "agent not found");
  if (issue.companyId !== run.companyId || agent.companyId !== run.companyId) {
    return skip("LV-64", "company scope mismatch");
  }
  if (issue.assigneeAgentId !== run.agentId) {
    return skip("LV-65", "issue is no longer assigned to the source run agent");
  }
  if (issue.status !== "todo" && issue.status !== "in_progress") {
    return skip("LV-66", `issue status ${issue.status} is not continuable`);
  }
  if (issue.hasExecutionState) return skip("LV-67", "issue is blocked by execution policy state");
  if (!isInvokable(agent.status)) return skip("LV-68", `agent status ${agent.status} is not invokable`);
  if (facts.isBudgetBlocked) return skip("LV-69", "budget hard stop blocks continuation");
  if (run.continuationAttempt >= MAX_CONTINUATION_ATTEMPTS) return { kind: "exhausted" };
  if (facts.keyIsTaken) {
    return skip("LV-71", "continuation wake already exists for this source run and attempt");
  }
  return { kind: "enqueue", attempt: run.continuationAttempt + 1, idempotencyKey: continuationKey(run) };
}

const DEFAULT_INSTRUCTION =
  "The previous run ended without concrete progress. Take the first concrete action now or mark the issue blocked with a specific unblock request.";

/** LV-74: payload and context of the wake. */
export function continuationWake(
  run: ContinuationFacts["run"],
  attempt: number,
): { payload: JsonObject; context: JsonObject } {
  const instruction = run.nextAction ?? DEFAULT_INSTRUCTION;
  return {
    payload: {
      issueId: run.issueId,
      sourceRunId: run.id,
      livenessState: run.livenessState,
      livenessReason: run.livenessReason,
      continuationAttempt: attempt,
      maxContinuationAttempts: MAX_CONTINUATION_ATTEMPTS,
      instruction,
    },
    context: {
      issueId: run.issueId,
      taskId: run.issueId,
      taskKey: run.issueId,
      wakeReason: CONTINUATION_REASON,
      livenessContinuationAttempt: attempt,
      livenessContinuationMaxAttempts: MAX_CONTINUATION_ATTEMPTS,
      livenessContinuationSourceRunId: run.id,
      livenessContinuationState: run.livenessState,
      livenessContinuationReason: run.livenessReason,
      livenessContinuationInstruction: instruction,
    },
  };
}

const NO_PROGRESS = "Run ended without concrete progress";
const EXHAUSTED_NOTE = "; continuation attempts exhausted";
/** LV-77: how the one comment begins. */
export const EXHAUSTED_COMMENT_START = "Bounded liveness continuation exhausted";

/** LV-76: the reason with the note, appended once. */
export function exhaustedReason(reason: string | null): string {
  const base = reason ?? NO_PROGRESS;
  return base.endsWith(EXHAUSTED_NOTE) ? base : `${base}${EXHAUSTED_NOTE}`;
}

/** LV-77. */
export function exhaustedComment(
  run: Pick<ContinuationFacts["run"], "livenessState" | "livenessReason" | "continuationAttempt">,
): string {
  return [
    EXHAUSTED_COMMENT_START,
    "",
    `- Last liveness state: \`${run.livenessState}\``,
    `- Attempts used: ${run.continuationAttempt}/${MAX_CONTINUATION_ATTEMPTS}`,
    `- Reason: ${run.livenessReason ?? NO_PROGRESS}`,
    "- Next action: a human or manager should inspect the run and either clarify the task, mark it blocked, or assign a concrete follow-up.",
  ].join("\n");
}
