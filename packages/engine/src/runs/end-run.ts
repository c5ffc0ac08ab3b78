/**
 * The end of a run, whoever brings it about: the worker that held it, a cancel while it waited, a gate, or the recovery
 * of an orphan (FI-1, 3, 8, 11, 12, 14). One transaction: agent and issue locked, terminal status by compare-and-set,
 * request, events, cost, sessions, agent status, release and promotion. It happened whole, or it did not happen and
 * somebody else brings it about: no lock stays, no deferred request waits for ever, no cost is booked twice.
 */
import { readHeartbeatPolicy, type TerminalRunStatus } from "@wakefleet/contracts";
import { classifyRun, endReceipt, type IssueGateRefusal, stopMetadata } from "@wakefleet/domain";
import {
  type ClaimIssue,
  type EndedRun,
  type EndFacts,
  type EndRunInput,
  endRunIf,
  type LockedAgent,
  lockAgents,
  lockIssueOfRun,
  lockIssuesHeldBy,
  readEndFacts,
  type Sql,
} from "@wakefleet/store";
import { limitAccountOf } from "../accounts/limit-account.js";
import type { NewId } from "../ids.js";
import { askForComment, closeStory, goOn, stepsOf, tellIssue } from "../liveness/end-steps.js";
import type { EndStory } from "../liveness/end-story.js";
import type { FaultPoints, Log } from "../ports.js";
import type { AfterCommit } from "./after-commit.js";
import { releaseIssue } from "./release-issue.js";
import { type RetryPolicy, retryTransientFailure } from "./retry-transient-failure.js";
import { refusedEnding } from "./run-gates.js";
import { activityEvent, agentStatusEvent, runEndedEvents, runEventEvent } from "./run-live-events.js";

/** How a run ended, before the facts that only the transaction knows. */
export type RunEnding = Omit<EndRunInput, "timerIntervalSec" | "requestStatus" | "requestError" | "events"> & {
  /** Written before `run OUTCOME` (FI-3). */
  readonly eventsBefore: EndRunInput["events"];
  /** Differs from the run's status for gates that skip (CL-15). */
  readonly requestStatus?: EndRunInput["requestStatus"];
  /** PL-4: a retry took the issue's lock over, so nothing is released. */
  readonly keepsIssue?: boolean;
};

/** A run's end with nothing to report but its status: what was cancelled or lost before or without an adapter's result. */
export function bareEnding(
  ending: Pick<RunEnding, "runId" | "guard" | "status" | "error" | "errorCode"> & Partial<RunEnding>,
): RunEnding {
  return {
    exitCode: null,
    signal: null,
    usageJson: null,
    resultJson: null,
    sessionIdAfter: null,
    stdoutExcerpt: null,
    stderrExcerpt: null,
    log: null,
    progress: null,
    cancelKind: null,
    cancelRecover: null,
    cost: null,
    session: null,
    settlesAgent: true,
    eventsBefore: [],
    ...ending,
  };
}

const REQUEST_STATUS: Record<TerminalRunStatus, EndRunInput["requestStatus"]> = {
  succeeded: "completed",
  failed: "failed",
  cancelled: "cancelled",
  timed_out: "timed_out",
};

/**
 * Judges the budgets that a booked cost has moved, in the transaction of the end and before the release, so that a
 * promoted wake meets the budget as it now is (FI-11, BU-27, BU-33).
 */
export type JudgeCost = (
  tx: Sql,
  cost: { readonly companyId: string; readonly agentId: string; readonly projectId: string | null },
  after: AfterCommit,
) => Promise<{ readonly stopped: boolean; readonly agentPaused: boolean }>;

export interface EndScope {
  readonly agentId: string;
  /** True when the run names an issue: its row is locked, released, and what waited is promoted. */
  readonly hasIssue: boolean;
}

/** Locks agent and issue, then ends the run. Null when the guard no longer held: nothing was written. */
export async function endRunIn(
  tx: Sql,
  deps: Pick<LockedScope, "newId" | "retries" | "judgeCost" | "log" | "faults" | "summaryPathRoots">,
  scope: EndScope,
  ending: RunEnding,
  after: AfterCommit,
): Promise<EndedRun | null> {
  const [{ agents, now }, issue, facts] = await Promise.all([
    lockAgents(tx, [scope.agentId]),
    scope.hasIssue ? lockIssueOfRun(tx, ending.runId) : null,
    readFactsOf(tx, ending),
  ]);
  const agent = agents.get(scope.agentId) ?? null;
  return endLockedRun(tx, { ...deps, agent, issue, now, facts }, ending, after);
}

/** What an end is judged by; a run that had not started has no such facts. */
async function readFactsOf(tx: Sql, ending: RunEnding): Promise<EndFacts | null> {
  return ending.guard.kind === "waiting" ? null : await readEndFacts(tx, ending.runId);
}

export interface LockedScope {
  readonly newId: NewId;
  readonly agent: LockedAgent | null;
  readonly issue: ClaimIssue | null;
  readonly now: Date;
  /** Read already, under the locks; absent: they are read now. */
  readonly facts?: EndFacts | null;
  /** How transient failures come again (FI-6); absent where an end cannot be one. */
  readonly retries?: RetryPolicy;
  /** Absent where an end reports no cost. */
  readonly judgeCost?: JudgeCost;
  /** Told of steps that failed. */
  readonly log?: Log;
  readonly faults?: FaultPoints;
  /** LV-97; absent: the specification's. */
  readonly summaryPathRoots?: readonly string[];
}

/** The same when the caller already holds the locks. The whole story of an end, in the order of the spec. */
export async function endLockedRun(
  tx: Sql,
  locked: LockedScope,
  ending: RunEnding,
  after: AfterCommit,
): Promise<EndedRun | null> {
  // Read first, so that what it is judged by cannot change between the judgement and the end (FI-2).
  const facts = locked.facts === undefined ? await readFactsOf(tx, ending) : locked.facts;
  const ended = await writeEnd(tx, { locked, ending, facts });
  if (ended === null) return null;
  const { run } = ended;
  const stepDone = (): Promise<void> | undefined => locked.faults?.hit("between-finish-steps");
  await stepDone();
  const judged = await judgeBookedCost(tx, locked, ended, after);
  const { agent, issue, now, newId, retries } = locked;
  const keepsIssue = ending.keepsIssue === true;
  const story: EndStory = {
    tx,
    newId,
    now,
    run,
    agent,
    issue,
    facts,
    after,
    missing: [],
    commentId: facts?.commentId ?? null,
    holdsLock: issue?.executionRunId === run.id,
    ...(locked.log && { log: locked.log }),
    ...(locked.faults && { faults: locked.faults }),
    ...(locked.summaryPathRoots && { summaryPathRoots: locked.summaryPathRoots }),
  };
  const steps = stepsOf({ run, guard: ending.guard.kind, facts, issue, keepsIssue });

  await tellIssue(story, steps);
  // A stop has cancelled the work of the scope; what it interrupts is not tried again by itself (BU-22).
  if (agent !== null && retries !== undefined && !judged.stopped) {
    const waits = await retryTransientFailure(tx, { ...locked, agent, ended: run }, retries, after);
    if (waits) story.holdsLock = false;
    await stepDone();
  }
  await limitAccountOf(tx, { run, status: ending.status, now }, after);
  await askForComment(story, steps);
  const isReleased = issue !== null && !keepsIssue;
  const release = isReleased ? await releaseIssue(tx, { run, issue, now, newId }, after) : { isFree: false };
  await stepDone();
  await goOn(story, steps, { ...release, ownersAreLocked: false });
  await releaseCheckedOutIssues(tx, locked, ended, after);
  await closeStory(story);
  await stepDone();

  after.events.push(...ended.events.map(runEventEvent), ...runEndedEvents(run), ...ended.leaseNotes.map(activityEvent));
  if (ending.settlesAgent) {
    const { lastHeartbeatAt } = ended;
    const status = judged.agentPaused ? "paused" : ended.agentStatus;
    after.events.push(
      agentStatusEvent({
        companyId: run.companyId,
        agentId: run.agentId,
        status,
        lastHeartbeatAt,
        outcome: run.status,
      }),
    );
  }
  return ended;
}

/** FI-1, 2, 3, 11, 12: everything that needs no decision, in one statement. */
function writeEnd(
  tx: Sql,
  end: { locked: LockedScope; ending: RunEnding; facts: EndFacts | null },
): Promise<EndedRun | null> {
  const { agent } = end.locked;
  const policy = readHeartbeatPolicy(agent?.runtimeConfig);
  const { eventsBefore, keepsIssue: _, requestStatus, ...columns } = end.ending;
  const resultJson = columns.resultJson ?? stopOnly(agent, columns);
  return endRunIf(tx, {
    ...columns,
    resultJson,
    requestStatus: requestStatus ?? REQUEST_STATUS[columns.status],
    requestError: columns.error,
    events: [...eventsBefore, outcomeEvent(columns.status)],
    receipt: columns.receipt ?? endReceipt({ ...columns, isOrphaned: columns.guard.kind === "orphaned" }),
    timerIntervalSec: policy.enabled && policy.intervalSec > 0 ? policy.intervalSec : null,
    ...(end.facts === null ? {} : { liveness: classifyRun({ ...end.facts, ...columns, resultJson }) }),
  });
}

async function judgeBookedCost(
  tx: Sql,
  locked: LockedScope,
  { run, booked }: EndedRun,
  after: AfterCommit,
): Promise<{ stopped: boolean; agentPaused: boolean }> {
  if (booked === null || locked.judgeCost === undefined) return { stopped: false, agentPaused: false };
  return locked.judgeCost(tx, { companyId: run.companyId, agentId: run.agentId, ...booked }, after);
}

/** CL-15: a gate refused the run before it started; its lock goes and what waited behind it is promoted (FI-8). */
export async function endRefusedRun(
  tx: Sql,
  locked: Pick<LockedScope, "newId" | "issue" | "now">,
  refused: { runId: string; refusal: IssueGateRefusal },
  after: AfterCommit,
): Promise<EndedRun | null> {
  const ended = await endRunIf(tx, refusedEnding(refused.runId, refused.refusal));
  if (ended === null) return null;
  const { issue, newId, now } = locked;
  if (issue !== null) await releaseIssue(tx, { run: ended.run, issue, now, newId }, after);
  after.events.push(...ended.events.map(runEventEvent), ...runEndedEvents(ended.run));
  return ended;
}

/** LV-113: every terminal run says how it stopped, also one that never had a result. */
function stopOnly(
  agent: LockedAgent | null,
  ending: Pick<EndRunInput, "status" | "errorCode" | "cancelKind">,
): EndRunInput["resultJson"] {
  const { status, errorCode, cancelKind } = ending;
  return stopMetadata({
    status,
    errorCode,
    cancelKind,
    adapterType: agent?.adapterType ?? "",
    adapterConfig: agent?.adapterConfig ?? {},
  });
}

/**
 * The execution locks a run took while it ran, of issues it was not woken for (CO-25 to CO-27): they end with it like the
 * lock of its own issue. Only a run that started can have taken one.
 */
async function releaseCheckedOutIssues(
  tx: Sql,
  locked: LockedScope,
  { run, heldIssueIds }: EndedRun,
  after: AfterCommit,
): Promise<void> {
  if (run.startedAt === null || heldIssueIds.every((id) => id === locked.issue?.id)) return;
  for (const issue of await lockIssuesHeldBy(tx, run)) {
    if (issue.id === locked.issue?.id) continue;
    await releaseIssue(tx, { run, issue, now: locked.now, newId: locked.newId }, after);
  }
}

/** FI-3. */
function outcomeEvent(status: TerminalRunStatus): EndRunInput["events"][number] {
  return {
    eventType: "lifecycle",
    stream: "system",
    level: status === "succeeded" ? "info" : status === "cancelled" ? "warn" : "error",
    message: `run ${status}`,
    payload: null,
  };
}
