/**
 * Makes the issue that has a repair done (RC-24, RC-47, RC-63), once: under the locks of what it is about nobody else makes
 * it, and should somebody all the same, the database refuses the second and the first is gone on with (RC-39).
 */
import type { IssuePriority, JsonObject } from "@wakefleet/contracts";
import {
  findOpenIssueOfOrigin,
  type IssueOrigin,
  type IssueRow,
  insertIssue,
  type Sql,
  savepoint,
  setIssueOrigin,
} from "@wakefleet/store";

export interface RecoveryIssuePlan extends IssueOrigin {
  readonly companyId: string;
  readonly title: string;
  readonly description: string;
  readonly priority: IssuePriority;
  readonly assigneeAgentId: string | null;
  readonly parentId: string | null;
  /** Whose project, goal and billing code it has; null: none. */
  readonly like: Pick<IssueRow, "projectId" | "goalId" | "billingCode" | "requestDepth"> | null;
  /** Whose execution workspace it uses; null: none. */
  readonly workspaceOf: Pick<
    IssueRow,
    "projectWorkspaceId" | "executionWorkspaceId" | "executionWorkspacePreference" | "executionWorkspaceSettings"
  > | null;
}

const UNIQUE_VIOLATION = "23505";

/** The open issue of this origin: made now, or found. */
export async function makeRecoveryIssue(
  tx: Sql,
  plan: RecoveryIssuePlan,
): Promise<{ readonly issue: IssueRow; readonly isNew: boolean }> {
  const { companyId, originKind, originId } = plan;
  const found = await findOpenIssueOfOrigin(tx, { companyId, originKind, originId });
  if (found !== null) return { issue: found, isNew: false };
  const made = await savepoint(tx, "make_recovery_issue", () => insert(tx, plan));
  if (made.ok) return { issue: made.value, isNew: true };
  if ((made.error as { code?: unknown }).code !== UNIQUE_VIOLATION) throw made.error;
  const winner =
    (await findOpenIssueOfOrigin(tx, { companyId, originKind, originId })) ??
    (await findOpenIssueOfOrigin(tx, { companyId, originKind, originFingerprint: plan.originFingerprint }));
  if (winner === null) throw made.error;
  return { issue: winner, isNew: false };
}

async function insert(tx: Sql, plan: RecoveryIssuePlan): Promise<IssueRow> {
  const { like, workspaceOf } = plan;
  const issue = await insertIssue(tx, {
    companyId: plan.companyId,
    title: plan.title,
    description: plan.description,
    status: "todo",
    priority: plan.priority,
    assigneeAgentId: plan.assigneeAgentId,
    assigneeUserId: null,
    parentId: plan.parentId,
    projectId: like?.projectId ?? null,
    projectWorkspaceId: workspaceOf?.projectWorkspaceId ?? null,
    goalId: like?.goalId ?? null,
    requestDepth: like?.requestDepth ?? 0,
    billingCode: like?.billingCode ?? null,
    assigneeAdapterOverrides: null,
    executionWorkspaceId: workspaceOf?.executionWorkspaceId ?? null,
    executionWorkspacePreference: workspaceOf?.executionWorkspacePreference ?? null,
    executionWorkspaceSettings: (workspaceOf?.executionWorkspaceSettings as JsonObject | null | undefined) ?? null,
    createdByAgentId: null,
    createdByUserId: null,
  });
  const { originKind, originId, originRunId, originFingerprint } = plan;
  await setIssueOrigin(tx, { id: issue.id, originKind, originId, originRunId, originFingerprint });
  return { ...issue, originKind, originId, originRunId, originFingerprint };
}
