/**
 * Who blocks whom (DM-58, DP-1 to DP-5). Changes of relations line up for a whole company, so that no two of them close a
 * ring together (DP-4).
 */
import { type IssueRef, lockIssueRelations } from "./issues.js";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

const REF_COLUMNS = "i.id, i.identifier, i.title, i.status, i.priority, i.assignee_agent_id, i.assignee_user_id";

/** The issues that block this one, and those it blocks, by number. */
export async function listIssueRelations(
  sql: Sql,
  issueId: string,
): Promise<{ blockedBy: IssueRef[]; blocks: IssueRef[] }> {
  const rows = await sql.query<object>(
    `SELECT ${REF_COLUMNS}, (r.related_issue_id = $1) AS blocking
       FROM issue_relations r JOIN issues i ON i.id = CASE WHEN r.related_issue_id = $1 THEN r.issue_id ELSE r.related_issue_id END
      WHERE r.type = 'blocks' AND (r.issue_id = $1 OR r.related_issue_id = $1)
      ORDER BY i.issue_number, i.id`,
    [issueId],
  );
  const refs = rows.map((row) => camelRow<IssueRef & { blocking: boolean }>(row));
  const strip = ({ blocking: _, ...ref }: IssueRef & { blocking: boolean }): IssueRef => ref;
  return {
    blockedBy: refs.filter((ref) => ref.blocking).map(strip),
    blocks: refs.filter((ref) => !ref.blocking).map(strip),
  };
}

/** Issues by id as activity names them (AC-38). */
export async function listIssueNames(
  sql: Sql,
  issueIds: readonly string[],
): Promise<ReadonlyMap<string, { id: string; identifier: string | null; title: string }>> {
  const rows = await sql.query<{ id: string; identifier: string | null; title: string }>(
    "SELECT id, identifier, title FROM issues WHERE id = ANY($1::uuid[])",
    [issueIds],
    "list_issue_names",
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** Blockers of several issues at once. */
export async function listBlockersOf(sql: Sql, issueIds: readonly string[]): Promise<ReadonlyMap<string, IssueRef[]>> {
  const rows = await sql.query<object>(
    `SELECT ${REF_COLUMNS}, r.related_issue_id FROM issue_relations r JOIN issues i ON i.id = r.issue_id
      WHERE r.type = 'blocks' AND r.related_issue_id = ANY($1::uuid[]) ORDER BY i.issue_number, i.id`,
    [issueIds],
  );
  const byIssue = new Map<string, IssueRef[]>(issueIds.map((id) => [id, []]));
  for (const row of rows) {
    const { relatedIssueId, ...ref } = camelRow<IssueRef & { relatedIssueId: string }>(row);
    byIssue.get(relatedIssueId)?.push(ref);
  }
  return byIssue;
}

/** Ids of blockers that are not `done` (DP-2). */
export async function listUnresolvedBlockerIds(sql: Sql, issueId: string): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT i.id FROM issue_relations r JOIN issues i ON i.id = r.issue_id
      WHERE r.related_issue_id = $1 AND r.type = 'blocks' AND i.status <> 'done' ORDER BY i.issue_number, i.id`,
    [issueId],
  );
  return rows.map((row) => row.id);
}

export type BlockersOutcome =
  | { readonly outcome: "set"; readonly added: string[]; readonly removed: string[]; readonly blockedBy: string[] }
  | { readonly outcome: "self" | "foreign" | "cycle" };

/** Replaces the whole set of blockers (DP-3); duplicates are dropped. Writes nothing unless the outcome is `set`. */
export async function replaceBlockers(
  tx: Sql,
  change: {
    companyId: string;
    issueId: string;
    blockedBy: readonly string[];
    createdBy: { agentId: string | null; userId: string | null };
  },
): Promise<BlockersOutcome> {
  const wanted = [...new Set(change.blockedBy.map((id) => id.toLowerCase()))];
  if (wanted.includes(change.issueId.toLowerCase())) return { outcome: "self" };
  await lockIssueRelations(tx, change.companyId);
  const known = await tx.query<{ id: string }>("SELECT id FROM issues WHERE company_id = $1 AND id = ANY($2::uuid[])", [
    change.companyId,
    wanted,
  ]);
  if (known.length !== wanted.length) return { outcome: "foreign" };
  const ring = await tx.query<{ found: boolean }>(
    `WITH RECURSIVE blocked AS (
       SELECT related_issue_id AS id FROM issue_relations WHERE company_id = $1 AND issue_id = $2 AND type = 'blocks'
       UNION
       SELECT r.related_issue_id FROM blocked b
         JOIN issue_relations r ON r.company_id = $1 AND r.issue_id = b.id AND r.type = 'blocks'
     ) SELECT EXISTS (SELECT 1 FROM blocked WHERE id = ANY($3::uuid[])) AS found`,
    [change.companyId, change.issueId, wanted],
  );
  if (ring[0]?.found === true) return { outcome: "cycle" };
  const removed = await tx.query<{ issue_id: string }>(
    `DELETE FROM issue_relations WHERE company_id = $1 AND related_issue_id = $2 AND type = 'blocks'
        AND NOT (issue_id = ANY($3::uuid[])) RETURNING issue_id`,
    [change.companyId, change.issueId, wanted],
  );
  const added = await tx.query<{ issue_id: string }>(
    `INSERT INTO issue_relations (company_id, issue_id, related_issue_id, type, created_by_agent_id, created_by_user_id)
     SELECT $1, blocker, $2, 'blocks', $4, $5 FROM unnest($3::uuid[]) AS blocker
     ON CONFLICT (company_id, issue_id, related_issue_id, type) DO NOTHING RETURNING issue_id`,
    [change.companyId, change.issueId, wanted, change.createdBy.agentId, change.createdBy.userId],
  );
  return {
    outcome: "set",
    added: added.map((row) => row.issue_id),
    removed: removed.map((row) => row.issue_id),
    blockedBy: wanted,
  };
}
