/**
 * Laying something before people (API-181): questions, suggested tasks, a confirmation. Whoever may change the issue may ask,
 * an agent only in a run. Asked twice under one key, it is asked once; everything it refers to belongs to the company.
 */
import { isDeepStrictEqual } from "node:util";
import { type ConfirmationTarget, type InteractionCreate, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { selectTasks } from "@wakefleet/domain";
import {
  findAgent,
  findComment,
  findInteractionByKey,
  findRun,
  type InteractionRow,
  type IssueRow,
  insertInteraction,
  type NewInteraction,
  type Sql,
} from "@wakefleet/store";
import { changeIssuePart, type IssuePart } from "../issues/change-issue-part.js";
import { assertReferences } from "../issues/check-issue.js";
import type { IssueCaller } from "../issues/issue-caller.js";
import type { IssueDeps } from "../issues/issue-change.js";
import { isTargetStale } from "./confirmation-target.js";

export interface CreateInteractionCommand {
  readonly caller: IssueCaller;
  readonly issueId: string;
  readonly body: InteractionCreate;
}

/** Answers the interaction, new or as it was made under the same key. Throws a `WakefleetError` for what the rules refuse. */
export async function createInteraction(deps: IssueDeps, command: CreateInteractionCommand): Promise<InteractionRow> {
  const { caller, body } = command;
  if (caller.kind === "agent" && caller.runId === null) {
    throw new WakefleetError("unauthenticated", "Agent run id required");
  }
  return await changeIssuePart(deps, command, async (part) => {
    const wanted = rowOf(part, body);
    const known = await findKnown(part.tx, wanted);
    if (known !== null) return known;
    await assertSources(part.tx, { issue: part.issue, wanted });
    await assertContent(part.tx, { issue: part.issue, body });
    const made = await insertInteraction(part.tx, wanted);
    part.note({
      companyId: made.companyId,
      action: "issue.thread_interaction_created",
      entityType: "issue",
      entityId: made.issueId,
      details: {
        interactionId: made.id,
        interactionKind: made.kind,
        interactionStatus: made.status,
        continuationPolicy: made.continuationPolicy,
        identifier: part.issue.identifier,
      },
    });
    return made;
  });
}

function rowOf({ actor, issue }: IssuePart, body: InteractionCreate): NewInteraction {
  return {
    companyId: issue.companyId,
    issueId: issue.id,
    kind: body.kind,
    continuationPolicy: body.continuationPolicy,
    idempotencyKey: body.idempotencyKey,
    sourceCommentId: body.sourceCommentId?.toLowerCase() ?? null,
    // An agent speaks for its own run, whatever it names.
    sourceRunId: actor.runId ?? body.sourceRunId?.toLowerCase() ?? null,
    title: body.title,
    summary: body.summary,
    createdByAgentId: actor.agentId,
    createdByUserId: actor.userId,
    // It came out of JSON through its schema: members that are undefined are left out when it is written.
    payload: JSON.parse(JSON.stringify(body.payload)) as JsonObject,
  };
}

/** What was made under the key before; throws where something else was. The issue is locked: nobody makes one meanwhile. */
async function findKnown(tx: Sql, wanted: NewInteraction): Promise<InteractionRow | null> {
  const { companyId, issueId, idempotencyKey } = wanted;
  if (idempotencyKey === null) return null;
  const known = await findInteractionByKey(tx, { companyId, issueId, idempotencyKey });
  if (known === null || isSameRequest(known, wanted)) return known;
  throw new WakefleetError("conflict", "Interaction idempotency key already exists for a different request", {
    idempotencyKey,
    interactionId: known.id,
  });
}

/** An agent that asks again in a later run asks the same thing: its run says where it was asked, not what. */
function isSameRequest(known: InteractionRow, wanted: NewInteraction): boolean {
  const compared = { ...wanted, ...(wanted.createdByAgentId !== null && { sourceRunId: known.sourceRunId }) };
  const names = Object.keys(compared) as (keyof NewInteraction)[];
  return names.every((name) => isDeepStrictEqual(known[name], compared[name]));
}

async function assertSources(tx: Sql, asked: { issue: IssueRow; wanted: NewInteraction }): Promise<void> {
  const { issue, wanted } = asked;
  const { sourceCommentId, sourceRunId } = wanted;
  if (sourceCommentId !== null && (await findComment(tx, { issueId: issue.id, id: sourceCommentId })) === null) {
    throw new WakefleetError("unprocessable", "sourceCommentId must belong to the same issue and company");
  }
  if (sourceRunId !== null && (await findRun(tx, sourceRunId))?.companyId !== issue.companyId) {
    throw new WakefleetError("unprocessable", "sourceRunId must belong to the same company");
  }
}

/** What people could never accept is refused at once; what it rests on is looked at again when they do. */
async function assertContent(tx: Sql, asked: { issue: IssueRow; body: InteractionCreate }): Promise<void> {
  const { issue, body } = asked;
  if (body.kind === "suggest_tasks") {
    const selection = selectTasks(body.payload.tasks);
    if (selection.kind === "refuse") throw new WakefleetError("unprocessable", selection.text);
    const { defaultParentId } = body.payload;
    await assertReferences(tx, { companyId: issue.companyId, references: { parentId: defaultParentId } });
    for (const task of selection.tasks) await assertTask(tx, { companyId: issue.companyId, task });
  }
  if (body.kind === "request_confirmation") await assertTarget(tx, { issue, target: body.payload.target ?? null });
}

type Task = Extract<InteractionCreate, { kind: "suggest_tasks" }>["payload"]["tasks"][number];

async function assertTask(tx: Sql, asked: { companyId: string; task: Task }): Promise<void> {
  const { companyId, task } = asked;
  const { parentId, projectId, goalId, assigneeAgentId } = task;
  await assertReferences(tx, { companyId, references: { parentId, projectId, goalId } });
  if (assigneeAgentId == null) return;
  const agent = await findAgent(tx, assigneeAgentId);
  if (agent === null) throw new WakefleetError("not_found", "Assignee agent not found");
  if (agent.companyId !== companyId) {
    throw new WakefleetError("unprocessable", "Assignee must belong to same company");
  }
}

async function assertTarget(tx: Sql, asked: { issue: IssueRow; target: ConfirmationTarget | null }): Promise<void> {
  if (!(await isTargetStale(tx, asked))) return;
  const message = "request_confirmation target must reference the current issue document revision";
  throw new WakefleetError("unprocessable", message);
}
