/**
 * Changing an issue (API-145, API-151 to API-157, CO-2 to CO-6). One transaction on the locked row: guard, change,
 * locks, blockers, comment and activity. The wakes of the change belong between the write and the commit, here.
 */
import { experimentalSettings, type IssuePatch, isGuid, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import {
  type CommentRow,
  clearDetachedWarning,
  clearIssueLocks,
  type IssueChanges,
  type IssueRow,
  listActiveIssueRuns,
  listIssueRelations,
  lockIssue,
  readInstanceSettings,
  requestCancelOfRunning,
  updateIssue,
} from "@wakefleet/store";
import { resolveShortName } from "../agents/find-agent.js";
import type { ApiDeps } from "../deps.js";
import { assertAssignsTasks } from "../http/guards.js";
import { found } from "../http/query-fields.js";
import { type Mutation, mutate } from "../mutate.js";
import { type Actor, actorOf, type Principal } from "../principal.js";
import {
  assertAssignable,
  assertAssignees,
  assertNoHostCommands,
  assertNoParentRing,
  assertNoUnresolvedBlockers,
  assertReferences,
  setBlockers,
} from "./check-issue.js";
import { ISSUE_NOT_FOUND, requireIssue } from "./find-issue.js";
import { decideReopening } from "./follow-up.js";
import { assertMayInterrupt, cancelIssueRuns, ISSUE_CANCELLED_REASON, interruptIssueRun } from "./interrupt.js";
import { guardIssueMutation } from "./mutation-guard.js";
import { writeComment } from "./post-comment.js";
import { presentIssue } from "./present-issue.js";

const MAX_REQUEST_DEPTH = 1_024;

/** What the patch asks for, with its references resolved and its switches out of the way. */
interface PreparedPatch {
  readonly caller: Principal;
  readonly actor: Actor;
  readonly body: IssuePatch;
  readonly changes: IssueChanges;
  readonly interruptedRunId: string | null;
}

interface PatchedIssue {
  readonly issue: IssueRow;
  readonly comment: CommentRow | null;
  readonly becameCancelled: boolean;
}

/** Changes what is present (API-7). Answers the issue with its comment, and its blockers where they were sent. */
export async function patchIssue(
  deps: ApiDeps,
  command: { caller: Principal; ref: string; body: IssuePatch },
): Promise<object> {
  const { caller, body } = command;
  const issue = await requireIssue(deps, command);
  if (body.resume === true && body.comment === undefined) {
    throw new WakefleetError("bad_request", "Follow-up intent requires a comment");
  }
  assertMayInterrupt({ caller, interrupt: body.interrupt === true, hasComment: body.comment !== undefined });
  const changes = await changesOf(deps, { issue, body });
  if (
    (changes.assigneeAgentId !== undefined && changes.assigneeAgentId !== issue.assigneeAgentId) ||
    (changes.assigneeUserId !== undefined && changes.assigneeUserId !== issue.assigneeUserId)
  ) {
    await assertAssignsTasks(deps.db.sql, caller);
  }
  assertNoHostCommands(caller, body);
  const interruptedRunId = body.interrupt === true ? await interruptIssueRun(deps, { issue, caller }) : null;

  const actor = actorOf(caller);
  const patched = await mutate(deps, actor, (mutation) =>
    writePatch(mutation, { issueId: issue.id, patch: { caller, actor, body, changes, interruptedRunId } }),
  );
  if (patched.becameCancelled) await cancelIssueRuns(deps, { issue: patched.issue, actor });
  return {
    ...presentIssue(patched.issue),
    comment: patched.comment,
    ...(body.blockedByIssueIds === undefined ? {} : await listIssueRelations(deps.db.sql, issue.id)),
  };
}

/** The columns that are to change; an assignee's short name is resolved, workspace fields dropped where they are off. */
async function changesOf(deps: ApiDeps, request: { issue: IssueRow; body: IssuePatch }): Promise<IssueChanges> {
  const {
    comment: _comment,
    reopen: _reopen,
    resume: _resume,
    interrupt: _interrupt,
    blockedByIssueIds: _blockers,
    hiddenAt,
    requestDepth,
    assigneeAgentId,
    ...plain
  } = request.body;
  const changes: IssueChanges = { ...plain };
  if (hiddenAt !== undefined) changes.hiddenAt = hiddenAt === null ? null : new Date(hiddenAt);
  if (requestDepth !== undefined) changes.requestDepth = Math.min(MAX_REQUEST_DEPTH, requestDepth);
  if (assigneeAgentId !== undefined) {
    changes.assigneeAgentId =
      assigneeAgentId === null || isGuid(assigneeAgentId)
        ? (assigneeAgentId?.toLowerCase() ?? null)
        : await resolveShortName(deps, { companyId: request.issue.companyId, shortName: assigneeAgentId });
  }
  const stored = await readInstanceSettings(deps.db.sql);
  if (!experimentalSettings(stored).enableIsolatedWorkspaces) {
    changes.executionWorkspaceId = undefined;
    changes.executionWorkspacePreference = undefined;
    changes.executionWorkspaceSettings = undefined;
  }
  return changes;
}

async function writePatch(
  mutation: Mutation,
  { issueId, patch }: { issueId: string; patch: PreparedPatch },
): Promise<PatchedIssue> {
  const { tx } = mutation;
  const { body, actor } = patch;
  const locked = found(await lockIssue(tx, issueId), ISSUE_NOT_FOUND);
  const before = await guardIssueMutation(mutation, { caller: patch.caller, issue: locked });
  const reopens =
    body.comment !== undefined &&
    (await decideReopening(tx, {
      caller: patch.caller,
      issue: before,
      assigneeAgentId:
        patch.changes.assigneeAgentId === undefined ? before.assigneeAgentId : patch.changes.assigneeAgentId,
      setsStatus: body.status !== undefined,
      reopen: body.reopen === true,
      resume: body.resume === true,
    }));
  const changes: IssueChanges = reopens ? { ...patch.changes, status: "todo", executionState: null } : patch.changes;
  await assertChangeable(mutation, { before, changes, body });
  await noteBlockers(mutation, { before, body, actor });
  if (changes.status === "in_progress" && before.status !== "in_progress")
    await assertNoUnresolvedBlockers(tx, issueId);

  if (losesLocks(before, changes)) await clearIssueLocks(tx, issueId);
  const after = await updateIssue(tx, { id: issueId, changes });
  const becameCancelled = after.status === "cancelled" && before.status !== "cancelled";
  if (becameCancelled) await requestCancels(mutation, after);
  noteUpdate(mutation, { before, after, changes, patch, reopens });
  if (actor.runId !== null) await clearDetachedWarning(tx, actor.runId);
  const comment =
    body.comment === undefined ? null : await writeComment(mutation, { issue: after, actor, body: body.comment });
  return { issue: after, comment, becameCancelled };
}

async function assertChangeable(
  { tx }: Mutation,
  change: { before: IssueRow; changes: IssueChanges; body: IssuePatch },
): Promise<void> {
  const { before, changes } = change;
  const { companyId } = before;
  assertAssignees({
    status: changes.status ?? before.status,
    assigneeAgentId: changes.assigneeAgentId === undefined ? before.assigneeAgentId : changes.assigneeAgentId,
    assigneeUserId: changes.assigneeUserId === undefined ? before.assigneeUserId : changes.assigneeUserId,
  });
  const { assigneeAgentId, parentId } = changes;
  if (assigneeAgentId !== undefined && assigneeAgentId !== null && assigneeAgentId !== before.assigneeAgentId) {
    await assertAssignable(tx, { companyId, agentId: assigneeAgentId });
  }
  await assertReferences(tx, { companyId, references: changes });
  if (parentId !== undefined && parentId !== null) {
    await assertNoParentRing(tx, { companyId, issueId: before.id, parentId: parentId.toLowerCase() });
  }
}

/** CO-5: any status but `in_progress`, and any other assignee, clears checkout and lock. */
function losesLocks(before: IssueRow, changes: IssueChanges): boolean {
  const leaves = changes.status !== undefined && changes.status !== before.status && changes.status !== "in_progress";
  const agent = changes.assigneeAgentId !== undefined && changes.assigneeAgentId !== before.assigneeAgentId;
  const user = changes.assigneeUserId !== undefined && changes.assigneeUserId !== before.assigneeUserId;
  return leaves || agent || user;
}

/** The running runs are asked to stop in this very transaction, so that no crash leaves them going (CO-6, CO-64). */
async function requestCancels({ tx }: Mutation, issue: IssueRow): Promise<void> {
  const running = (await listActiveIssueRuns(tx, issue)).filter((run) => run.status === "running");
  if (running.length === 0) return;
  await requestCancelOfRunning(
    tx,
    running.map((run) => run.id),
    { reason: ISSUE_CANCELLED_REASON, kind: "issue", recover: false },
  );
}

async function noteBlockers(
  { tx, note }: Mutation,
  change: { before: IssueRow; body: IssuePatch; actor: Actor },
): Promise<void> {
  const { before, body } = change;
  if (body.blockedByIssueIds === undefined) return;
  const set = await setBlockers(tx, {
    companyId: before.companyId,
    issueId: before.id,
    blockedBy: body.blockedByIssueIds,
    actor: change.actor,
  });
  if (set.added.length === 0 && set.removed.length === 0) return;
  note({
    companyId: before.companyId,
    action: "issue.blockers_updated",
    entityType: "issue",
    entityId: before.id,
    details: {
      identifier: before.identifier,
      blockedByIssueIds: set.blockedBy,
      addedBlockedByIssueIds: set.added,
      removedBlockedByIssueIds: set.removed,
    },
  });
}

/** AC-37: what changed, what it was, and how it came. Written when something changed or a status was moved. */
function noteUpdate(
  { note }: Mutation,
  update: { before: IssueRow; after: IssueRow; changes: IssueChanges; patch: PreparedPatch; reopens: boolean },
): void {
  const { before, after, changes, patch, reopens } = update;
  const fields = (Object.keys(changes) as (keyof IssueChanges)[]).filter(
    (field) => changes[field] !== undefined && JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );
  if (fields.length === 0) return;
  const valuesOf = (issue: IssueRow): JsonObject =>
    // Through JSON: instants become the text they are answered as.
    JSON.parse(JSON.stringify(Object.fromEntries(fields.map((field) => [field, issue[field]])))) as JsonObject;
  note({
    companyId: after.companyId,
    action: "issue.updated",
    entityType: "issue",
    entityId: after.id,
    details: {
      ...valuesOf(after),
      identifier: after.identifier,
      _previous: valuesOf(before),
      ...(reopens ? { source: "comment", reopened: true, reopenedFrom: before.status } : {}),
      ...(patch.body.resume === true ? { resumeIntent: true, followUpRequested: true } : {}),
      ...(patch.interruptedRunId === null ? {} : { interruptedRunId: patch.interruptedRunId }),
    },
  });
}
