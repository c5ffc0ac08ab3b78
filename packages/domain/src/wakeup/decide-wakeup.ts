/**
 * Accepting a wakeup: the order of decisions of 03 (WK-10 to WK-32), as one pure function; WK-11 and WK-22 come before it.
 * Facts in, a discriminated union out; each member names the rule that decided. The first rule that applies ends it.
 */
import {
  type ActiveRunStatus,
  type AgentStatus,
  type HeartbeatPolicy,
  type InvocationSource,
  type JsonObject,
  SERVICE_REASONS,
  SKIP_REASONS,
  type SkipReason,
} from "@wakefleet/contracts";
import { isInvokable } from "../agent.js";
import type { BudgetBlock } from "../policy/budget-block.js";
import { bringsNews } from "./causes.js";
import { deferredPayload, mergeContexts, mergeDeferredPayload, needsFollowUpRun } from "./context.js";

/** An active run as the decision sees it. */
export interface ActiveRunFact {
  readonly id: string;
  readonly agentId: string;
  readonly status: ActiveRunStatus;
  readonly context: JsonObject;
  /** Sorts "oldest" and "newest"; equal instants fall back to the id. */
  readonly createdAtMs: number;
}

/** This agent's deferred request for the issue, if it has one (DM-26: at most one). */
export interface DeferredFact {
  readonly requestId: string;
  readonly payload: JsonObject | null;
}

/** The pause hold over an issue (TH-10), as it is shown to the agent (WK-17, TH-26). */
export interface TreeHoldFact {
  readonly holdId: string;
  readonly rootIssueId: string;
  readonly mode: string;
  readonly reason: string | null;
  readonly releasePolicy: JsonObject | null;
}

export interface IssueWakeFacts {
  readonly issueId: string;
  /** False when no such issue is in the agent's company (also when the id is no UUID). */
  readonly exists: boolean;
  /** `issues.execution_run_id`. */
  readonly lockRunId: string | null;
  /** Active runs whose context names the issue, and the locked run if it is active. */
  readonly activeRuns: readonly ActiveRunFact[];
  readonly deferred: DeferredFact | null;
  /** The nearest active pause hold. */
  readonly hold: TreeHoldFact | null;
  /** Issues that still block it, by title, as the context shows them (WK-25). */
  readonly unresolvedBlockers: readonly JsonObject[];
  /** The wake is a verified interaction wake for this issue (TH-21). */
  readonly isInteraction: boolean;
}

export interface WakeupFacts {
  readonly agent: { readonly id: string; readonly status: AgentStatus; readonly policy: HeartbeatPolicy } | null;
  /** What blocks the company, the agent or the project (BU-15); null: nothing. */
  readonly budget: BudgetBlock | null;
  readonly source: InvocationSource;
  /** Somebody waits for it: a person asked on demand or left a comment (BY-3). */
  readonly isPersonWaiting: boolean;
  /** The caller's reason, kept on a coalesced row (WK-30). */
  readonly reason: string | null;
  readonly payload: JsonObject | null;
  /** Enriched (WK-3, WK-4). */
  readonly context: JsonObject;
  /** Set for an issue-scoped wake. */
  readonly issue: IssueWakeFacts | null;
  /** For a wake without an issue: this agent's active runs of the same task key (both null counts as the same). */
  readonly sameTaskRuns: readonly ActiveRunFact[];
}

/** What happens to the issue's execution lock beside the decision (WK-21, WK-23). */
export type LockChange =
  | { readonly kind: "keep" }
  | { readonly kind: "clear" }
  | { readonly kind: "adopt"; readonly runId: string; readonly agentId: string };

export type WakeupDecision =
  | { readonly kind: "reject"; readonly rule: "WK-10" }
  | { readonly kind: "reject"; readonly rule: "WK-13"; readonly status: AgentStatus }
  /** WK-12: skipped, and refused to the caller with the block's reason. */
  | { readonly kind: "block"; readonly rule: "WK-12"; readonly reason: SkipReason; readonly block: BudgetBlock }
  | { readonly kind: "skip"; readonly rule: "WK-14" | "WK-15" | "WK-20"; readonly reason: SkipReason }
  | { readonly kind: "skip"; readonly rule: "WK-16"; readonly reason: SkipReason; readonly hold: TreeHoldFact }
  | {
      readonly kind: "skip";
      readonly rule: "WK-24";
      readonly reason: SkipReason;
      /** Added to the row's payload. */
      readonly payload: JsonObject;
      readonly lock: LockChange;
    }
  | {
      readonly kind: "coalesce";
      readonly rule: "WK-26" | "WK-30";
      readonly runId: string;
      /** The run's context after the merge (WK-5). */
      readonly context: JsonObject;
      readonly reason: string | null;
      /** The run was parked and is due now (BY-3). */
      readonly hastens: boolean;
      readonly lock: LockChange;
    }
  | {
      readonly kind: "defer";
      readonly rule: "WK-27";
      readonly requestId: string;
      readonly payload: JsonObject;
      readonly reason: string;
      readonly behind: ActiveRunFact;
      /** The run it waits behind was parked and is due now (BY-3). */
      readonly hastens: boolean;
      readonly lock: LockChange;
    }
  | {
      readonly kind: "defer";
      readonly rule: "WK-28";
      readonly requestId: null;
      readonly payload: JsonObject;
      readonly reason: string;
      readonly behind: ActiveRunFact;
      readonly hastens: boolean;
      readonly lock: LockChange;
    }
  | {
      readonly kind: "queue";
      readonly rule: "WK-29" | "WK-31";
      readonly context: JsonObject;
      readonly lock: LockChange;
    };

const older = (a: ActiveRunFact, b: ActiveRunFact): number => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1);

/** Decides one wakeup. Pure: the same facts always give the same decision. */
export function decideWakeup(facts: WakeupFacts): WakeupDecision {
  const { agent } = facts;
  if (agent === null) return { kind: "reject", rule: "WK-10" };
  if (facts.budget !== null) {
    return { kind: "block", rule: "WK-12", reason: SKIP_REASONS.budgetBlocked, block: facts.budget };
  }
  if (!isInvokable(agent.status)) return { kind: "reject", rule: "WK-13", status: agent.status };
  if (facts.source === "timer" && !agent.policy.enabled) {
    return { kind: "skip", rule: "WK-14", reason: SKIP_REASONS.timerDisabled };
  }
  if (facts.source !== "timer" && !agent.policy.wakeOnDemand) {
    return { kind: "skip", rule: "WK-15", reason: SKIP_REASONS.onDemandDisabled };
  }
  return facts.issue === null ? decideWithoutIssue(facts) : decideWithIssue(facts, agent.id, facts.issue);
}

function decideWithoutIssue(facts: WakeupFacts): WakeupDecision {
  const newest = (status: ActiveRunStatus): ActiveRunFact | undefined =>
    facts.sameTaskRuns
      .filter((run) => run.status === status)
      .sort(older)
      .at(-1);
  const running = newest("running");
  const joinable =
    newest("queued") ??
    newest("scheduled_retry") ??
    (running === undefined || mustFollow(running, facts.context) ? undefined : running);
  if (joinable !== undefined) {
    return {
      kind: "coalesce",
      rule: "WK-30",
      runId: joinable.id,
      context: mergeContexts(joinable.context, facts.context),
      reason: facts.reason,
      hastens: hastens(joinable, facts),
      lock: { kind: "keep" },
    };
  }
  return { kind: "queue", rule: "WK-31", context: facts.context, lock: { kind: "keep" } };
}

/** WK-6, BY-2: such a wake does not join this run, whose agent has its wake payload already. */
function mustFollow(run: ActiveRunFact, context: JsonObject): boolean {
  return run.status === "running" && (needsFollowUpRun(context) || bringsNews(run.context, context));
}

/** BY-3: a retry that is parked is not waited for by a person. */
function hastens(run: ActiveRunFact, facts: Pick<WakeupFacts, "isPersonWaiting">): boolean {
  return run.status === "scheduled_retry" && facts.isPersonWaiting;
}

/** WK-23: the run that should hold the issue's lock: a running one first, else the oldest. Null without an active run. */
export function chooseLockHolder<Run extends ActiveRunFact>(activeRuns: readonly Run[]): Run | null {
  const byAge = [...activeRuns].sort(older);
  return byAge.find((run) => run.status === "running") ?? byAge[0] ?? null;
}

function decideWithIssue(wake: WakeupFacts, agentId: string, issue: IssueWakeFacts): WakeupDecision {
  // A hold is looked for above the issue, so it is judged before the row itself (WK-16 comes before WK-20).
  if (issue.exists && issue.hold !== null && !issue.isInteraction) {
    return { kind: "skip", rule: "WK-16", reason: SKIP_REASONS.treeHold, hold: issue.hold };
  }
  if (!issue.exists) return { kind: "skip", rule: "WK-20", reason: SKIP_REASONS.issueNotFound };
  const facts = { ...wake, context: interactionContext(wake.context, issue) };

  const locked = issue.activeRuns.find((run) => run.id === issue.lockRunId) ?? null;
  const holder = locked ?? chooseLockHolder(issue.activeRuns);
  const lock: LockChange =
    holder !== null
      ? holder === locked
        ? { kind: "keep" }
        : { kind: "adopt", runId: holder.id, agentId: holder.agentId }
      : issue.lockRunId === null
        ? { kind: "keep" }
        : { kind: "clear" };

  if (holder === null && issue.unresolvedBlockers.length > 0 && !issue.isInteraction) {
    const unresolvedBlockerIssueIds = issue.unresolvedBlockers.map((blocker) => blocker["id"] as string);
    return {
      kind: "skip",
      rule: "WK-24",
      reason: SKIP_REASONS.dependenciesBlocked,
      payload: { ...facts.payload, issueId: issue.issueId, unresolvedBlockerIssueIds },
      lock,
    };
  }
  if (holder === null) return { kind: "queue", rule: "WK-29", context: facts.context, lock };

  if (holder.agentId === agentId && !mustFollow(holder, facts.context)) {
    return {
      kind: "coalesce",
      rule: "WK-26",
      runId: holder.id,
      context: mergeContexts(holder.context, facts.context),
      reason: SERVICE_REASONS.sameName,
      hastens: hastens(holder, facts),
      lock,
    };
  }
  const asked = { payload: facts.payload, issueId: issue.issueId, context: facts.context };
  if (issue.deferred !== null) {
    return {
      kind: "defer",
      rule: "WK-27",
      requestId: issue.deferred.requestId,
      payload: mergeDeferredPayload(issue.deferred.payload, asked),
      reason: SERVICE_REASONS.deferred,
      behind: holder,
      hastens: hastens(holder, facts),
      lock,
    };
  }
  return {
    kind: "defer",
    rule: "WK-28",
    requestId: null,
    payload: deferredPayload(asked.payload, asked.issueId, asked.context),
    reason: SERVICE_REASONS.deferred,
    behind: holder,
    hastens: hastens(holder, facts),
    lock,
  };
}

/** How many blockers a context names; the count says how many there are. */
const BLOCKERS_IN_CONTEXT = 50;

/** WK-17 and WK-25: what an interaction wake tells the agent of the hold and the blockers it passed. */
function interactionContext(context: JsonObject, issue: IssueWakeFacts): JsonObject {
  if (!issue.isInteraction) return context;
  const { hold, unresolvedBlockers: blockers } = issue;
  return {
    ...context,
    ...(hold === null
      ? {}
      : {
          treeHoldInteraction: true,
          activeTreeHold: {
            holdId: hold.holdId,
            rootIssueId: hold.rootIssueId,
            mode: hold.mode,
            reason: hold.reason,
            releasePolicy: hold.releasePolicy,
            interaction: true,
          },
        }),
    ...(blockers.length === 0
      ? {}
      : {
          dependencyBlockedInteraction: true,
          unresolvedBlockerIssueIds: blockers.map((blocker) => blocker["id"] as string),
          unresolvedBlockerCount: blockers.length,
          unresolvedBlockerSummaries: blockers.slice(0, BLOCKERS_IN_CONTEXT),
        }),
  };
}
