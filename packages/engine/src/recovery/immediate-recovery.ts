/** FI-9, RC-72 to RC-79: what follows a failed run whose issue was released and nobody else works on. */
import { readHeartbeatPolicy } from "@wakefleet/contracts";
import {
  budgetBlock,
  enrichContext,
  type ImmediateRecovery,
  planImmediateRecovery,
  recoveryKey,
  recoveryWake,
} from "@wakefleet/domain";
import {
  type ClaimIssue,
  isRequestKeyTaken,
  type LockedAgent,
  limitLockWaits,
  type RecoveryFactsRow,
  type RunRow,
  readRecoveryFacts,
  type Sql,
} from "@wakefleet/store";
import type { NewId } from "../ids.js";
import type { FaultPoints } from "../ports.js";
import type { AfterCommit } from "../runs/after-commit.js";
import { queueFollowUpRun } from "../runs/follow-up-run.js";
import { escalateIssue } from "./escalate-issue.js";

export interface ReleasedRun {
  readonly newId: NewId;
  readonly run: RunRow;
  readonly agent: LockedAgent | null;
  readonly issue: ClaimIssue;
  readonly now: Date;
  readonly after: AfterCommit;
  readonly faults?: FaultPoints | undefined;
  /** The owner of a recovery issue may be locked without a limit: the caller foresaw it. */
  readonly ownersAreLocked: boolean;
}

/**
 * Agents come before issues in the order of locks, and the owner of a recovery issue is known only when the issue is
 * locked. So the end of a run waits for that lock no longer than this, and leaves the step to a sweep that locks in order.
 */
const OWNER_LOCK_WAIT_MS = 200;

/** Decides and does it. Agent and issue are locked, no deferred wake was promoted, the lock is free. */
export async function recoverReleasedIssue(tx: Sql, released: ReleasedRun): Promise<ImmediateRecovery> {
  const { run, issue, after, faults, newId } = released;
  const facts = await readRecoveryFacts(tx, { issueId: issue.id, runId: run.id });
  if (facts === null) return { kind: "none", rule: "RC-72" };
  const plan = planOf(facts, run);
  if (plan.kind === "retry") await queueRecoveryRun(tx, { ...released, plan });
  if (plan.kind === "block") {
    if (!released.ownersAreLocked) await limitLockWaits(tx, OWNER_LOCK_WAIT_MS);
    await escalateIssue(tx, { newId, facts, recovery: plan.recovery, origin: "release", after, faults });
    if (!released.ownersAreLocked) await limitLockWaits(tx, null);
  }
  return plan;
}

function planOf(facts: RecoveryFactsRow, run: RunRow): ImmediateRecovery {
  const { issue, agent } = facts;
  return planImmediateRecovery({
    run: { ...run, retryReasons: facts.retryReasons },
    issue,
    agent:
      agent === null
        ? null
        : { status: agent.status, wakesOnDemand: readHeartbeatPolicy(agent.runtimeConfig).wakeOnDemand },
    hasOtherActiveRun: facts.hasActiveRun || facts.hasDeferredRequest || facts.hasUnfinishedEnd,
    isHeld: facts.isHeld,
    isBudgetBlocked: facts.budget !== null && budgetBlock(facts.budget) !== null,
    hasUnresolvedBlockers: facts.hasUnresolvedBlockers,
  });
}

/** RC-77. */
async function queueRecoveryRun(
  tx: Sql,
  { run, agent, issue, newId, now, after, plan }: ReleasedRun & { plan: Extract<ImmediateRecovery, { kind: "retry" }> },
): Promise<void> {
  if (agent === null) return;
  const { recovery } = plan;
  const key = recoveryKey({ issueId: issue.id, recovery, retryOfRunId: run.id });
  if (await isRequestKeyTaken(tx, { agentId: agent.id, key })) return;
  const wake = recoveryWake(recovery, { issueId: issue.id, retryOfRunId: run.id });
  const context = enrichContext({
    ...wake,
    reason: recovery.reason,
    source: "automation",
    triggerDetail: "system",
  });
  await queueFollowUpRun(
    tx,
    { newId, ended: run, agent, issue, now },
    {
      runId: newId(),
      rule: "RC-77",
      reason: recovery.reason,
      context,
      startsAfresh: true,
      idempotencyKey: key,
      lock: "always",
    },
    after,
  );
}
