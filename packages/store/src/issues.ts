/**
 * Issues as the HTTP side creates, changes and reads them (DM-50). The execution lock is taken by claims and released by
 * ends elsewhere; here it is only cleared or taken over together with a change of the issue (CO-5, CO-25 to CO-27, CO-35),
 * always with the run's `lock_issue_id` in the same transaction (DM-36).
 */
import type { IssuePriority, IssueStatus, JsonObject } from "@wakefleet/contracts";
import { Conditions, likeText, type Page, pageOf } from "./conditions.js";
import { toDatabaseJson } from "./database-json.js";
import { camelRow, type IssueRow, type RunRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** The few fields of an issue that other issues show of it. */
export interface IssueRef {
  id: string;
  identifier: string | null;
  title: string;
  status: IssueStatus;
  priority: IssuePriority;
  assigneeAgentId: string | null;
  assigneeUserId: string | null;
}

const REF_COLUMNS = "i.id, i.identifier, i.title, i.status, i.priority, i.assignee_agent_id, i.assignee_user_id";

/** An issue by id, or by its identifier in any case (API-5). */
export async function findIssue(sql: Sql, key: { id: string } | { identifier: string }): Promise<IssueRow | null> {
  const rows =
    "id" in key
      ? await sql.query<object>("SELECT * FROM issues WHERE id = $1", [key.id], "find_issue")
      : await sql.query<object>(
          "SELECT * FROM issues WHERE identifier = upper($1)",
          [key.identifier],
          "find_issue_by_identifier",
        );
  return rows[0] === undefined ? null : camelRow<IssueRow>(rows[0]);
}

/** Locks an issue for a change; null when it is gone. */
export async function lockIssue(tx: Sql, id: string): Promise<IssueRow | null> {
  const rows = await tx.query<object>("SELECT * FROM issues WHERE id = $1 FOR NO KEY UPDATE", [id], "lock_issue");
  return rows[0] === undefined ? null : camelRow<IssueRow>(rows[0]);
}

export interface NewIssue {
  readonly companyId: string;
  readonly title: string;
  readonly description: string | null;
  readonly status: IssueStatus;
  readonly priority: IssuePriority;
  readonly assigneeAgentId: string | null;
  readonly assigneeUserId: string | null;
  readonly parentId: string | null;
  readonly projectId: string | null;
  readonly projectWorkspaceId: string | null;
  readonly goalId: string | null;
  readonly requestDepth: number;
  readonly billingCode: string | null;
  readonly assigneeAdapterOverrides: JsonObject | null;
  readonly executionWorkspaceId: string | null;
  readonly executionWorkspacePreference: string | null;
  readonly executionWorkspaceSettings: JsonObject | null;
  /** EP-2; absent: none. */
  readonly executionPolicy?: JsonObject | null;
  readonly createdByAgentId: string | null;
  readonly createdByUserId: string | null;
}

function json(value: JsonObject | null): string | null {
  return value === null ? null : toDatabaseJson(value);
}

/**
 * Inserts an issue under the company's next number (CO-1). The counter's row lock lines up creations of one company, so
 * that numbers have no gap and no double; the transaction should do little after this.
 */
export async function insertIssue(tx: Sql, issue: NewIssue): Promise<IssueRow> {
  const numbers = await tx.query<{ number: number; prefix: string }>(
    `UPDATE companies c SET updated_at = c.updated_at, issue_counter = greatest(
         c.issue_counter, coalesce((SELECT max(i.issue_number) FROM issues i WHERE i.company_id = c.id), 0)) + 1
      WHERE c.id = $1 RETURNING issue_counter AS number, issue_prefix AS prefix`,
    [issue.companyId],
  );
  const next = numbers[0];
  if (next === undefined) throw new Error(`company ${issue.companyId} vanished`);
  const rows = await tx.query<object>(
    `INSERT INTO issues (company_id, title, description, status, priority, assignee_agent_id, assignee_user_id, parent_id,
                         project_id, project_workspace_id, goal_id, request_depth, billing_code,
                         assignee_adapter_overrides, execution_workspace_id, execution_workspace_preference,
                         execution_workspace_settings, created_by_agent_id, created_by_user_id, issue_number, identifier,
                         execution_policy, started_at, completed_at, cancelled_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
             CASE WHEN $4 = 'in_progress' THEN now() END, CASE WHEN $4 = 'done' THEN now() END,
             CASE WHEN $4 = 'cancelled' THEN now() END) RETURNING *`,
    [
      issue.companyId,
      issue.title,
      issue.description,
      issue.status,
      issue.priority,
      issue.assigneeAgentId,
      issue.assigneeUserId,
      issue.parentId,
      issue.projectId,
      issue.projectWorkspaceId,
      issue.goalId,
      issue.requestDepth,
      issue.billingCode,
      json(issue.assigneeAdapterOverrides),
      issue.executionWorkspaceId,
      issue.executionWorkspacePreference,
      json(issue.executionWorkspaceSettings),
      issue.createdByAgentId,
      issue.createdByUserId,
      next.number,
      `${next.prefix}-${next.number}`,
      json(issue.executionPolicy ?? null),
    ],
  );
  if (rows[0] === undefined) throw new Error("inserting an issue returned no row");
  return camelRow<IssueRow>(rows[0]);
}

const PLAIN_COLUMNS = {
  title: "title",
  description: "description",
  status: "status",
  priority: "priority",
  assigneeAgentId: "assignee_agent_id",
  assigneeUserId: "assignee_user_id",
  parentId: "parent_id",
  projectId: "project_id",
  projectWorkspaceId: "project_workspace_id",
  goalId: "goal_id",
  requestDepth: "request_depth",
  billingCode: "billing_code",
  executionWorkspaceId: "execution_workspace_id",
  executionWorkspacePreference: "execution_workspace_preference",
  hiddenAt: "hidden_at",
} as const;
const JSON_COLUMNS = {
  assigneeAdapterOverrides: "assignee_adapter_overrides",
  executionWorkspaceSettings: "execution_workspace_settings",
  executionPolicy: "execution_policy",
  executionState: "execution_state",
} as const;

export type IssueChanges = {
  [Field in keyof typeof PLAIN_COLUMNS | keyof typeof JSON_COLUMNS]?: IssueRow[Field] | undefined;
};

/**
 * Changes the fields that are present (API-7) and keeps the stamps of CO-4: entering `in_progress` sets `started_at`,
 * `done` and `cancelled` set theirs and every other status clears them. The row must be locked.
 */
export async function updateIssue(tx: Sql, change: { id: string; changes: IssueChanges }): Promise<IssueRow> {
  const set = new Conditions();
  const assignments: string[] = ["updated_at = now()"];
  for (const [field, column] of Object.entries(PLAIN_COLUMNS)) {
    const value = change.changes[field as keyof typeof PLAIN_COLUMNS];
    if (value !== undefined) assignments.push(`${column} = ${set.bind(value)}`);
  }
  for (const [field, column] of Object.entries(JSON_COLUMNS)) {
    const value = change.changes[field as keyof typeof JSON_COLUMNS];
    if (value !== undefined) assignments.push(`${column} = ${set.bind(json(value))}`);
  }
  const { status } = change.changes;
  if (status !== undefined) {
    const now = set.bind(status);
    assignments.push(
      `started_at = CASE WHEN ${now}::text = 'in_progress' AND status <> 'in_progress' THEN now() ELSE started_at END`,
      `completed_at = CASE WHEN ${now}::text <> 'done' THEN NULL WHEN status <> 'done' THEN now() ELSE completed_at END`,
      `cancelled_at = CASE WHEN ${now}::text <> 'cancelled' THEN NULL
                           WHEN status <> 'cancelled' THEN now() ELSE cancelled_at END`,
    );
  }
  const rows = await tx.query<object>(
    `UPDATE issues SET ${assignments.join(", ")} WHERE id = ${set.bind(change.id)} RETURNING *`,
    set.values,
  );
  if (rows[0] === undefined) throw new Error(`issue ${change.id} vanished while it was locked`);
  return camelRow<IssueRow>(rows[0]);
}

/**
 * Deletes an issue with what cascades from it: comments, relations, work products, interactions, holds; its documents go
 * with it (DM-18). The row must be locked and have no children.
 */
export async function deleteIssueRow(tx: Sql, issueId: string): Promise<void> {
  await tx.query("UPDATE heartbeat_runs SET lock_issue_id = NULL, updated_at = now() WHERE lock_issue_id = $1", [
    issueId,
  ]);
  await tx.query("DELETE FROM documents d USING issue_documents l WHERE l.document_id = d.id AND l.issue_id = $1", [
    issueId,
  ]);
  await tx.query("DELETE FROM issues WHERE id = $1", [issueId]);
}

/** Moves `updated_at` (CO-40). */
export async function touchIssue(tx: Sql, id: string): Promise<void> {
  await tx.query("UPDATE issues SET updated_at = now() WHERE id = $1", [id]);
}

/** Clears checkout and execution lock, and the lock's mark on its run (CO-5, CO-35, DM-36). */
export async function clearIssueLocks(tx: Sql, issueId: string): Promise<IssueRow> {
  await tx.query("UPDATE heartbeat_runs SET lock_issue_id = NULL, updated_at = now() WHERE lock_issue_id = $1", [
    issueId,
  ]);
  const rows = await tx.query<object>(
    `UPDATE issues SET checkout_run_id = NULL, execution_run_id = NULL, execution_agent_name_key = NULL,
                       execution_locked_at = NULL, updated_at = now() WHERE id = $1 RETURNING *`,
    [issueId],
  );
  if (rows[0] === undefined) throw new Error(`issue ${issueId} vanished while it was locked`);
  return camelRow<IssueRow>(rows[0]);
}

/** Gives both locks to a run (CO-25 to CO-27, CO-30). The issue must be locked, and no live run may hold the lock. */
export async function takeIssueLocks(
  tx: Sql,
  lock: { issueId: string; runId: string; agentNameKey: string },
): Promise<IssueRow> {
  // Two statements: the unique index on the mark is checked row by row.
  await tx.query(
    "UPDATE heartbeat_runs SET lock_issue_id = NULL, updated_at = now() WHERE lock_issue_id = $1 AND id <> $2",
    [lock.issueId, lock.runId],
  );
  await tx.query(
    "UPDATE heartbeat_runs SET lock_issue_id = $1, updated_at = now() WHERE id = $2 AND status = 'running'",
    [lock.issueId, lock.runId],
  );
  const rows = await tx.query<object>(
    `UPDATE issues SET checkout_run_id = $2, execution_run_id = $2, execution_agent_name_key = $3,
                       execution_locked_at = CASE WHEN execution_run_id = $2 THEN execution_locked_at ELSE now() END,
                       updated_at = now() WHERE id = $1 RETURNING *`,
    [lock.issueId, lock.runId, lock.agentNameKey],
  );
  if (rows[0] === undefined) throw new Error(`issue ${lock.issueId} vanished while it was locked`);
  return camelRow<IssueRow>(rows[0]);
}

/** Those of the named runs that are active; the others are over or gone. Locks their rows against their end meanwhile. */
export async function lockActiveRuns(tx: Sql, runIds: readonly (string | null)[]): Promise<ReadonlySet<string>> {
  const named = runIds.filter((id) => id !== null);
  if (named.length === 0) return new Set();
  const rows = await tx.query<{ id: string; isActive: boolean }>(
    `SELECT id, status IN ('queued', 'scheduled_retry', 'running') AS "isActive" FROM heartbeat_runs
      WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`,
    [named],
    "lock_active_runs",
  );
  return new Set(rows.filter((row) => row.isActive).map((row) => row.id));
}

/** Waiting runs of issues: those whose place in their agent's order follows the issue (QU-3). */
export async function listWaitingRunIds(sql: Sql, issueIds: readonly string[]): Promise<string[]> {
  if (issueIds.length === 0) return [];
  const rows = await sql.query<{ id: string }>(
    `SELECT r.id FROM issues i JOIN heartbeat_runs r ON r.company_id = i.company_id AND r.issue_id = i.id::text
        AND r.status IN ('queued', 'scheduled_retry')
      WHERE i.id = ANY($1::uuid[])`,
    [issueIds],
    "list_waiting_runs_of_issues",
  );
  return rows.map((row) => row.id);
}

/** Active runs about an issue and the one that holds its lock, which comes first, then the running ones (CO-6, CO-46). */
export async function listActiveIssueRuns(
  sql: Sql,
  issue: Pick<IssueRow, "id" | "companyId" | "executionRunId">,
): Promise<RunRow[]> {
  const rows = await sql.query<object>(
    `SELECT * FROM heartbeat_runs
      WHERE company_id = $1 AND (issue_id = $2 OR id = $3) AND status IN ('queued', 'scheduled_retry', 'running')
      ORDER BY id IS NOT DISTINCT FROM $3 DESC, (status = 'running') DESC, created_at, id`,
    [issue.companyId, issue.id, issue.executionRunId],
    "list_active_issue_runs",
  );
  return rows.map((row) => camelRow<RunRow>(row));
}

/** Parents upwards, nearest first, at most 50. */
export async function listIssueAncestors(sql: Sql, issueId: string): Promise<IssueRef[]> {
  const rows = await sql.query<object>(
    `WITH RECURSIVE up AS (
       SELECT p.id, p.parent_id, 1 AS depth FROM issues i JOIN issues p ON p.id = i.parent_id WHERE i.id = $1
       UNION ALL
       SELECT p.id, p.parent_id, u.depth + 1 FROM up u JOIN issues p ON p.id = u.parent_id WHERE u.depth < 50
     ) CYCLE id SET is_cycle USING path
     SELECT ${REF_COLUMNS} FROM up JOIN issues i ON i.id = up.id WHERE NOT up.is_cycle ORDER BY up.depth`,
    [issueId],
  );
  return rows.map((row) => camelRow<IssueRef>(row));
}

/** Lines up changes of parents and blockers of a company, so that no two of them close a ring together (DP-4, DP-7). */
export async function lockIssueRelations(tx: Sql, companyId: string): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('wakefleet:issue-relations:' || $1::text, 0))", [
    companyId,
  ]);
}

/** True when making `parentId` the parent of `issueId` would close a ring (DP-7). */
export async function wouldCloseParentRing(
  tx: Sql,
  edge: { companyId: string; issueId: string; parentId: string },
): Promise<boolean> {
  if (edge.issueId === edge.parentId) return true;
  await lockIssueRelations(tx, edge.companyId);
  const rows = await tx.query<{ found: boolean }>(
    `WITH RECURSIVE up AS (
       SELECT id, parent_id FROM issues WHERE id = $2
       UNION
       SELECT p.id, p.parent_id FROM up u JOIN issues p ON p.id = u.parent_id
     ) SELECT EXISTS (SELECT 1 FROM up WHERE id = $1) AS found`,
    [edge.issueId, edge.parentId],
  );
  return rows[0]?.found === true;
}

export interface IssueFilter {
  readonly companyId: string;
  readonly statuses?: readonly string[] | undefined;
  readonly assigneeAgentId?: string | undefined;
  readonly participantAgentId?: string | undefined;
  readonly assigneeUserId?: string | undefined;
  readonly projectId?: string | undefined;
  readonly projectWorkspaceId?: string | undefined;
  readonly executionWorkspaceId?: string | undefined;
  readonly parentId?: string | undefined;
  readonly descendantOf?: string | undefined;
  readonly originKind?: string | undefined;
  readonly originId?: string | undefined;
  readonly excludeRoutineExecutions: boolean;
  readonly text?: string | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly cursor?: string | undefined;
}

const PRIORITY_RANK = (row: string): string =>
  `CASE ${row}.priority WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END`;

/** An issue as lists show it (API-140): a short description, no policies, and the lock's run. */
export interface ListedIssue extends IssueRow {
  activeRun: Record<string, unknown> | null;
  lastActivityAt: Date;
}

/** Visible issues by priority, then latest activity (API-140). */
export async function listIssues(sql: Sql, filter: IssueFilter): Promise<Page<ListedIssue>> {
  const conditions = new Conditions()
    .when(filter.companyId, (p) => `i.company_id = ${p}`)
    .when(filter.statuses, (p) => `i.status = ANY(${p}::text[])`)
    .when(filter.assigneeAgentId, (p) => `i.assignee_agent_id = ${p}`)
    .when(filter.assigneeUserId, (p) => `i.assignee_user_id = ${p}`)
    .when(filter.projectId, (p) => `i.project_id = ${p}`)
    .when(filter.projectWorkspaceId, (p) => `i.project_workspace_id = ${p}`)
    .when(filter.executionWorkspaceId, (p) => `i.execution_workspace_id = ${p}`)
    .when(filter.parentId, (p) => `i.parent_id = ${p}`)
    .when(filter.originKind, (p) => `i.origin_kind = ${p}`)
    .when(filter.originId, (p) => `i.origin_id = ${p}`)
    .when(
      filter.participantAgentId,
      (p) => `(i.assignee_agent_id = ${p} OR i.created_by_agent_id = ${p} OR EXISTS (
                 SELECT 1 FROM issue_comments k WHERE k.issue_id = i.id AND k.author_agent_id = ${p}))`,
    )
    .when(
      filter.descendantOf,
      (p) => `i.id IN (
        WITH RECURSIVE down AS (
          SELECT id FROM issues WHERE parent_id = ${p}
          UNION SELECT c.id FROM down d JOIN issues c ON c.parent_id = d.id
        ) SELECT id FROM down)`,
    )
    .when(
      filter.text === undefined ? undefined : likeText(filter.text),
      (p) => `(i.title ILIKE ${p} OR i.identifier ILIKE ${p} OR i.description ILIKE ${p})`,
    )
    .when(
      filter.cursor,
      (p) => `(${PRIORITY_RANK("i")}, -extract(epoch FROM i.updated_at), i.id) >
              (SELECT ${PRIORITY_RANK("c")}, -extract(epoch FROM c.updated_at), c.id FROM issues c WHERE c.id = ${p})`,
    )
    .always("i.hidden_at IS NULL");
  if (filter.excludeRoutineExecutions) conditions.always("i.origin_kind <> 'routine_execution'");
  const rows = await sql.query<object>(
    `SELECT i.*, left(i.description, 1200) AS short_description, r.id AS lock_run_id, r.status AS lock_run_status,
            r.agent_id AS lock_run_agent_id, r.invocation_source AS lock_run_source,
            r.trigger_detail AS lock_run_trigger, r.started_at AS lock_run_started_at,
            r.finished_at AS lock_run_finished_at, r.created_at AS lock_run_created_at
       FROM issues i LEFT JOIN heartbeat_runs r ON r.id = i.execution_run_id
      WHERE ${conditions.where}
      ORDER BY ${PRIORITY_RANK("i")}, extract(epoch FROM i.updated_at) DESC, i.id
      LIMIT ${conditions.bind(filter.limit + 1)} OFFSET ${conditions.bind(filter.offset)}`,
    conditions.values,
  );
  return pageOf(rows.map(listedIssueOf), filter.limit);
}

interface JoinedIssue extends IssueRow {
  shortDescription: string | null;
  lockRunId: string | null;
  lockRunStatus: string;
  lockRunAgentId: string;
  lockRunSource: string;
  lockRunTrigger: string | null;
  lockRunStartedAt: Date | null;
  lockRunFinishedAt: Date | null;
  lockRunCreatedAt: Date;
}

function listedIssueOf(row: object): ListedIssue {
  const {
    shortDescription,
    lockRunId,
    lockRunStatus,
    lockRunAgentId,
    lockRunSource,
    lockRunTrigger,
    lockRunStartedAt,
    lockRunFinishedAt,
    lockRunCreatedAt,
    ...issue
  } = camelRow<JoinedIssue>(row);
  return {
    ...issue,
    description: shortDescription,
    executionPolicy: null,
    executionState: null,
    executionWorkspaceSettings: null,
    activeRun:
      lockRunId === null
        ? null
        : {
            id: lockRunId,
            status: lockRunStatus,
            agentId: lockRunAgentId,
            invocationSource: lockRunSource,
            triggerDetail: lockRunTrigger,
            startedAt: lockRunStartedAt,
            finishedAt: lockRunFinishedAt,
            createdAt: lockRunCreatedAt,
          },
    lastActivityAt: issue.updatedAt,
  };
}

/** A project as checkout must know it (CO-21); null when it is none of this company. */
export async function findProjectState(
  sql: Sql,
  project: { id: string; companyId: string },
): Promise<{ pausedAt: Date | null; pauseReason: string | null } | null> {
  const rows = await sql.query<object>(
    "SELECT paused_at, pause_reason FROM projects WHERE id = $1 AND company_id = $2",
    [project.id, project.companyId],
  );
  return rows[0] === undefined ? null : camelRow<{ pausedAt: Date | null; pauseReason: string | null }>(rows[0]);
}

export interface CompanyReference {
  readonly table: "issues" | "projects" | "project_workspaces" | "execution_workspaces";
  readonly id: string;
}

/** The company a referenced row belongs to; null when there is no such row (DM-10). The table names are ours. */
export async function findCompanyOfReference(sql: Sql, reference: CompanyReference): Promise<string | null> {
  const rows = await sql.query<{ company_id: string }>(`SELECT company_id FROM ${reference.table} WHERE id = $1`, [
    reference.id,
  ]);
  return rows[0]?.company_id ?? null;
}
