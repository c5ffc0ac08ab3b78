/** The checks that creating and changing an issue share (API-141, CO-3, DP-3, DP-5, DP-7, API-218, API-37). */
import { type ExecutionPolicy, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { findHostCommandPaths, type SentExecutionPolicy, settleExecutionPolicy } from "@wakefleet/domain";
import {
  type BlockersOutcome,
  type CompanyReference,
  findCompanyOfReference,
  listUnresolvedBlockerIds,
  replaceBlockers,
  type Sql,
  wouldCloseParentRing,
} from "@wakefleet/store";
import type { IssueActor, IssueCaller } from "./issue-caller.js";
import type { IssueChange } from "./issue-change.js";

/** Greatest depth that is stored (API-150). */
export const MAX_REQUEST_DEPTH = 1_024;

/** The agent may be given work of this company (CO-3). */
export function assertAssignable(
  change: Pick<IssueChange, "agent">,
  check: { readonly companyId: string; readonly agentId: string },
): void {
  const agent = change.agent(check.agentId);
  if (agent === null) throw new WakefleetError("not_found", "Assignee agent not found");
  if (agent.companyId !== check.companyId) {
    throw new WakefleetError("unprocessable", "Assignee must belong to same company");
  }
  if (agent.status === "pending_approval") {
    throw new WakefleetError("conflict", "Cannot assign work to pending approval agents");
  }
  if (agent.status === "terminated") throw new WakefleetError("conflict", "Cannot assign work to terminated agents");
}

/** One assignee at most, and one at least for `in_progress` (CO-3). */
export function assertAssignees(issue: {
  status: string;
  assigneeAgentId: string | null;
  assigneeUserId: string | null;
}): void {
  if (issue.assigneeAgentId !== null && issue.assigneeUserId !== null) {
    throw new WakefleetError("unprocessable", "Issue can only have one assignee");
  }
  if (issue.status === "in_progress" && issue.assigneeAgentId === null && issue.assigneeUserId === null) {
    throw new WakefleetError("unprocessable", "in_progress issues require an assignee");
  }
}

/** What an issue may point at, and how its absence and its foreign company are told. */
const REFERENCES = {
  parentId: { table: "issues", name: "Parent issue" },
  inheritExecutionWorkspaceFromIssueId: { table: "issues", name: "Workspace inheritance issue" },
  projectId: { table: "projects", name: "Project" },
  projectWorkspaceId: { table: "project_workspaces", name: "Project workspace" },
  // Goals are a later part of the model: until then there is none to point at (DM-84).
  goalId: { table: null, name: "Goal" },
  executionWorkspaceId: { table: "execution_workspaces", name: "Execution workspace" },
} as const satisfies Record<string, { table: CompanyReference["table"] | null; name: string }>;

export type IssueReferences = { [Field in keyof typeof REFERENCES]?: string | null | undefined };

/** Everything an issue points at exists in its company (DM-10, API-218). */
export async function assertReferences(
  tx: Sql,
  check: { companyId: string; references: IssueReferences },
): Promise<void> {
  for (const [field, { table, name }] of Object.entries(REFERENCES)) {
    const id = check.references[field as keyof typeof REFERENCES];
    if (id === null || id === undefined) continue;
    const companyId = table === null ? null : await findCompanyOfReference(tx, { table, id });
    if (companyId === null) throw new WakefleetError("not_found", `${name} not found`);
    if (companyId !== check.companyId) {
      throw new WakefleetError("unprocessable", `${name} must belong to same company`);
    }
  }
}

/** DP-7. */
export async function assertNoParentRing(
  tx: Sql,
  edge: { companyId: string; issueId: string; parentId: string },
): Promise<void> {
  if (await wouldCloseParentRing(tx, edge)) {
    throw new WakefleetError("unprocessable", "Parent relations cannot contain cycles");
  }
}

const BLOCKER_MESSAGES = {
  self: "Issue cannot be blocked by itself",
  foreign: "Blocked-by issues must belong to the same company",
  cycle: "Blocking relations cannot contain cycles",
} as const;

/** Replaces an issue's blockers (DP-3). */
export async function setBlockers(
  tx: Sql,
  change: { companyId: string; issueId: string; blockedBy: readonly string[]; actor: IssueActor },
): Promise<Extract<BlockersOutcome, { outcome: "set" }>> {
  const set = await replaceBlockers(tx, {
    companyId: change.companyId,
    issueId: change.issueId,
    blockedBy: change.blockedBy,
    createdBy: { agentId: change.actor.agentId, userId: change.actor.userId },
  });
  if (set.outcome !== "set") throw new WakefleetError("unprocessable", BLOCKER_MESSAGES[set.outcome]);
  return set;
}

/** Nothing unresolved stands in the way of working on the issue (DP-5). */
export async function assertNoUnresolvedBlockers(tx: Sql, issueId: string): Promise<void> {
  const unresolvedBlockerIssueIds = await listUnresolvedBlockerIds(tx, issueId);
  if (unresolvedBlockerIssueIds.length > 0) {
    throw new WakefleetError("unprocessable", "Issue is blocked by unresolved blockers", { unresolvedBlockerIssueIds });
  }
}

/** Agents never set commands that run on the host (API-37). */
export function assertNoHostCommands(
  caller: IssueCaller,
  sent: { assigneeAdapterOverrides?: unknown; executionWorkspaceSettings?: unknown },
): void {
  if (caller.kind !== "agent") return;
  const paths = (["assigneeAdapterOverrides", "executionWorkspaceSettings"] as const).flatMap((field) =>
    // Both were parsed by their schemas: JSON, or absent.
    findHostCommandPaths((sent[field] ?? null) as JsonObject | null, field),
  );
  if (paths.length > 0) {
    throw new WakefleetError(
      "forbidden",
      `Agent keys cannot modify host-executed workspace commands (${paths.join(", ")}).`,
    );
  }
}

/** What is stored of a policy that was sent (EP-2); its agents are agents of the company. */
export function settlePolicy(
  change: Pick<IssueChange, "agent" | "newId">,
  sent: { readonly companyId: string; readonly policy: SentExecutionPolicy | null },
): ExecutionPolicy | null {
  const setting = settleExecutionPolicy(sent.policy, change.newId);
  if (setting.kind === "invalid") throw new WakefleetError("unprocessable", "Invalid execution policy");
  const foreign = participantAgentIds(setting.policy).find((id) => change.agent(id)?.companyId !== sent.companyId);
  if (foreign !== undefined) {
    throw new WakefleetError("unprocessable", "Invalid execution policy", {
      agentId: foreign,
      message: "Every agent that takes part in a stage must be an agent of the issue's company",
    });
  }
  return setting.policy;
}

/** The agents that take part in the stages of a policy, each once. */
export function participantAgentIds(policy: { stages: SentExecutionPolicy["stages"] } | null): string[] {
  const participants = policy?.stages.flatMap((stage) => stage.participants) ?? [];
  return [...new Set(participants.flatMap((one) => (one.agentId == null ? [] : [one.agentId.toLowerCase()])))];
}
