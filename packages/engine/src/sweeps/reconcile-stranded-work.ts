/**
 * The sweep `stranded-work` (06 section 5): assigned issues that nobody works on get their one automatic retry, and are
 * escalated when that failed. Each is judged again under its lock, and changed in the same transaction (RC-85); a second
 * sweep finds what the first one left and changes nothing (RC-89).
 */
import { readHeartbeatPolicy } from "@wakefleet/contracts";
import {
  ASSIGNMENT_RECOVERY,
  budgetBlock,
  CONTINUATION_RECOVERY,
  decideStrandedWork,
  INITIAL_DISPATCH,
  initialDispatchWake,
  recoveryKey,
  recoveryWake,
  type StrandedDecision,
} from "@wakefleet/domain";
import {
  isRequestKeyTaken,
  listOwnerCandidates,
  lockAgents,
  lockIssue,
  type RecoveryFactsRow,
  readRecoveryFacts,
  type Sql,
  type StrandedScope,
  surveyStrandedWork,
} from "@wakefleet/store";
import { escalateIssue, strandedOwners } from "../recovery/escalate-issue.js";
import { forEachSlice, inRecovery, type RecoverySweepDeps, SWEEP_SLICE } from "../recovery/recovery-deps.js";
import { wakeFromService } from "../recovery/system-wake.js";
import type { AfterCommit } from "../runs/after-commit.js";
import { assignOrphanBlockers } from "./assign-orphan-blockers.js";

/** RC-19b. */
export interface StrandedWorkResult {
  readonly assignmentDispatched: number;
  readonly dispatchRequeued: number;
  readonly continuationRequeued: number;
  readonly productiveContinuationObserved: number;
  readonly successfulContinuationObserved: number;
  readonly orphanBlockersAssigned: number;
  readonly escalated: number;
  readonly skipped: number;
  readonly issueIds: readonly string[];
  /** Issues that could not be looked at (RC-19c). */
  readonly failed: number;
}

type Counter = Exclude<keyof StrandedWorkResult, "issueIds" | "failed">;
type Counts = { [Name in Counter]: number } & { issueIds: string[]; failed: number };

/** One round over the fleet. */
export async function reconcileStrandedWork(deps: RecoverySweepDeps, signal: AbortSignal): Promise<StrandedWorkResult> {
  const counts = await reconcileIssues(deps, { signal });
  const orphans = await assignOrphanBlockers(deps, signal);
  counts.orphanBlockersAssigned += orphans.assigned;
  counts.skipped += orphans.skipped;
  counts.failed += orphans.failed;
  counts.issueIds.push(...orphans.issueIds);
  return counts;
}

/** One round over the issues of a scope whose pause is over (BU-26). */
export async function reconcileStrandedWorkOf(
  deps: RecoverySweepDeps,
  scope: StrandedScope,
  signal: AbortSignal,
): Promise<StrandedWorkResult> {
  return await reconcileIssues(deps, { signal, scope });
}

async function reconcileIssues(
  deps: RecoverySweepDeps,
  { signal, scope }: { signal: AbortSignal; scope?: StrandedScope },
): Promise<Counts> {
  const counts: Counts = {
    assignmentDispatched: 0,
    dispatchRequeued: 0,
    continuationRequeued: 0,
    productiveContinuationObserved: 0,
    successfulContinuationObserved: 0,
    orphanBlockersAssigned: 0,
    escalated: 0,
    skipped: 0,
    issueIds: [],
    failed: 0,
  };
  counts.failed += await forEachSlice<string>(
    {
      signal,
      log: deps.log,
      sweep: "stranded-work",
      next: async (afterId) => {
        const survey = await surveyStrandedWork(deps.db.sql, { afterId, limit: SWEEP_SLICE, scope });
        // Later slices only look for more to do: what rests was counted by the first.
        if (afterId === null) {
          counts.productiveContinuationObserved += survey.productive;
          counts.successfulContinuationObserved += survey.successful;
          counts.skipped += survey.skipped;
        }
        return survey.issueIds;
      },
      nameOf: (id) => id,
    },
    async (issueId) => {
      const counter = await reconcileIssue(deps, issueId);
      counts[counter] += 1;
      if (ACTED.has(counter)) counts.issueIds.push(issueId);
    },
  );
  return counts;
}

const ACTED: ReadonlySet<Counter> = new Set<Counter>([
  "assignmentDispatched",
  "dispatchRequeued",
  "continuationRequeued",
  "escalated",
]);

function decide(facts: RecoveryFactsRow): StrandedDecision {
  const { issue, agent, run } = facts;
  return decideStrandedWork({
    issue: { ...issue, isHidden: issue.hiddenAt !== null },
    agent:
      agent === null
        ? null
        : { status: agent.status, wakesOnDemand: readHeartbeatPolicy(agent.runtimeConfig).wakeOnDemand },
    hasExecutionPath: facts.hasActiveRun || facts.hasDeferredRequest || facts.hasUnfinishedEnd,
    isHeld: facts.isHeld,
    latestRun: run === null ? null : { ...run, retryReasons: facts.retryReasons },
    hasQueuedRequest: facts.hasQueuedRequest,
    isBudgetBlocked: facts.budget !== null && budgetBlock(facts.budget) !== null,
    hasUnresolvedBlockers: facts.hasUnresolvedBlockers,
  });
}

/** Most of what is looked at needs nothing: only what does is locked. */
async function reconcileIssue(deps: RecoverySweepDeps, issueId: string): Promise<Counter> {
  const seen = await readRecoveryFacts(deps.db.sql, { issueId, runId: null });
  if (seen === null) return "skipped";
  const first = decide(seen);
  if (first.kind === "skip" || first.kind === "observe") return counterOf(first);
  const escalates = first.kind === "escalate" || first.kind === "block_in_place";
  const owners = escalates ? await listOwnerCandidates(deps.db.sql, strandedOwners(seen.issue)) : [];
  const agentIds = [seen.issue.assigneeAgentId, ...owners.map(({ agentId }) => agentId)].filter((id) => id !== null);
  return inRecovery(deps, async (tx, after) => {
    await lockAgents(tx, agentIds);
    if ((await lockIssue(tx, issueId)) === null) return "skipped";
    const facts = await readRecoveryFacts(tx, { issueId, runId: null });
    // What changed since then is for the next round, which locks what it then needs.
    if (facts === null || facts.issue.assigneeAgentId !== seen.issue.assigneeAgentId) return "skipped";
    const decision = decide(facts);
    return decision.kind === first.kind ? carryOutDecision(tx, { deps, facts, decision, after }) : "skipped";
  });
}

function counterOf(decision: StrandedDecision): Counter {
  if (decision.kind !== "observe") return "skipped";
  return decision.isProductive ? "productiveContinuationObserved" : "successfulContinuationObserved";
}

async function carryOutDecision(
  tx: Sql,
  work: { deps: RecoverySweepDeps; facts: RecoveryFactsRow; decision: StrandedDecision; after: AfterCommit },
): Promise<Counter> {
  const { deps, facts, decision, after } = work;
  const { issue } = facts;
  switch (decision.kind) {
    case "skip":
    case "observe":
      return counterOf(decision);
    case "block_in_place":
    case "escalate": {
      const recovery = issue.status === "todo" ? ASSIGNMENT_RECOVERY : CONTINUATION_RECOVERY;
      await escalateIssue(tx, { newId: deps.newId, facts, recovery, origin: "sweep", after, faults: deps.faults });
      return "escalated";
    }
    case "dispatch":
      return (await wakeOnce(tx, work, null)) ? "assignmentDispatched" : "skipped";
    case "retry": {
      const woken = await wakeOnce(tx, work, decision.recovery);
      if (!woken) return "skipped";
      return decision.recovery === ASSIGNMENT_RECOVERY ? "dispatchRequeued" : "continuationRequeued";
    }
  }
}

/** RC-11, RC-15, RC-19: true when the wake gave, or joined, a run. */
async function wakeOnce(
  tx: Sql,
  { deps, facts, after }: { deps: RecoverySweepDeps; facts: RecoveryFactsRow; after: AfterCommit },
  recovery: typeof ASSIGNMENT_RECOVERY | typeof CONTINUATION_RECOVERY | null,
): Promise<boolean> {
  const { issue, run } = facts;
  if (issue.assigneeAgentId === null) return false;
  const retryOfRunId = recovery === null ? null : (run?.id ?? issue.checkoutRunId);
  const key = recoveryKey({ issueId: issue.id, recovery, retryOfRunId });
  if (await isRequestKeyTaken(tx, { agentId: issue.assigneeAgentId, key })) return false;
  const wake =
    recovery === null ? initialDispatchWake(issue.id) : recoveryWake(recovery, { issueId: issue.id, retryOfRunId });
  const result = await wakeFromService(
    tx,
    { newId: deps.newId, after },
    {
      agentId: issue.assigneeAgentId,
      companyId: issue.companyId,
      source: recovery === null ? "assignment" : "automation",
      reason: recovery?.reason ?? INITIAL_DISPATCH.reason,
      ...wake,
      idempotencyKey: key,
      retryOfRunId,
    },
  );
  return result.outcome === "queued" || result.outcome === "coalesced";
}
