/**
 * The sweep `finish-ends` (FI-14, RC-86): ends whose run is over while a step about its issue failed. Each is gone on with
 * from what `end_state` names, under the locks of an end, and is finished when nothing is owed any more.
 */

import { isGuid } from "@wakefleet/contracts";
import { isUnsuccessful } from "@wakefleet/domain";
import {
  findIssue,
  listOwnerCandidates,
  listUnfinishedEnds,
  lockAgents,
  lockIssueOfRun,
  lockUnfinishedEnd,
  missingEndSteps,
  readEndFacts,
  setMissingEndSteps,
} from "@wakefleet/store";
import { askForComment, goOn, owedSteps, tellIssue } from "../liveness/end-steps.js";
import type { EndStory } from "../liveness/end-story.js";
import { strandedOwners } from "../recovery/escalate-issue.js";
import { forEachSlice, inRecovery, type RecoverySweepDeps, SWEEP_SLICE } from "../recovery/recovery-deps.js";

export interface FinishedEnds {
  readonly scanned: number;
  readonly finished: number;
  readonly failed: number;
}

interface Unfinished {
  readonly id: string;
  readonly agentId: string;
  readonly issueId: string | null;
}

/** Finishes what can be finished now. */
export async function finishEnds(deps: RecoverySweepDeps, signal: AbortSignal): Promise<FinishedEnds> {
  let scanned = 0;
  let finished = 0;
  const failed = await forEachSlice<Unfinished>(
    {
      signal,
      log: deps.log,
      sweep: "finish-ends",
      next: (after) => listUnfinishedEnds(deps.db.sql, { limit: SWEEP_SLICE, afterId: after?.id ?? null }),
      nameOf: (run) => run.id,
    },
    async (run) => {
      scanned += 1;
      if (await finishEnd(deps, run)) finished += 1;
    },
  );
  return { scanned, finished, failed };
}

/** Answers whether nothing is owed any more. */
async function finishEnd(deps: RecoverySweepDeps, unfinished: Unfinished): Promise<boolean> {
  const owners = await possibleOwners(deps, unfinished);
  return inRecovery(deps, async (tx, after) => {
    const { agents, now } = await lockAgents(tx, [unfinished.agentId, ...owners]);
    const issue = await lockIssueOfRun(tx, unfinished.id);
    const run = await lockUnfinishedEnd(tx, unfinished.id);
    if (run === null) return false;
    const facts = await readEndFacts(tx, run.id);
    const story: EndStory = {
      tx,
      newId: deps.newId,
      now,
      run,
      issue,
      facts,
      after,
      log: deps.log,
      ...(deps.faults && { faults: deps.faults }),
      ...(deps.summaryPathRoots && { summaryPathRoots: deps.summaryPathRoots }),
      missing: [],
      agent: agents.get(run.agentId) ?? null,
      commentId: facts?.commentId ?? null,
      holdsLock: issue !== null && issue.executionRunId === null,
    };
    const steps = owedSteps(missingEndSteps(run.endState));
    await tellIssue(story, steps);
    await askForComment(story, steps);
    await goOn(story, steps, { isFree: isUnsuccessful(run.status), ownersAreLocked: owners.length > 0 });
    await setMissingEndSteps(tx, run.id, story.missing);
    return story.missing.length === 0;
  });
}

/** Whom the step may have to lock, so that agents are locked before the issue. */
async function possibleOwners({ db }: RecoverySweepDeps, { issueId }: Unfinished): Promise<string[]> {
  if (issueId === null || !isGuid(issueId)) return [];
  const issue = await findIssue(db.sql, { id: issueId });
  if (issue === null) return [];
  return (await listOwnerCandidates(db.sql, strandedOwners(issue))).map(({ agentId }) => agentId);
}
