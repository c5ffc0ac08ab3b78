/** Review and approval stages in a change of an issue (EP-11 to EP-15): the facts, the decision, and what is stored of it. */
import {
  type ExecutionState,
  type IssuePatch,
  type JsonObject,
  readExecutionPolicy,
  readExecutionState,
  WakefleetError,
} from "@wakefleet/contracts";
import { assigneeOf, decideStage, type StageOutcome } from "@wakefleet/domain";
import { type IssueChanges, type IssueRow, insertExecutionDecision } from "@wakefleet/store";
import { settlePolicy } from "./check-issue.js";
import type { IssueCaller } from "./issue-caller.js";
import type { IssueChange } from "./issue-change.js";

/** A decision on a stage that is written with the change. */
export interface StageRow extends StageOutcome {
  readonly id: string;
}

export interface SettledStage {
  /** The asked columns with what the stages make of them. */
  readonly changes: IssueChanges;
  readonly decision: StageRow | null;
}

/**
 * Settles the policy that was sent and lets the stages decide; throws what they refuse. `reopened`: a comment moved the
 * issue to `todo`, which clears the state (CO-45).
 */
export function settleStage(
  change: IssueChange,
  asked: {
    readonly caller: IssueCaller;
    readonly before: IssueRow;
    readonly changes: IssueChanges;
    readonly body: Pick<IssuePatch, "executionPolicy" | "reviewRequest" | "comment" | "status">;
    readonly reopened: boolean;
  },
): SettledStage {
  const { caller, before, body, reopened } = asked;
  const changes = { ...asked.changes };
  const policy =
    body.executionPolicy === undefined
      ? readExecutionPolicy(before.executionPolicy)
      : settlePolicy(change, { companyId: before.companyId, policy: body.executionPolicy });
  if (body.executionPolicy !== undefined) changes.executionPolicy = policy as JsonObject | null;
  const decision = decideStage({
    policy,
    state: reopened ? null : readExecutionState(before.executionState),
    issue: { status: before.status, assignee: assigneeOf(before) },
    asked: { status: body.status, assignee: askedAssignee(before, changes) },
    actor:
      caller.kind === "board" ? { type: "user", userId: caller.userId } : { type: "agent", agentId: caller.agentId },
    isOperator: caller.kind === "board",
    hasComment: body.comment !== undefined,
    reviewRequest: body.reviewRequest,
  });
  if (decision.kind === "refuse") throw new WakefleetError("unprocessable", decision.message);
  if (decision.kind === "none") return { changes, decision: null };
  const row = decision.decision === undefined ? null : { ...decision.decision, id: change.newId() };
  if (decision.status !== undefined) changes.status = decision.status;
  if (decision.assignee !== undefined) {
    changes.assigneeAgentId = decision.assignee?.type === "agent" ? decision.assignee.agentId : null;
    changes.assigneeUserId = decision.assignee?.type === "user" ? decision.assignee.userId : null;
  }
  changes.executionState = stored(decision.state, row);
  return { changes, decision: row };
}

/** The assignee that a change asks for; absent: it asks for none. */
function askedAssignee(before: IssueRow, changes: IssueChanges): ReturnType<typeof assigneeOf> | undefined {
  const { assigneeAgentId: agentId, assigneeUserId: userId } = changes;
  if (agentId === undefined && userId === undefined) return undefined;
  return assigneeOf({
    assigneeAgentId: agentId === undefined ? before.assigneeAgentId : agentId,
    assigneeUserId: userId === undefined ? before.assigneeUserId : userId,
  });
}

function stored(state: ExecutionState | null, row: StageRow | null): JsonObject | null {
  if (state === null) return null;
  return { ...state, lastDecisionId: row?.id ?? state.lastDecisionId };
}

/** EP-15: the row of a decision; its body is the comment. */
export async function recordDecision(
  { tx, actor }: IssueChange,
  written: { readonly issue: IssueRow; readonly decision: StageRow; readonly body: string },
): Promise<void> {
  const { issue, decision, body } = written;
  await insertExecutionDecision(tx, {
    id: decision.id,
    companyId: issue.companyId,
    issueId: issue.id,
    stageId: decision.stageId,
    stageType: decision.stageType,
    actorAgentId: actor.agentId,
    actorUserId: actor.userId,
    outcome: decision.outcome,
    body,
    createdByRunId: actor.runId,
  });
}
