/**
 * QU-3, BY-3: the order of an agent's waiting runs as one BullMQ priority number (smaller first; equal: first come first
 * served). The number is the instant from which a run waits plus what its standing costs, in steps of five minutes: within
 * one standing that is first come first served, a better standing goes first, and a run that waited long enough goes before
 * all that came after it, so that nothing starves.
 */
import type { IssuePriority, IssueStatus } from "@wakefleet/contracts";

export interface WaitingIssueFacts {
  readonly status: IssueStatus;
  readonly priority: IssuePriority | null;
  readonly hasUnresolvedBlockers: boolean;
}

export interface WaitingRun {
  /** Null without an issue. */
  readonly issue: WaitingIssueFacts | null;
  /** A person is among those who asked for it. */
  readonly isAskedByPerson: boolean;
  /** From when on it may start: its birth, or its due time. */
  readonly waitsSince: Date;
}

const PRIORITY_RANK: Record<IssuePriority, number> = { critical: 0, high: 1, medium: 2, low: 3 };
const NO_PRIORITY_RANK = 4;
const RANKS_PER_CLASS = 5;

const STEP_MS = 5 * 60_000;
/** Numbers begin here, above 0, which BullMQ would put on another list, ahead of all others. */
const EPOCH_MS = Date.UTC(2026, 0, 1);
/** What one rank of standing costs: two hours for a machine's wake behind a person's, twice that for a priority. */
const STEPS_PER_RANK = 24;
/** BullMQ's greatest number: reached in 2045. */
const MAX_NUMBER = 2_097_152;

/** 0 is the best. Class: in-progress and ready, other ready, no issue, blocked; then priority; then people before machines. */
function standingOf({ issue, isAskedByPerson }: WaitingRun): number {
  const queueClass = issue === null ? 2 : issue.hasUnresolvedBlockers ? 3 : issue.status === "in_progress" ? 0 : 1;
  const rank = issue === null || issue.priority === null ? NO_PRIORITY_RANK : PRIORITY_RANK[issue.priority];
  return 2 * (queueClass * RANKS_PER_CLASS + rank) + (isAskedByPerson ? 0 : 1);
}

/** 1 to 2,097,152. */
export function queuePriority(run: WaitingRun): number {
  const since = Math.floor((run.waitsSince.getTime() - EPOCH_MS) / STEP_MS);
  return Math.min(MAX_NUMBER, Math.max(1, since) + standingOf(run) * STEPS_PER_RANK);
}
