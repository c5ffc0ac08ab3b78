/**
 * Issues that the service makes to have work repaired, and whom they may be given to (RC-24, RC-27, RC-35 to RC-39,
 * RC-47, RC-63). The unique indexes on their origin are the last wall: of two made at once, one is refused.
 */
import type { AgentStatus } from "@wakefleet/contracts";
import type { BudgetFacts, OwnerCandidate } from "@wakefleet/domain";
import { lockIssueRelations } from "../issues.js";
import { budgetFactsOf, pauseHoldOver } from "../policy/policy-facts-sql.js";
import { camelRow, type IssueRow } from "../rows.js";
import type { Sql } from "../sql.js";

export interface IssueOrigin {
  readonly originKind: string;
  readonly originId: string;
  readonly originRunId: string | null;
  readonly originFingerprint: string;
}

/** Says why an issue of this transaction was made. Rejects with the unique violation where an open one is there. */
export async function setIssueOrigin(tx: Sql, issue: { readonly id: string } & IssueOrigin): Promise<void> {
  await tx.query(
    `UPDATE issues SET origin_kind = $2, origin_id = $3, origin_run_id = $4, origin_fingerprint = $5 WHERE id = $1`,
    [issue.id, issue.originKind, issue.originId, issue.originRunId, issue.originFingerprint],
    "set_issue_origin",
  );
}

/** The newest open, unhidden issue of an origin: by what it is about, or by its fingerprint. */
export async function findOpenIssueOfOrigin(
  sql: Sql,
  origin: { readonly companyId: string; readonly originKind: string } & (
    | { readonly originId: string }
    | { readonly originFingerprint: string }
  ),
): Promise<IssueRow | null> {
  const [column, value] =
    "originId" in origin
      ? (["origin_id", origin.originId] as const)
      : (["origin_fingerprint", origin.originFingerprint] as const);
  const rows = await sql.query<object>(
    `SELECT * FROM issues WHERE company_id = $1 AND origin_kind = $2 AND ${column} = $3 AND hidden_at IS NULL
        AND status NOT IN ('done','cancelled') ORDER BY created_at DESC, id DESC LIMIT 1`,
    [origin.companyId, origin.originKind, value],
    `find_open_issue_by_${column}`,
  );
  return rows[0] === undefined ? null : camelRow<IssueRow>(rows[0]);
}

/** Adds one blocker and keeps the others. False: it blocked already, or would close a ring (DP-4). */
export async function addBlocker(
  tx: Sql,
  edge: { readonly companyId: string; readonly issueId: string; readonly blockerId: string },
): Promise<boolean> {
  await lockIssueRelations(tx, edge.companyId);
  const rows = await tx.query<{ id: string }>(
    `WITH RECURSIVE below AS (
       SELECT $2::uuid AS id
       UNION
       SELECT r.related_issue_id FROM below b
         JOIN issue_relations r ON r.company_id = $1 AND r.issue_id = b.id AND r.type = 'blocks'
     )
     INSERT INTO issue_relations (company_id, issue_id, related_issue_id, type)
     SELECT $1, $3, $2, 'blocks' WHERE NOT EXISTS (SELECT 1 FROM below WHERE id = $3::uuid)
     ON CONFLICT (company_id, issue_id, related_issue_id, type) DO NOTHING RETURNING id`,
    [edge.companyId, edge.issueId, edge.blockerId],
    "add_blocker",
  );
  return rows.length > 0;
}

/** Blockers of an issue that are neither `done` nor `cancelled`, by number. */
export async function listOpenBlockerIds(sql: Sql, issueId: string): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT x.id FROM issue_relations b JOIN issues x ON x.id = b.issue_id
      WHERE b.related_issue_id = $1 AND b.type = 'blocks' AND x.status NOT IN ('done','cancelled')
      ORDER BY x.issue_number, x.id`,
    [issueId],
    "list_open_blocker_ids",
  );
  return rows.map((row) => row.id);
}

/** Removes an issue from the blockers of every issue it blocks; answers those. */
export async function removeFromAllBlockers(
  tx: Sql,
  blocker: { readonly companyId: string; readonly issueId: string },
): Promise<string[]> {
  await lockIssueRelations(tx, blocker.companyId);
  const rows = await tx.query<{ id: string }>(
    `DELETE FROM issue_relations WHERE company_id = $1 AND issue_id = $2 AND type = 'blocks' RETURNING related_issue_id AS id`,
    [blocker.companyId, blocker.issueId],
    "remove_from_all_blockers",
  );
  return rows.map((row) => row.id);
}

export interface OwnerQuery {
  readonly companyId: string;
  /** Whose budget is asked, beside the agent's and the company's. */
  readonly projectId: string | null;
  /** Agents whose managers come first, in order; null entries are passed over. */
  readonly managersOf: readonly (string | null)[];
  /** Agents that follow them. */
  readonly named: readonly (string | null)[];
  /** Agents of the roles `cto` and `ceo` follow, oldest first. */
  readonly executives: boolean;
  /** Agents that come last. */
  readonly last: readonly (string | null)[];
}

/** Candidates in their order, those of the company only, each as often as it is named. */
export async function listOwnerCandidates(sql: Sql, query: OwnerQuery): Promise<OwnerCandidate[]> {
  return sql.query<{ agentId: string; status: AgentStatus; budget: BudgetFacts }>(
    `WITH candidate AS (
       SELECT m.reports_to AS agent_id, 1 AS part, u.n AS place, NULL::timestamptz AS since
         FROM unnest($3::uuid[]) WITH ORDINALITY AS u(agent_id, n)
         JOIN agents m ON m.id = u.agent_id AND m.company_id = $1 WHERE m.reports_to IS NOT NULL
       UNION ALL
       SELECT u.agent_id, 2, u.n, NULL FROM unnest($4::uuid[]) WITH ORDINALITY AS u(agent_id, n)
       UNION ALL
       SELECT e.id, CASE e.role WHEN 'cto' THEN 3 ELSE 4 END, 0, e.created_at FROM agents e
        WHERE $5 AND e.company_id = $1 AND e.role IN ('cto','ceo')
       UNION ALL
       SELECT u.agent_id, 5, u.n, NULL FROM unnest($6::uuid[]) WITH ORDINALITY AS u(agent_id, n)
     )
     SELECT a.id AS "agentId", a.status, ${budgetFactsOf("a", "ARRAY[$2::uuid]")} AS budget
       FROM candidate n JOIN agents a ON a.id = n.agent_id AND a.company_id = $1
      ORDER BY n.part, n.place, n.since, a.id`,
    [query.companyId, query.projectId, query.managersOf, query.named, query.executives, query.last],
    "list_owner_candidates",
  );
}

/** How a company's identifiers and links begin (RC-28). */
export async function readIssuePrefix(sql: Sql, companyId: string): Promise<string> {
  const rows = await sql.query<{ prefix: string }>(
    "SELECT issue_prefix AS prefix FROM companies WHERE id = $1",
    [companyId],
    "read_issue_prefix",
  );
  return rows[0]?.prefix ?? "";
}

/** RC-70: an active pause hold covers the issue. */
export async function isIssueHeld(sql: Sql, issue: Pick<IssueRow, "id" | "companyId">): Promise<boolean> {
  const rows = await sql.query<{ held: boolean }>(
    `SELECT ${pauseHoldOver("$1::uuid", "$2::uuid")} IS NOT NULL AS held`,
    [issue.id, issue.companyId],
    "is_issue_held",
  );
  return rows[0]?.held === true;
}

/** What budgets say of agents for an issue's project, in the order the agents are named. */
export async function listBudgetFacts(
  sql: Sql,
  query: { readonly companyId: string; readonly issueId: string; readonly agentIds: readonly string[] },
): Promise<OwnerCandidate[]> {
  return sql.query<OwnerCandidate>(
    `SELECT a.id AS "agentId", a.status,
            ${budgetFactsOf("a", "ARRAY[(SELECT i.project_id FROM issues i WHERE i.id = $2::uuid)]")} AS budget
       FROM unnest($3::uuid[]) WITH ORDINALITY AS u(agent_id, n)
       JOIN agents a ON a.id = u.agent_id AND a.company_id = $1 ORDER BY u.n`,
    [query.companyId, query.issueId, query.agentIds],
    "list_budget_facts",
  );
}
