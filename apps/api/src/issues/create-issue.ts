/** Creating an issue (API-141, API-150, CO-1, CO-3). */
import { experimentalSettings, type IssueCreate } from "@wakefleet/contracts";
import { findIssue, type IssueRow, insertIssue, type NewIssue, readInstanceSettings } from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertAssignsTasks } from "../http/guards.js";
import { mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";
import {
  assertAssignable,
  assertAssignees,
  assertNoHostCommands,
  assertNoUnresolvedBlockers,
  assertReferences,
  setBlockers,
} from "./check-issue.js";

/** Greatest depth that is stored (API-150). */
const MAX_REQUEST_DEPTH = 1_024;

/** Makes an issue with its blockers and its activity row. */
export async function createIssue(
  deps: ApiDeps,
  command: { caller: Principal; companyId: string; body: IssueCreate },
): Promise<IssueRow> {
  const { caller, body } = command;
  const company = await requireCompany(deps, command);
  if (body.assigneeAgentId !== null || body.assigneeUserId !== null) await assertAssignsTasks(deps.db.sql, caller);
  assertNoHostCommands(caller, body);
  assertAssignees(body);
  const actor = actorOf(caller);
  const { enableIsolatedWorkspaces } = experimentalSettings(await readInstanceSettings(deps.db.sql));

  return await mutate(deps, actor, async ({ tx, note }) => {
    if (body.assigneeAgentId !== null) {
      await assertAssignable(tx, { companyId: company.id, agentId: body.assigneeAgentId });
    }
    await assertReferences(tx, { companyId: company.id, references: body });
    const parent = body.parentId === null ? null : await findIssue(tx, { id: body.parentId });
    const created = await insertIssue(tx, {
      ...columnsOf(body, { enableIsolatedWorkspaces }),
      companyId: company.id,
      projectWorkspaceId: body.projectWorkspaceId ?? parent?.projectWorkspaceId ?? null,
      createdByAgentId: actor.agentId,
      createdByUserId: actor.userId,
    });
    if (body.blockedByIssueIds.length > 0) {
      await setBlockers(tx, {
        companyId: company.id,
        issueId: created.id,
        blockedBy: body.blockedByIssueIds,
        actor,
      });
      if (created.status === "in_progress") await assertNoUnresolvedBlockers(tx, created.id);
    }
    note({
      companyId: company.id,
      action: "issue.created",
      entityType: "issue",
      entityId: created.id,
      details: {
        title: created.title,
        identifier: created.identifier,
        ...(body.blockedByIssueIds.length > 0 ? { blockedByIssueIds: body.blockedByIssueIds } : {}),
      },
    });
    return created;
  });
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
