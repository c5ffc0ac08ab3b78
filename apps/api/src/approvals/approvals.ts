/** Approvals over HTTP (API-183 to API-186). The engine decides them, with what follows. */
import { type ApprovalCreate, type ApprovalDecisionBody, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { type ApprovalDecision, redactObject } from "@wakefleet/domain";
import {
  type ApprovalRow,
  findAgent,
  findApproval,
  findIssue,
  type IssueRow,
  insertApproval,
  linkApproval,
  listApprovalIssueIds,
  listApprovals,
  listIssueApprovals,
  type Page,
  unlinkApproval,
} from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertBoard, assertCompanyAccess, canCreateAgents } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { changeIssuePart } from "../issues/change-issue-part.js";
import { requireIssue } from "../issues/find-issue.js";
import { presentIssue } from "../issues/present-issue.js";
import { mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";

const NOT_FOUND = "Approval not found";

interface ApprovalCall {
  readonly caller: Principal;
  readonly id: string;
}

/** An approval as it is answered: nothing secret of its payload. */
export function presentApproval(approval: ApprovalRow): ApprovalRow {
  return { ...approval, payload: redactObject(approval.payload) };
}

/** API-183. */
export async function readApprovals(
  deps: ApiDeps,
  call: {
    readonly caller: Principal;
    readonly companyId: string;
    readonly statuses: readonly string[] | undefined;
    readonly cursor: string | undefined;
    readonly limit: number;
  },
): Promise<{ page: Page<ApprovalRow>; rows: ApprovalRow[] }> {
  const { id: companyId } = await requireCompany(deps, call);
  const { statuses, cursor, limit } = call;
  const page = await listApprovals(deps.db.sql, { companyId, statuses, cursor, limit });
  return { page, rows: page.rows.map(presentApproval) };
}

/** API-183. */
export async function readApproval(deps: ApiDeps, call: ApprovalCall): Promise<ApprovalRow> {
  return presentApproval(await requireApproval(deps, call));
}

/** API-183: the issues it is about. */
export async function readApprovalIssues(deps: ApiDeps, call: ApprovalCall): Promise<object[]> {
  const { id } = await requireApproval(deps, call);
  const issues: IssueRow[] = [];
  for (const issueId of await listApprovalIssueIds(deps.db.sql, id)) {
    const issue = await findIssue(deps.db.sql, { id: issueId });
    if (issue !== null) issues.push(issue);
  }
  return issues.map(presentIssue);
}

/** API-183: the approvals an issue is linked to. */
export async function readIssueApprovals(deps: ApiDeps, call: ApprovalCall): Promise<ApprovalRow[]> {
  const issue = await requireIssue(deps, { caller: call.caller, ref: call.id });
  return (await listIssueApprovals(deps.db.sql, issue)).map(presentApproval);
}

/** API-184. */
export async function createApproval(
  deps: ApiDeps,
  call: { readonly caller: Principal; readonly companyId: string; readonly body: ApprovalCreate },
): Promise<ApprovalRow> {
  const { caller, body } = call;
  const { id: companyId } = await requireCompany(deps, call);
  if (body.type === "budget_override_required") {
    throw new WakefleetError("unprocessable", "Budget approvals are made by the budgets themselves");
  }
  const actor = actorOf(caller);
  const { requestedByAgentId = actor.agentId, issueIds, type, payload } = body;
  if (caller.kind === "agent" && requestedByAgentId !== actor.agentId) {
    throw new WakefleetError("unprocessable", "An agent can request approvals for itself only");
  }
  const approval = await mutate(deps, actor, async ({ tx, note }) => {
    if (requestedByAgentId !== null && (await findAgent(tx, requestedByAgentId))?.companyId !== companyId) {
      throw new WakefleetError("unprocessable", "Agent does not belong to company");
    }
    for (const id of issueIds) {
      if ((await findIssue(tx, { id }))?.companyId !== companyId) {
        throw new WakefleetError("unprocessable", "Issue does not belong to company");
      }
    }
    const { userId, agentId } = actor;
    const requester = { requestedByAgentId, requestedByUserId: requestedByAgentId === null ? userId : null };
    const made = await insertApproval(tx, { companyId, type, payload, ...requester });
    await linkApproval(tx, { companyId, approvalId: made.id, issueIds, agentId, userId });
    note({
      companyId,
      action: "approval.created",
      entityType: "approval",
      entityId: made.id,
      details: { type, issueIds, requestedByAgentId },
    });
    return made;
  });
  return presentApproval(approval);
}

/** API-185: only the board. */
export async function decide(
  deps: ApiDeps,
  call: ApprovalCall & {
    readonly decision: Exclude<ApprovalDecision, "resubmit">;
    readonly body: ApprovalDecisionBody;
  },
): Promise<ApprovalRow> {
  const { caller, decision } = call;
  const { id: approvalId } = await requireApproval(deps, call);
  assertBoard(caller);
  const note = call.body.decisionNote;
  return presentApproval(await deps.engine.decideApproval({ approvalId, decision, note, actor: actorOf(caller) }));
}

/** API-186: the agent that asked, or the board. */
export async function resubmit(
  deps: ApiDeps,
  call: ApprovalCall & { readonly payload: JsonObject | undefined },
): Promise<ApprovalRow> {
  const { caller, payload } = call;
  const approval = await requireApproval(deps, call);
  if (caller.kind !== "board" && (caller.kind !== "agent" || caller.agentId !== approval.requestedByAgentId)) {
    throw new WakefleetError("forbidden", "Only requesting agent can resubmit this approval");
  }
  const command = {
    approvalId: approval.id,
    decision: "resubmit",
    note: null,
    payload,
    actor: actorOf(caller),
  } as const;
  return presentApproval(await deps.engine.decideApproval(command));
}

interface LinkCall extends ApprovalCall {
  readonly approvalId: string;
}

/** API-186. */
export async function linkIssueApproval(deps: ApiDeps, call: LinkCall): Promise<ApprovalRow> {
  const { caller, id: ref } = call;
  return changeIssuePart(deps, { caller, ref }, async ({ tx, note, issue, actor }) => {
    await assertLinks(deps, caller);
    const approval = found(await findApproval(tx, { id: pathId(call.approvalId, NOT_FOUND) }), NOT_FOUND);
    if (approval.companyId !== issue.companyId) {
      throw new WakefleetError("unprocessable", "Approval does not belong to company");
    }
    const { agentId, userId } = actor;
    const { companyId, id: issueId } = issue;
    await linkApproval(tx, { companyId, approvalId: approval.id, issueIds: [issueId], agentId, userId });
    const details = { approvalId: approval.id };
    note({ companyId, action: "issue.approval_linked", entityType: "issue", entityId: issueId, details });
    return presentApproval(approval);
  });
}

/** API-186. */
export async function unlinkIssueApproval(deps: ApiDeps, call: LinkCall): Promise<void> {
  const { caller, id: ref } = call;
  await changeIssuePart(deps, { caller, ref }, async ({ tx, note, issue }) => {
    await assertLinks(deps, caller);
    const approvalId = pathId(call.approvalId, NOT_FOUND);
    const { companyId, id: issueId } = issue;
    if (!(await unlinkApproval(tx, { issueId, approvalId }))) throw new WakefleetError("not_found", NOT_FOUND);
    note({
      companyId,
      action: "issue.approval_unlinked",
      entityType: "issue",
      entityId: issueId,
      details: { approvalId },
    });
  });
}

async function assertLinks(deps: ApiDeps, caller: Principal): Promise<void> {
  if (caller.kind === "board" || (caller.kind === "agent" && caller.role === "ceo")) return;
  if (await canCreateAgents(deps.db.sql, caller)) return;
  throw new WakefleetError("forbidden", "Missing permission: can create agents");
}

async function requireApproval(deps: ApiDeps, call: ApprovalCall): Promise<ApprovalRow> {
  const approval = found(await findApproval(deps.db.sql, { id: pathId(call.id, NOT_FOUND) }), NOT_FOUND);
  assertCompanyAccess(call.caller, approval.companyId);
  return approval;
}
