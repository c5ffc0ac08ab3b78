/** FI-10, LV-60 to LV-80: a run that only planned or said nothing is followed by another, within bounds. */
import { readExecutionState } from "@wakefleet/contracts";
import {
  budgetBlock,
  CONTINUATION_REASON,
  type ContinuationFacts,
  continuationKey,
  continuationWake,
  decideContinuation,
  EXHAUSTED_COMMENT_START,
  exhaustedComment,
  exhaustedReason,
  isContinuable,
} from "@wakefleet/domain";
import { isRequestKeyTaken, readRecoveryFacts, setLivenessReason } from "@wakefleet/store";
import { wakeFromService } from "../recovery/system-wake.js";
import { type EndStory, tellRun } from "./end-story.js";
import { commentOnIssue } from "./summary-comment.js";

/** Decides and does it. The run keeps its status whatever comes of it (LV-80). */
export async function continueRun(story: EndStory): Promise<void> {
  const { tx, run, facts } = story;
  const { livenessState } = run;
  if (run.issueId === null || !isContinuable(livenessState)) return;
  const source = { ...run, issueId: facts?.issue?.id ?? run.issueId, livenessState };
  const decision = decideContinuation(await readFacts(story, source));
  switch (decision.kind) {
    case "skip":
      await tellRun(story, {
        level: "info",
        message: `Liveness continuation skipped: ${decision.reason}`,
        payload: { rule: decision.rule },
      });
      return;
    case "exhausted":
      await tellExhausted(story, source);
      return;
    case "enqueue": {
      const { attempt, idempotencyKey } = decision;
      const result = await wakeFromService(
        tx,
        { newId: story.newId, after: story.after },
        {
          agentId: run.agentId,
          companyId: run.companyId,
          source: "automation",
          reason: CONTINUATION_REASON,
          ...continuationWake(source, attempt),
          idempotencyKey,
          requester: "heartbeat",
        },
      );
      const refused = result.outcome === "rejected";
      await tellRun(story, {
        level: refused ? "warn" : "info",
        message: refused
          ? `Liveness continuation ${attempt}/2 was refused: ${result.error.message}`
          : `Liveness continuation ${attempt}/2 ${result.outcome}`,
        payload: refused ? { attempt } : { attempt, wakeupId: result.wakeup.id, runId: result.run?.id ?? null },
      });
      return;
    }
  }
}

async function readFacts(story: EndStory, source: ContinuationFacts["run"]): Promise<ContinuationFacts> {
  const { tx, run, facts, agent } = story;
  const now = facts?.issue == null ? null : await readRecoveryFacts(tx, { issueId: facts.issue.id, runId: run.id });
  const issue = now === null ? null : now.issue;
  return {
    run: source,
    issue:
      issue === null
        ? null
        : {
            companyId: issue.companyId,
            status: issue.status,
            assigneeAgentId: issue.assigneeAgentId,
            // A stored value of another shape is no state (EP-1).
            hasExecutionState: readExecutionState(issue.executionState) !== null,
          },
    agent: agent === null ? null : { companyId: agent.companyId, status: agent.status },
    // The budget facts are those of the assignee, who is the run's agent wherever this row of the table is reached.
    isBudgetBlocked: now?.budget != null && budgetBlock(now.budget) !== null,
    keyIsTaken: await isRequestKeyTaken(tx, { agentId: run.agentId, key: continuationKey(source) }),
  };
}

/** LV-76, LV-77: the note and the comment, each once. */
async function tellExhausted(story: EndStory, source: ContinuationFacts["run"]): Promise<void> {
  const { tx, run } = story;
  await commentOnIssue(story, {
    body: exhaustedComment(source),
    writtenByService: true,
    dedupeKey: `liveness-exhausted:${run.id}`,
  });
  await setLivenessReason(tx, { id: run.id, reason: exhaustedReason(source.livenessReason) });
  await tellRun(story, {
    level: "warn",
    message: EXHAUSTED_COMMENT_START,
    payload: { attempt: source.continuationAttempt },
  });
}
