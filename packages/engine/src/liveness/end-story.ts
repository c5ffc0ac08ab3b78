/**
 * The steps at the end of a run that are not the end itself (FI-4, 5, 7, 9, 10): each is tried between two savepoints, so
 * that one that fails is undone by itself and keeps neither the run from ending nor the next step from its turn. What failed
 * is named in the run's `end_state`, and a sweep does it (FI-14, RC-86).
 */
import {
  appendRunEvents,
  type ClaimIssue,
  type EndFacts,
  type LockedAgent,
  type RunRow,
  type Sql,
  savepoint,
} from "@wakefleet/store";
import type { NewId } from "../ids.js";
import type { FaultPoints, Log } from "../ports.js";
import type { AfterCommit } from "../runs/after-commit.js";
import { runEventEvent } from "../runs/run-live-events.js";

/** In the order of the spec. */
export const END_STEPS = [
  "continuation_summary",
  "summary_comment",
  "comment_policy",
  "immediate_recovery",
  "liveness_continuation",
] as const;
export type EndStep = (typeof END_STEPS)[number];

/** A run that is over in this transaction, and what its steps know and find out. */
export interface EndStory {
  readonly tx: Sql;
  readonly newId: NewId;
  readonly now: Date;
  readonly run: RunRow;
  readonly agent: LockedAgent | null;
  /** Locked; null: the run names none. */
  readonly issue: ClaimIssue | null;
  readonly facts: EndFacts | null;
  readonly after: AfterCommit;
  readonly log?: Log;
  readonly faults?: FaultPoints;
  /** LV-97; absent: the specification's. */
  readonly summaryPathRoots?: readonly string[];
  /** The run's own comment on its issue (FI-5, FI-7). */
  commentId: string | null;
  /** The run holds the issue's lock, or nobody has had it since: a follow-up may take it. */
  holdsLock: boolean;
  readonly missing: EndStep[];
}

/** Tries a step; what it would have announced is forgotten with it when it fails. */
export async function tryStep(story: EndStory, step: EndStep, work: () => Promise<unknown>): Promise<void> {
  const { after, tx } = story;
  const [events, jobs] = [after.events.length, after.jobs.length];
  const attempt = await savepoint(tx, `end_${step}`, work);
  if (attempt.ok) {
    await story.faults?.hit("between-finish-steps");
    return;
  }
  after.events.length = events;
  after.jobs.length = jobs;
  story.missing.push(step);
  const { run } = story;
  story.log?.warn(
    { event: "run.end_step_failed", runId: run.id, step, err: attempt.error },
    "a step of the run's end failed; a sweep does it",
  );
  await tellRun(story, { level: "warn", message: `End step ${step} failed and will be done later`, payload: { step } });
}

/** A `lifecycle` event on the run. */
export async function tellRun(
  story: Pick<EndStory, "tx" | "run" | "after">,
  event: {
    readonly level: "info" | "warn";
    readonly message: string;
    readonly payload?: Record<string, string | number | null>;
  },
): Promise<void> {
  const { level, message, payload } = event;
  const rows = await appendRunEvents(story.tx, story.run.id, [
    { eventType: "lifecycle", stream: "system", level, message, payload: payload ?? null },
  ]);
  story.after.events.push(...rows.map(runEventEvent));
}
