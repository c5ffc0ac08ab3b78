/** Creating an issue, alone or as a child of another (API-141, API-142, API-150, CO-1, CO-3, DP-6), and whom it wakes (W1, W2). */
import { experimentalSettings, type IssueCreate, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { type IssueOrigin, planCreateWakes } from "@wakefleet/domain";
import {
  addBlocker,
  countChildren,
  findIssue,
  type IssueRow,
  insertIssue,
  type NewIssue,
  readInstanceSettings,
} from "@wakefleet/store";
import { assertOverridesGainNoSecret } from "../secrets/assert-gains-no-secret.js";
import {
  assertAssignable,
  assertAssignees,
  assertNoHostCommands,
  assertNoUnresolvedBlockers,
  assertReferences,
  MAX_REQUEST_DEPTH,
  participantAgentIds,
  setBlockers,
  settlePolicy,
} from "./check-issue.js";
import { actorOfCaller, type IssueCaller, mayAssignTasks } from "./issue-caller.js";
import { type IssueChange, type IssueDeps, inIssueChange } from "./issue-change.js";

export interface CreateIssueCommand {
  readonly caller: IssueCaller;
  /** A company that exists and that the caller may write in. */
  readonly companyId: string;
  readonly body: IssueCreate;
}

export interface CreateChildCommand extends CreateIssueCommand {
  /** An issue of the company. */
  readonly parentId: string;
  readonly blockParentUntilDone: boolean;
}

/** How many children an issue may get by this helper (DP-6). */
const MAX_HELPED_CHILDREN = 25;

/** Makes an issue with its blockers, its activity and its wake. Throws a `WakefleetError` for what the rules refuse. */
export async function createIssue(deps: IssueDeps, command: CreateIssueCommand): Promise<IssueRow> {
  return await inNewIssue(deps, command, [], async (change) => {
    const parent = command.body.parentId === null ? null : await findIssue(change.tx, { id: command.body.parentId });
    const created = await insert(change, command, parent);
    change.note({
      companyId: created.companyId,
      action: "issue.created",
      entityType: "issue",
      entityId: created.id,
      details: {
        title: created.title,
        identifier: created.identifier,
        ...(command.body.blockedByIssueIds.length > 0 && { blockedByIssueIds: command.body.blockedByIssueIds }),
      },
    });
    wakeForNew(change, created, "create");
    return created;
  });
}

/** The same under a parent, whose project and goal it has unless it names its own; it may block the parent until it is done. */
export async function createChildIssue(deps: IssueDeps, command: CreateChildCommand): Promise<IssueRow> {
  const { parentId, blockParentUntilDone } = command;
  return await inNewIssue(deps, command, [parentId], async (change) => {
    const parent = change.issue(parentId);
    if (parent === null) throw new WakefleetError("not_found", "Parent issue not found");
    if ((await countChildren(change.tx, parentId)) >= MAX_HELPED_CHILDREN) {
      const message = `Parent issue already has the maximum ${MAX_HELPED_CHILDREN} child issues for this helper`;
      throw new WakefleetError("unprocessable", message);
    }
    const created = await insertChild(change, { ...command, parent, origin: "child" });
    const added =
      blockParentUntilDone &&
      (await addBlocker(change.tx, { companyId: parent.companyId, issueId: parentId, blockerId: created.id }));
    if (added) change.reorder([parentId]);
    noteChild(change, created, blockParentUntilDone ? { parentBlockerAdded: added } : {});
    return created;
  });
}

/**
 * Makes an issue under a parent, with what it has from it, within a change that goes on; its wake is asked for. The parent is
 * locked or was made by the same change, and the body's agents are locked. Throws for what the rules refuse.
 */
export async function insertChild(
  change: IssueChange,
  child: {
    readonly caller: IssueCaller;
    readonly parent: IssueRow;
    readonly body: IssueCreate;
    readonly origin: IssueOrigin;
  },
): Promise<IssueRow> {
  const { caller, parent, body, origin } = child;
  const { companyId } = parent;
  const created = await insert(change, { caller, companyId, body: childBody(body, parent) }, parent);
  wakeForNew(change, created, origin);
  return created;
}

/** The activity of a child that was made (API-15); `details` beside what it is. */
export function noteChild(change: IssueChange, child: IssueRow, details: JsonObject): void {
  const { companyId, id, title, identifier, parentId } = child;
  change.note({
    companyId,
    action: "issue.child_created",
    entityType: "issue",
    entityId: id,
    details: { title, identifier, parentId, ...details },
  });
}

function childBody(body: IssueCreate, parent: IssueRow): IssueCreate {
  return {
    ...body,
    parentId: parent.id,
    projectId: body.projectId ?? parent.projectId,
    goalId: body.goalId ?? parent.goalId,
    requestDepth: Math.max(body.requestDepth, parent.requestDepth + 1),
  };
}

async function inNewIssue(
  deps: IssueDeps,
  command: CreateIssueCommand,
  parents: readonly string[],
  work: (change: IssueChange) => Promise<IssueRow>,
): Promise<IssueRow> {
  const { caller, companyId, body } = command;
  assertNoHostCommands(caller, body);
  await assertOverridesGainNoSecret(deps.db.sql, { caller, overrides: body.assigneeAdapterOverrides });
  assertAssignees(body);
  const blockers = body.blockedByIssueIds.map((id) => id.toLowerCase());
  const scope = {
    agentIds: [
      ...(body.assigneeAgentId === null ? [] : [body.assigneeAgentId.toLowerCase()]),
      ...participantAgentIds(body.executionPolicy),
    ],
    issueIds: [...blockers, ...parents],
    ...((blockers.length > 0 || parents.length > 0) && { relationsOf: companyId }),
  };
  return await inIssueChange(deps, actorOfCaller(caller), async () => scope, work);
}

async function insert(change: IssueChange, command: CreateIssueCommand, parent: IssueRow | null): Promise<IssueRow> {
  const { tx, actor } = change;
  const { caller, companyId, body } = command;
  if (body.assigneeAgentId !== null || body.assigneeUserId !== null) {
    if (!(await mayAssignTasks(tx, caller))) throw new WakefleetError("forbidden", "Missing permission: tasks:assign");
  }
  const assigneeAgentId = body.assigneeAgentId?.toLowerCase() ?? null;
  if (assigneeAgentId !== null) assertAssignable(change, { companyId, agentId: assigneeAgentId });
  await assertReferences(tx, { companyId, references: withoutInherited(body, parent) });
  const policy = settlePolicy(change, { companyId, policy: body.executionPolicy });
  const { enableIsolatedWorkspaces } = experimentalSettings(await readInstanceSettings(tx));
  const created = await insertIssue(tx, {
    ...columnsOf(body, { enableIsolatedWorkspaces }),
    assigneeAgentId,
    companyId,
    projectWorkspaceId: body.projectWorkspaceId ?? parent?.projectWorkspaceId ?? null,
    executionPolicy: policy as JsonObject | null,
    createdByAgentId: actor.agentId,
    createdByUserId: actor.userId,
  });
  if (body.blockedByIssueIds.length > 0) {
    await setBlockers(tx, { companyId, issueId: created.id, blockedBy: body.blockedByIssueIds, actor });
    if (created.status === "in_progress") await assertNoUnresolvedBlockers(tx, created.id);
  }
  return created;
}

/** What comes from the parent was checked when the parent got it. */
function withoutInherited(body: IssueCreate, parent: IssueRow | null): IssueCreate {
  if (parent === null) return body;
  return {
    ...body,
    projectId: body.projectId === parent.projectId ? null : body.projectId,
    goalId: body.goalId === parent.goalId ? null : body.goalId,
  };
}

function wakeForNew(change: IssueChange, issue: IssueRow, origin: IssueOrigin): void {
  change.made(issue.id);
  change.wake(planCreateWakes(issue, origin));
}

/** The body's columns; the three of execution workspaces only where those are switched on (IN-3). */
function columnsOf(
  body: IssueCreate,
  settings: { enableIsolatedWorkspaces: boolean },
): Omit<NewIssue, "companyId" | "createdByAgentId" | "createdByUserId" | "projectWorkspaceId"> {
  const isolated = settings.enableIsolatedWorkspaces;
  return {
    title: body.title,
    description: body.description,
    status: body.status,
    priority: body.priority,
    assigneeAgentId: body.assigneeAgentId,
    assigneeUserId: body.assigneeUserId,
    parentId: body.parentId,
    projectId: body.projectId,
    goalId: body.goalId,
    requestDepth: Math.min(MAX_REQUEST_DEPTH, body.requestDepth),
    billingCode: body.billingCode,
    assigneeAdapterOverrides: body.assigneeAdapterOverrides,
    executionWorkspaceId: isolated ? body.executionWorkspaceId : null,
    executionWorkspacePreference: isolated ? body.executionWorkspacePreference : null,
    executionWorkspaceSettings: isolated ? body.executionWorkspaceSettings : null,
  };
}
