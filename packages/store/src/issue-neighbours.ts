/**
 * The issues around an issue that a change of it may concern: those it blocks, its parent with all children, and the
 * agents a comment mentions. Read under the issues' locks for a decision, and without them to know what to lock.
 */
import type { ChildFact, DependentFact } from "@wakefleet/domain";
import { SUMMARIZED_CHILDREN } from "@wakefleet/domain";
import { pauseHoldOver } from "./policy/policy-facts-sql.js";
import { camelRow, type IssueRow } from "./rows.js";
import type { Sql } from "./sql.js";

/**
 * Locks the issues that exist among `issueIds`, in id order, and answers them as they now are; with a company only its own,
 * whatever ids a caller sent.
 */
export async function lockIssueRows(
  tx: Sql,
  issueIds: readonly string[],
  companyId: string | null = null,
): Promise<ReadonlyMap<string, IssueRow>> {
  const rows = await tx.query<object>(
    `SELECT * FROM issues WHERE id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR company_id = $2)
      ORDER BY id FOR NO KEY UPDATE`,
    [issueIds, companyId],
    "lock_issue_rows",
  );
  return new Map(rows.map((row) => camelRow<IssueRow>(row)).map((issue) => [issue.id, issue]));
}

/** What changes of issues may reach: the agents they may wake and the issues they are decided on. */
export interface IssueSurroundings {
  readonly agentIds: string[];
  readonly issueIds: string[];
}

/**
 * The issues themselves, those they block and their parents, each with its agent assignee. Read without locks, to know
 * what to lock.
 */
export async function readIssueSurroundings(sql: Sql, issueIds: readonly string[]): Promise<IssueSurroundings> {
  const [row] = await sql.query<IssueSurroundings>(
    `WITH changed AS (SELECT id, company_id, parent_id, assignee_agent_id FROM issues WHERE id = ANY($1::uuid[])),
          near AS (
            SELECT id, assignee_agent_id FROM changed
            UNION
            SELECT d.id, d.assignee_agent_id FROM changed c
              JOIN issue_relations r ON r.company_id = c.company_id AND r.issue_id = c.id AND r.type = 'blocks'
              JOIN issues d ON d.id = r.related_issue_id
            UNION
            SELECT p.id, p.assignee_agent_id FROM changed c JOIN issues p ON p.id = c.parent_id
          )
     SELECT coalesce(array_agg(id), '{}') AS "issueIds",
            coalesce(array_agg(DISTINCT assignee_agent_id) FILTER (WHERE assignee_agent_id IS NOT NULL), '{}') AS "agentIds"
       FROM near`,
    [issueIds],
    "read_issue_surroundings",
  );
  return row ?? { agentIds: [], issueIds: [] };
}

const DEPENDENT_COLUMNS = `d.id, d.status, d.assignee_agent_id AS "assigneeAgentId", coalesce((
         SELECT jsonb_agg(jsonb_build_object('id', b.id, 'status', b.status) ORDER BY b.issue_number, b.id)
           FROM issue_relations rb JOIN issues b ON b.id = rb.issue_id
          WHERE rb.company_id = d.company_id AND rb.related_issue_id = d.id AND rb.type = 'blocks'), '[]') AS blockers`;

/** Every issue that one blocks, by number, each with all its blockers (DP-10). */
export async function listDependents(
  sql: Sql,
  blocker: { readonly companyId: string; readonly issueId: string },
): Promise<DependentFact[]> {
  return sql.query<DependentFact>(
    `SELECT ${DEPENDENT_COLUMNS} FROM issues d
      WHERE d.company_id = $1 AND d.id IN (
              SELECT r.related_issue_id FROM issue_relations r
               WHERE r.company_id = $1 AND r.issue_id = $2 AND r.type = 'blocks')
      ORDER BY d.issue_number, d.id`,
    [blocker.companyId, blocker.issueId],
    "list_dependents",
  );
}

/** Issues with all their blockers, as {@link listDependents} answers them. */
export async function findDependents(sql: Sql, issueIds: readonly string[]): Promise<DependentFact[]> {
  if (issueIds.length === 0) return [];
  return sql.query<DependentFact>(
    `SELECT ${DEPENDENT_COLUMNS} FROM issues d WHERE d.id = ANY($1::uuid[]) ORDER BY d.issue_number, d.id`,
    [issueIds],
    "find_dependents",
  );
}

/** Direct children by number; the latest comment of those that are summarized (DP-13). */
export async function listChildFacts(sql: Sql, parent: { companyId: string; parentId: string }): Promise<ChildFact[]> {
  const rows = await sql.query<Omit<ChildFact, "updatedAt"> & { updatedAt: Date }>(
    `WITH child AS (
       SELECT c.*, row_number() OVER (ORDER BY c.issue_number, c.id) AS place
         FROM issues c WHERE c.company_id = $1 AND c.parent_id = $2
     )
     SELECT c.id, c.identifier, c.title, c.status, c.priority, c.assignee_agent_id AS "assigneeAgentId",
            c.assignee_user_id AS "assigneeUserId", c.updated_at AS "updatedAt",
            CASE WHEN c.place <= $3 THEN (
              SELECT k.body FROM issue_comments k WHERE k.company_id = $1 AND k.issue_id = c.id
               ORDER BY k.created_at DESC, k.id DESC LIMIT 1) END AS "latestComment"
       FROM child c ORDER BY c.place`,
    [parent.companyId, parent.parentId, SUMMARIZED_CHILDREN],
    "list_child_facts",
  );
  return rows.map((row) => ({ ...row, updatedAt: row.updatedAt.toISOString() }));
}

/** How many direct children an issue has (DP-6, DM-18). */
export async function countChildren(sql: Sql, issueId: string): Promise<number> {
  const [row] = await sql.query<{ n: number }>("SELECT count(*) AS n FROM issues WHERE parent_id = $1", [issueId]);
  return row?.n ?? 0;
}

/**
 * Agents of a company that are meant by names (compared without case) or ids, without terminated ones (API-171). Ids of
 * other companies find nobody. In id order.
 */
export async function findMentionedAgents(
  sql: Sql,
  query: { companyId: string; names: readonly string[]; agentIds: readonly string[] },
): Promise<string[]> {
  if (query.names.length === 0 && query.agentIds.length === 0) return [];
  const rows = await sql.query<{ id: string }>(
    `SELECT a.id FROM agents a
      WHERE a.company_id = $1 AND a.status <> 'terminated'
        AND (a.id = ANY($3::uuid[]) OR lower(a.name) IN (SELECT lower(n) FROM unnest($2::text[]) AS n))
      ORDER BY a.id`,
    [query.companyId, query.names, query.agentIds],
    "find_mentioned_agents",
  );
  return rows.map((row) => row.id);
}

/** A pause hold as refusals and readers see it (TH-10). */
export interface PauseHold {
  readonly holdId: string;
  readonly rootIssueId: string;
  readonly issueId: string;
  readonly isRoot: boolean;
  readonly mode: string;
  readonly reason: string | null;
}

/** The nearest active pause hold over an issue; null: it is not held (TH-10, TH-11). */
export async function findPauseHold(sql: Sql, issueId: string): Promise<PauseHold | null> {
  const rows = await sql.query<{ hold: PauseHold | null }>(
    `SELECT ${pauseHoldOver("i.id", "i.company_id")} AS hold FROM issues i WHERE i.id = $1`,
    [issueId],
    "find_pause_hold",
  );
  return rows[0]?.hold ?? null;
}

/** What is told of a closed workspace (API-153). */
export interface ClosedWorkspace {
  readonly id: string;
  readonly name: string;
  readonly mode: string;
  readonly status: string;
  readonly closedAt: Date | null;
}

/** The issue's execution workspace, if it is isolated and closed (API-153); null otherwise. */
export async function findClosedWorkspace(
  sql: Sql,
  issue: Pick<IssueRow, "companyId" | "executionWorkspaceId">,
): Promise<ClosedWorkspace | null> {
  if (issue.executionWorkspaceId === null) return null;
  const rows = await sql.query<object>(
    `SELECT id, name, mode, status, closed_at FROM execution_workspaces
      WHERE id = $1 AND company_id = $2 AND mode = 'isolated_workspace'
        AND (closed_at IS NOT NULL OR status IN ('archived', 'cleanup_failed'))`,
    [issue.executionWorkspaceId, issue.companyId],
  );
  return rows[0] === undefined ? null : camelRow<ClosedWorkspace>(rows[0]);
}
