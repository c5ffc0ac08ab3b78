/**
 * Changing issues over HTTP (API-141 to API-149, API-159): finds what the path names, says who asks, and calls one use case
 * of the engine, which decides, writes and wakes in one transaction.
 */
import {
  type CommentCreate,
  type IssueCheckout,
  type IssueChildCreate,
  type IssueCreate,
  type IssuePatch,
  isGuid,
  WakefleetError,
} from "@wakefleet/contracts";
import { type CommentRow, type IssueRow, listIssueRelations } from "@wakefleet/store";
import { resolveShortName } from "../agents/find-agent.js";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import type { Principal } from "../principal.js";
import { requireIssue } from "./find-issue.js";
import { issueCaller } from "./issue-caller.js";
import { presentIssue } from "./present-issue.js";

type OnIssue<Body> = { readonly caller: Principal; readonly ref: string; readonly body: Body };

/** API-141. */
export async function createIssue(
  deps: ApiDeps,
  command: { caller: Principal; companyId: string; body: IssueCreate },
): Promise<IssueRow> {
  const company = await requireCompany(deps, command);
  return await deps.engine.createIssue({ ...command, caller: issueCaller(command.caller), companyId: company.id });
}

/** API-142: acceptance criteria are appended to the description. */
export async function createChildIssue(deps: ApiDeps, command: OnIssue<IssueChildCreate>): Promise<IssueRow> {
  const { acceptanceCriteria, blockParentUntilDone, ...body } = command.body;
  const parent = await requireIssue(deps, { ...command, notFound: "Parent issue not found" });
  return await deps.engine.createChildIssue({
    caller: issueCaller(command.caller),
    companyId: parent.companyId,
    parentId: parent.id,
    blockParentUntilDone,
    body: { ...body, parentId: parent.id, description: withCriteria(body.description, acceptanceCriteria ?? []) },
  });
}

function withCriteria(description: string | null, criteria: readonly string[]): string | null {
  if (criteria.length === 0) return description;
  const list = `## Acceptance Criteria\n\n${criteria.map((one) => `- ${one}`).join("\n")}`;
  return description === null || description.trim() === "" ? list : `${description}\n\n${list}`;
}

/** API-145. Answers the issue with its comment, and its blockers where they were sent. */
export async function changeIssue(deps: ApiDeps, command: OnIssue<IssuePatch>): Promise<object> {
  const issue = await requireIssue(deps, command);
  const sent = await withAssigneeId(deps, { companyId: issue.companyId, body: command.body });
  const body = sent.comment === undefined ? sent : { ...sent, comment: await censored(deps, sent.comment) };
  const changed = await deps.engine.changeIssue({ caller: issueCaller(command.caller), issueId: issue.id, body });
  return {
    ...presentIssue(changed.issue),
    comment: changed.comment,
    ...(body.blockedByIssueIds === undefined ? {} : await listIssueRelations(deps.db.sql, issue.id)),
  };
}

/** An assignee may be named by a short name (API-151). */
async function withAssigneeId(deps: ApiDeps, sent: { companyId: string; body: IssuePatch }): Promise<IssuePatch> {
  const { companyId, body } = sent;
  const { assigneeAgentId: named } = body;
  if (named === undefined || named === null) return body;
  const assigneeAgentId = isGuid(named)
    ? named.toLowerCase()
    : await resolveShortName(deps, { companyId, shortName: named });
  return { ...body, assigneeAgentId };
}

/** API-146. */
export async function deleteIssue(deps: ApiDeps, command: { caller: Principal; ref: string }): Promise<IssueRow> {
  const issue = await requireIssue(deps, command);
  return await deps.engine.deleteIssue({ caller: issueCaller(command.caller), issueId: issue.id });
}

/** API-147. */
export async function checkoutIssue(deps: ApiDeps, command: OnIssue<IssueCheckout>): Promise<IssueRow> {
  const issue = await requireIssue(deps, command);
  const caller = issueCaller(command.caller);
  return await deps.engine.checkoutIssue({ caller, issueId: issue.id, body: command.body });
}

/** API-148. */
export async function releaseIssue(deps: ApiDeps, command: { caller: Principal; ref: string }): Promise<IssueRow> {
  const issue = await requireIssue(deps, command);
  return await deps.engine.handBackIssue({ caller: issueCaller(command.caller), issueId: issue.id });
}

/** API-149. */
export async function forceReleaseIssue(
  deps: ApiDeps,
  command: { caller: Principal; ref: string; clearAssignee: boolean },
): Promise<object> {
  const { caller, clearAssignee } = command;
  const issue = await requireIssue(deps, command);
  assertBoard(caller);
  if (caller.userId === "") throw new WakefleetError("forbidden", "Board user context required");
  const released = await deps.engine.forceReleaseIssue({ caller, issueId: issue.id, clearAssignee });
  return { ...released, issue: presentIssue(released.issue) };
}

/** CO-40, IN-2: a comment as it is kept. */
async function censored(deps: ApiDeps, comment: string): Promise<string> {
  await deps.censor.refresh();
  return deps.censor.mask(comment);
}

/** API-159. */
export async function postComment(deps: ApiDeps, command: OnIssue<CommentCreate>): Promise<CommentRow> {
  const issue = await requireIssue(deps, command);
  return await deps.engine.commentOnIssue({
    caller: issueCaller(command.caller),
    issueId: issue.id,
    body: { ...command.body, body: await censored(deps, command.body.body) },
  });
}
