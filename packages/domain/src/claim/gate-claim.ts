/**
 * Claiming a run: the gates of 03 "Claiming" (CL-1 to CL-18, CL-30 to CL-32) as one pure function over one consistent
 * snapshot (CL-16).
 */
import type { AgentStatus, JsonObject, RunStatus } from "@wakefleet/contracts";
import { isInvokable } from "../agent.js";
import { HELD_TEXT } from "../holds/texts.js";
import type { BudgetBlock } from "../policy/budget-block.js";
import type { TreeHoldFact } from "../wakeup/decide-wakeup.js";
import { type IssueGateFacts, type IssueGateRefusal, issueGate, retryGate } from "./issue-gates.js";

/** An issue-scoped run's issue, read under its row's lock. */
export interface ClaimIssueFacts extends IssueGateFacts {
  /** The execution lock is free or already this run's. */
  readonly lockFreeOrOwn: boolean;
  /** The nearest active pause hold (TH-10). */
  readonly hold: TreeHoldFact | null;
}

export interface ClaimFacts {
  /** Null when the run is gone. */
  readonly run: {
    readonly status: RunStatus;
    readonly scheduledRetryAtMs: number | null;
    readonly context: JsonObject;
    /** The issue the context names; null without one. */
    readonly issueId: string | null;
    /** Verified for that issue (TH-21, TH-23). */
    readonly isInteraction: boolean;
    /** What a cancelled retry's event tells (CL-31). */
    readonly retry: JsonObject;
  } | null;
  /** Null when the agent is gone. */
  readonly agent: { readonly id: string; readonly status: AgentStatus; readonly maxConcurrentRuns: number } | null;
  /** What blocks the agent, its company or the run's projects (BU-15). */
  readonly budget: BudgetBlock | null;
  /** Slots 1..10 held by the agent's running runs now. */
  readonly takenSlots: readonly number[];
  /** Null without an issue, or when it no longer exists. */
  readonly issue: ClaimIssueFacts | null;
  /** The database's clock. */
  readonly nowMs: number;
}

export type ClaimDecision =
  /** CL-1: nothing to do; the job ends and nothing is written. */
  | { readonly kind: "ended"; readonly rule: "CL-1" }
  /** CL-2: the job goes back to its due time. */
  | { readonly kind: "not_due"; readonly rule: "CL-2"; readonly dueAtMs: number }
  /** CL-4 to CL-7: cancelled as CN-1 does. */
  | {
      readonly kind: "cancel";
      readonly rule: "CL-4" | "CL-5" | "CL-6" | "CL-7";
      readonly cancelKind: "gate" | "budget" | "hold";
      readonly text: string;
      /** CL-7: the hold that stopped it. */
      readonly hold: TreeHoldFact | null;
    }
  /** CL-8 to CL-12, CL-30, CL-31: what has become of the issue. */
  | { readonly kind: "refuse"; readonly rule: IssueGateRefusal["rule"]; readonly refusal: IssueGateRefusal }
  /** CL-18: more than `maxConcurrentRuns`; the job is put back, not lost. */
  | { readonly kind: "full"; readonly rule: "CL-18" }
  /** CL-13, CL-14: queued → running in this slot; the lock is stamped when `takesLock`; CL-32 when `wasRetry`. */
  | {
      readonly kind: "claim";
      readonly rule: "CL-13";
      readonly slot: number;
      readonly takesLock: boolean;
      readonly wasRetry: boolean;
    };

/** The first rule that fails names the reason; the order is part of the specification. */
export function gateClaim(facts: ClaimFacts): ClaimDecision {
  const { run, agent, issue } = facts;
  if (run === null || (run.status !== "queued" && run.status !== "scheduled_retry"))
    return { kind: "ended", rule: "CL-1" };
  const wasRetry = run.status === "scheduled_retry";
  if (wasRetry && run.scheduledRetryAtMs !== null && run.scheduledRetryAtMs > facts.nowMs) {
    return { kind: "not_due", rule: "CL-2", dueAtMs: run.scheduledRetryAtMs };
  }
  const cancel = (
    rule: "CL-4" | "CL-5" | "CL-6" | "CL-7",
    cancelKind: "gate" | "budget" | "hold",
    text: string,
    hold: TreeHoldFact | null = null,
  ): ClaimDecision => ({ kind: "cancel", rule, cancelKind, text, hold });

  if (agent === null) return cancel("CL-4", "gate", "Cancelled because the agent no longer exists");
  const waiting = { agentId: agent.id, isRetry: wasRetry, context: run.context, isInteraction: run.isInteraction };
  if (wasRetry) {
    const refusal = retryGate({ ...waiting, retry: run.retry }, issue);
    if (refusal !== null) return { kind: "refuse", rule: refusal.rule, refusal };
  }
  if (!isInvokable(agent.status)) return cancel("CL-5", "gate", "Cancelled because the agent is not invokable");
  if (facts.budget !== null) return cancel("CL-6", "budget", facts.budget.reason);
  if (issue !== null && issue.hold !== null && !run.isInteraction) return cancel("CL-7", "hold", HELD_TEXT, issue.hold);
  if (run.issueId !== null) {
    const refusal = issueGate(waiting, run.issueId, issue);
    if (refusal !== null) return { kind: "refuse", rule: refusal.rule, refusal };
  }
  const slot = freeSlot(facts.takenSlots, agent.maxConcurrentRuns);
  if (slot === null) return { kind: "full", rule: "CL-18" };
  const takesLock = issue !== null && issue.assigneeAgentId === agent.id && issue.lockFreeOrOwn;
  return { kind: "claim", rule: "CL-13", slot, takesLock, wasRetry };
}

/**
 * The lowest free slot, or null when the agent runs as many as it may. Slots above a lowered limit still count as
 * running (DM-90), but are never given out.
 */
export function freeSlot(taken: readonly number[], limit: number): number | null {
  if (taken.length >= limit) return null;
  for (let slot = 1; slot <= limit; slot += 1) if (!taken.includes(slot)) return slot;
  return null;
}
