/**
 * Changing an issue (API-145, API-151 to API-157, CO-2 to CO-7, section 5): one transaction on the locked rows, from who may
 * do it to the wakes it causes. The story can be read from top to bottom in {@link writeChange}.
 */
import {
  experimentalSettings,
  type IssuePatch,
  type JsonObject,
  readExecutionState,
  WakefleetError,
} from "@wakefleet/contracts";
import { type IssueSide, losesLocks, planBlockersRestoredWakes, planUpdateWakes } from "@wakefleet/domain";
import {
  type CommentRow,
  clearDetachedWarning,
  clearIssueLocks,
  findDependents,
  findIssue,
  type IssueChanges,
  type IssueRow,
  listDependents,
  listIssueNames,
  listUnresolvedBlockerIds,
  readInstanceSettings,
  type Sql,
  updateIssue,
} from "@wakefleet/store";
import { assertOverridesGainNoSecret } from "../secrets/assert-gains-no-secret.js";
import { assertMayInterrupt, cancelIssueRuns, interruptIssueRun } from "./cancel-issue-runs.js";
import {
  assertAssignable,
  assertAssignees,
  assertNoHostCommands,
  assertNoParentRing,
  assertNoUnresolvedBlockers,
  assertReferences,
  MAX_REQUEST_DEPTH,
  participantAgentIds,
  setBlockers,
} from "./check-issue.js";
import { commentReopens } from "./follow-up.js";
import { actorOfCaller, type IssueCaller, mayAssignTasks } from "./issue-caller.js";
import {
  type IssueChange,
  type IssueDeps,
  type IssueScope,
  inIssueChange,
  issueNotFound,
  requireLocked,
} from "./issue-change.js";
import { mayEnd, scopeOfIssue } from "./issue-scope.js";
import { assertOpenWorkspace, guardIssueMutation } from "./mutation-guard.js";
import { recordDecision, type SettledStage, settleStage } from "./stage-of-change.js";
import { wakesOfEnd } from "./wakes-of-end.js";
import { mentionedAgents, writeComment } from "./write-comment.js";

export interface ChangeIssueCommand {
  readonly caller: IssueCaller;
  readonly issueId: string;
  /** An assignee's short name is resolved. */
  readonly body: IssuePatch;
}

export interface ChangedIssue {
  readonly issue: IssueRow;
  readonly comment: CommentRow | null;
}

/** Changes what is present (API-7). Throws a `WakefleetError` for what the rules refuse; then nothing was written. */
export async function changeIssue(deps: IssueDeps, command: ChangeIssueCommand): Promise<ChangedIssue> {
  const { caller, body } = command;
  if (body.resume === true && body.comment === undefined) {
    throw new WakefleetError("bad_request", "Follow-up intent requires a comment");
  }
  assertMayInterrupt({ caller, interrupt: body.interrupt === true, hasComment: body.comment !== undefined });
  assertNoHostCommands(caller, body);
  return await inIssueChange(
    deps,
    actorOfCaller(caller),
    (sql) => foresee(sql, command),
    (change) => writeChange(change, command),
  );
}

async function foresee(sql: Sql, { issueId, body }: ChangeIssueCommand): Promise<IssueScope> {
  const issue = await findIssue(sql, { id: issueId });
  if (issue === null) throw issueNotFound();
  const scope = await scopeOfIssue(sql, issue, { mayEnd: mayEnd(body.status) });
  const movesRelations = body.blockedByIssueIds !== undefined || body.parentId !== undefined;
  return {
    agentIds: [
      ...scope.agentIds,
      ...(body.assigneeAgentId == null ? [] : [body.assigneeAgentId]),
      ...participantAgentIds(body.executionPolicy ?? null),
      ...(await mentionedAgents(sql, { companyId: issue.companyId, body: body.comment })),
    ],
    // Blockers are locked too: one that becomes `done` meanwhile must see this change, or be seen by it (DP-15).
    issueIds: [...scope.issueIds, ...(body.blockedByIssueIds ?? []).map((id) => id.toLowerCase())],
    ...(movesRelations && { relationsOf: issue.companyId }),
  };
}

async function writeChange(change: IssueChange, command: ChangeIssueCommand): Promise<ChangedIssue> {
  const { tx, actor } = change;
  const { caller, issueId, body } = command;
  const locked = requireLocked(change, issueId);
  const before = await guardIssueMutation(change, { caller, issue: locked });
  const overrides = { overrides: body.assigneeAdapterOverrides, stored: before.assigneeAdapterOverrides };
  await assertOverridesGainNoSecret(change.tx, { caller, ...overrides });
  if (body.comment !== undefined || caller.kind === "agent") await assertOpenWorkspace(change, before);
  const { reopened, settled } = await settle(change, { before, command });
  const blockers = await replaceBlockersOf(change, { before, body });
  await assertChangeable(change, { before, changes: settled.changes });

  // Before the locks go: the lock's run is one of those that the issue stops.
  const interruptedRunId = body.interrupt === true ? await interruptIssueRun(change, before) : null;
  const becomesCancelled = settled.changes.status === "cancelled" && before.status !== "cancelled";
  const cancelledStatusRunId = becomesCancelled ? await cancelIssueRuns(change, before) : null;
  if (losesLocks(before, { ...before, ...present(settled.changes) })) await clearIssueLocks(tx, issueId);
  const after = await updateIssue(tx, { id: issueId, changes: settled.changes });

  noteUpdate(change, { before, after, settled, body, reopened, interruptedRunId, cancelledStatusRunId });
  if (actor.runId !== null) await clearDetachedWarning(tx, actor.runId);
  const comment = body.comment === undefined ? null : await writeComment(change, { issue: after, body: body.comment });
  if (settled.decision !== null) {
    await recordDecision(change, { issue: after, decision: settled.decision, body: body.comment ?? "" });
  }
  await wakeForChange(change, { before, after, body, comment, reopened, interruptedRunId, blockers });
  return { issue: after, comment };
}

/** Everything that decides what the row becomes. */
async function settle(
  change: IssueChange,
  asked: { readonly before: IssueRow; readonly command: ChangeIssueCommand },
): Promise<{ reopened: boolean; settled: SettledStage }> {
  const { before } = asked;
  const { caller, body } = asked.command;
  const changes = await columnsOf(change.tx, body);
  await assertMayReassign(change, { caller, before, changes });
  const reopened =
    body.comment !== undefined &&
    (await commentReopens(change, {
      caller,
      issue: before,
      assigneeAgentId: changes.assigneeAgentId === undefined ? before.assigneeAgentId : changes.assigneeAgentId,
      setsStatus: body.status !== undefined,
      reopen: body.reopen === true,
      resume: body.resume === true,
    }));
  if (reopened) Object.assign(changes, { status: "todo", executionState: null });
  return { reopened, settled: settleStage(change, { caller, before, changes, body, reopened }) };
}

/** The columns that are to change; those of execution workspaces only where these are switched on (IN-3). */
async function columnsOf(tx: Sql, body: IssuePatch): Promise<IssueChanges> {
  const {
    comment: _comment,
    reopen: _reopen,
    resume: _resume,
    interrupt: _interrupt,
    blockedByIssueIds: _blockers,
    executionPolicy: _policy,
    reviewRequest: _review,
    hiddenAt,
    requestDepth,
    ...plain
  } = body;
  const changes: IssueChanges = { ...plain };
  if (hiddenAt !== undefined) changes.hiddenAt = hiddenAt === null ? null : new Date(hiddenAt);
  if (requestDepth !== undefined) changes.requestDepth = Math.min(MAX_REQUEST_DEPTH, requestDepth);
  const workspace = ["executionWorkspaceId", "executionWorkspacePreference", "executionWorkspaceSettings"] as const;
  if (workspace.every((field) => changes[field] === undefined)) return changes;
  if (!experimentalSettings(await readInstanceSettings(tx)).enableIsolatedWorkspaces) {
    for (const field of workspace) changes[field] = undefined;
  }
  return changes;
}

/** AT; but an agent may hand its own issue back to the person who made it (CO-7). */
async function assertMayReassign(
  { tx }: IssueChange,
  check: { readonly caller: IssueCaller; readonly before: IssueRow; readonly changes: IssueChanges },
): Promise<void> {
  const { caller, before, changes } = check;
  const after = { ...before, ...present(changes) };
  if (after.assigneeAgentId === before.assigneeAgentId && after.assigneeUserId === before.assigneeUserId) return;
  const handsBack =
    caller.kind === "agent" &&
    before.assigneeAgentId === caller.agentId &&
    after.assigneeAgentId === null &&
    after.assigneeUserId !== null &&
    after.assigneeUserId === before.createdByUserId;
  if (handsBack || (await mayAssignTasks(tx, caller))) return;
  throw new WakefleetError("forbidden", "Missing permission: tasks:assign");
}

/** The fields that are there. */
function present(changes: IssueChanges): Partial<IssueRow> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as Partial<IssueRow>;
}

async function assertChangeable(
  change: IssueChange,
  asked: { readonly before: IssueRow; readonly changes: IssueChanges },
): Promise<void> {
  const { before, changes } = asked;
  const { companyId } = before;
  const after = { ...before, ...present(changes) };
  assertAssignees(after);
  if (after.assigneeAgentId !== null && after.assigneeAgentId !== before.assigneeAgentId) {
    assertAssignable(change, { companyId, agentId: after.assigneeAgentId });
  }
  await assertReferences(change.tx, { companyId, references: changes });
  if (changes.parentId !== undefined && changes.parentId !== null) {
    const parentId = changes.parentId.toLowerCase();
    await assertNoParentRing(change.tx, { companyId, issueId: before.id, parentId });
  }
  // Counted over the new set: the blockers of this very change are written.
  if (after.status === "in_progress" && before.status !== "in_progress") {
    await assertNoUnresolvedBlockers(change.tx, before.id);
  }
}

interface BlockersChange {
  /** The change took a relation away, and with it the last unresolved blocker may be gone (DP-14). */
  readonly mayRestore: boolean;
  readonly moved: boolean;
}

async function replaceBlockersOf(
  change: IssueChange,
  asked: { readonly before: IssueRow; readonly body: IssuePatch },
): Promise<BlockersChange> {
  const { before, body } = asked;
  if (body.blockedByIssueIds === undefined) return { mayRestore: false, moved: false };
  const { companyId, id: issueId } = before;
  const wasBlocked = (await listUnresolvedBlockerIds(change.tx, issueId)).length > 0;
  const set = await setBlockers(change.tx, {
    companyId,
    issueId,
    blockedBy: body.blockedByIssueIds,
    actor: change.actor,
  });
  const moved = set.added.length > 0 || set.removed.length > 0;
  if (moved) await noteBlockers(change, before, set);
  return { mayRestore: wasBlocked && set.removed.length > 0, moved };
}

/** AC-38: the ids, and the same with identifier and title. */
async function noteBlockers(
  { tx, note }: IssueChange,
  issue: IssueRow,
  set: { readonly blockedBy: string[]; readonly added: string[]; readonly removed: string[] },
): Promise<void> {
  const named = await listIssueNames(tx, [...set.blockedBy, ...set.removed]);
  const namesOf = (ids: readonly string[]): JsonObject[] => ids.flatMap((id) => named.get(id) ?? []);
  note({
    companyId: issue.companyId,
    action: "issue.blockers_updated",
    entityType: "issue",
    entityId: issue.id,
    details: {
      identifier: issue.identifier,
      blockedByIssueIds: set.blockedBy,
      addedBlockedByIssueIds: set.added,
      removedBlockedByIssueIds: set.removed,
      blockedByIssues: namesOf(set.blockedBy),
      addedBlockedByIssues: namesOf(set.added),
      removedBlockedByIssues: namesOf(set.removed),
    },
  });
}

/** AC-37: what changed, what it was, and how it came. Written when something changed. */
function noteUpdate(
  { note }: IssueChange,
  update: {
    readonly before: IssueRow;
    readonly after: IssueRow;
    readonly settled: SettledStage;
    readonly body: IssuePatch;
    readonly reopened: boolean;
    readonly interruptedRunId: string | null;
    readonly cancelledStatusRunId: string | null;
  },
): void {
  const { before, after, settled, body, reopened, interruptedRunId, cancelledStatusRunId } = update;
  const fields = (Object.keys(settled.changes) as (keyof IssueChanges)[]).filter(
    (field) => settled.changes[field] !== undefined && JSON.stringify(before[field]) !== JSON.stringify(after[field]),
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
      ...(reopened && { source: "comment", reopened: true, reopenedFrom: before.status }),
      ...(body.resume === true && { resumeIntent: true, followUpRequested: true }),
      ...(interruptedRunId !== null && { interruptedRunId }),
      ...(cancelledStatusRunId !== null && { cancelledStatusRunId }),
    },
  });
}

/** W3 to W9, W18. */
async function wakeForChange(
  change: IssueChange,
  changed: {
    readonly before: IssueRow;
    readonly after: IssueRow;
    readonly body: IssuePatch;
    readonly comment: CommentRow | null;
    readonly reopened: boolean;
    readonly interruptedRunId: string | null;
    readonly blockers: BlockersChange;
  },
): Promise<void> {
  const { before, after, body, comment, reopened, interruptedRunId, blockers } = changed;
  const { tx, actor } = change;
  const { companyId } = after;
  change.wake(
    planUpdateWakes({
      before: issueSide(before),
      after: issueSide(after),
      statusSent: body.status !== undefined,
      reopened,
      comment:
        comment === null
          ? null
          : {
              id: comment.id,
              authorAgentId: actor.agentId,
              mentionedAgentIds: await mentionedAgents(tx, { companyId, body: body.comment }),
            },
      resume: body.resume === true,
      interruptedRunId,
    }),
  );
  change.wake(await wakesOfEnd(change, { issue: after, was: before.status }));
  if (blockers.mayRestore) change.wake(planBlockersRestoredWakes(await findDependents(tx, [after.id])));
  if (blockers.moved || before.status !== after.status || before.priority !== after.priority) {
    change.reorder([after.id]);
  }
  if ((before.status === "done") !== (after.status === "done")) {
    change.reorder((await listDependents(tx, { companyId, issueId: after.id })).map((dependent) => dependent.id));
  }
}

/** An issue as the planners of wakes look at it. */
export function issueSide(issue: IssueRow): IssueSide {
  return { ...issue, executionState: readExecutionState(issue.executionState) };
}
