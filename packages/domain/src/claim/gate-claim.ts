/**
 * Claiming a run: the gates of 03 "Claiming" (CL-1 to CL-18) as one pure function over one consistent snapshot (CL-16).
 * Gates that need budgets, holds, blockers and issue states join this list in their order when those exist.
 */
import type { AgentStatus, RunStatus } from "@wakefleet/contracts";
import { isInvokable } from "../agent.js";

export interface ClaimFacts {
  /** Null when the run is gone. */
  readonly run: { readonly status: RunStatus; readonly scheduledRetryAtMs: number | null } | null;
  /** Null when the agent is gone. */
  readonly agent: { readonly status: AgentStatus; readonly maxConcurrentRuns: number } | null;
  /** Slots 1..10 held by the agent's running runs now. */
  readonly takenSlots: readonly number[];
  /**
   * For an issue-scoped run: whether this agent is the assignee, and whether another running run holds the lock.
   * Null without an issue, or when the issue is gone.
   */
  readonly issue: { readonly assignedToAgent: boolean; readonly lockFreeOrOwn: boolean } | null;
  /** The database's clock. */
  readonly nowMs: number;
}

export type ClaimDecision =
  /** CL-1: nothing to do; the job ends and nothing is written. */
  | { readonly kind: "ended"; readonly rule: "CL-1" }
  /** CL-2: the job goes back to its due time. */
  | { readonly kind: "not_due"; readonly rule: "CL-2"; readonly dueAtMs: number }
  /** CL-4, CL-5: the run is cancelled with this text. */
  | { readonly kind: "cancel"; readonly rule: "CL-4" | "CL-5"; readonly code: "cancelled"; readonly text: string }
  /** CL-18: more than `maxConcurrentRuns`; the job is put back, not lost. */
  | { readonly kind: "full"; readonly rule: "CL-18" }
  /** CL-13, CL-14: queued → running in this slot; the lock is stamped when `takesLock`. */
  | {
      readonly kind: "claim";
      readonly rule: "CL-13";
      readonly slot: number;
      readonly takesLock: boolean;
      readonly wasRetry: boolean;
    };

/** The first rule that fails names the reason; the order is part of the specification. */
export function gateClaim(facts: ClaimFacts): ClaimDecision {
  const { run, agent } = facts;
  if (run === null || (run.status !== "queued" && run.status !== "scheduled_retry"))
    return { kind: "ended", rule: "CL-1" };
  const wasRetry = run.status === "scheduled_retry";
  if (wasRetry && run.scheduledRetryAtMs !== null && run.scheduledRetryAtMs > facts.nowMs) {
    return { kind: "not_due", rule: "CL-2", dueAtMs: run.scheduledRetryAtMs };
  }
  if (agent === null) {
    return { kind: "cancel", rule: "CL-4", code: "cancelled", text: "Cancelled because the agent no longer exists" };
  }
  if (!isInvokable(agent.status)) {
    return { kind: "cancel", rule: "CL-5", code: "cancelled", text: "Cancelled because the agent is not invokable" };
  }
  const slot = freeSlot(facts.takenSlots, agent.maxConcurrentRuns);
  if (slot === null) return { kind: "full", rule: "CL-18" };
  return {
    kind: "claim",
    rule: "CL-13",
    slot,
    takesLock: facts.issue?.assignedToAgent === true && facts.issue.lockFreeOrOwn,
    wasRetry,
  };
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
