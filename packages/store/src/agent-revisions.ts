/** What an agent's configuration was before and after each change of it (AL-17, API-86). */
import type { JsonObject } from "@wakefleet/contracts";
import { reviseAgent } from "@wakefleet/domain";
import { Conditions, type Page, pageOf } from "./conditions.js";
import { toDatabaseJson } from "./database-json.js";
import { type AgentRow, camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** `agent_config_revisions`. */
export interface AgentRevisionRow {
  readonly id: string;
  readonly companyId: string;
  readonly agentId: string;
  readonly createdByAgentId: string | null;
  readonly createdByUserId: string | null;
  readonly source: string;
  readonly rolledBackFromRevisionId: string | null;
  readonly changedKeys: readonly string[];
  readonly beforeConfig: JsonObject;
  readonly afterConfig: JsonObject;
  readonly createdAt: Date;
}

export interface AgentChange {
  readonly before: AgentRow;
  readonly after: AgentRow;
  readonly by: { readonly agentId: string | null; readonly userId: string | null };
  /** `patch`, or `rollback` with the revision that was gone back to. */
  readonly source: "patch" | "rollback";
  readonly rolledBackFromRevisionId: string | null;
}

/** Keeps what a change did, in the change's own transaction; one that touched no compared field leaves no row. */
export async function recordAgentRevision(tx: Sql, change: AgentChange): Promise<void> {
  const revision = reviseAgent(change.before, change.after);
  if (revision === null) return;
  await tx.query(
    `INSERT INTO agent_config_revisions (company_id, agent_id, created_by_agent_id, created_by_user_id, source,
                                         rolled_back_from_revision_id, changed_keys, before_config, after_config)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      change.after.companyId,
      change.after.id,
      change.by.agentId,
      change.by.userId,
      change.source,
      change.rolledBackFromRevisionId,
      toDatabaseJson(revision.changedKeys),
      toDatabaseJson(revision.beforeConfig),
      toDatabaseJson(revision.afterConfig),
    ],
  );
}

/** One page of an agent's revisions, the newest first. */
export async function listAgentRevisions(
  sql: Sql,
  filter: { agentId: string; cursor?: string | undefined; limit: number },
): Promise<Page<AgentRevisionRow>> {
  const conditions = new Conditions()
    .when(filter.agentId, (p) => `v.agent_id = ${p}`)
    .when(
      filter.cursor,
      (p) => `(v.created_at, v.id) < (SELECT c.created_at, c.id FROM agent_config_revisions c WHERE c.id = ${p})`,
    );
  const rows = await sql.query<object>(
    `SELECT v.* FROM agent_config_revisions v WHERE ${conditions.where}
      ORDER BY v.created_at DESC, v.id DESC LIMIT ${conditions.bind(filter.limit + 1)}`,
    conditions.values,
  );
  return pageOf(
    rows.map((row) => camelRow<AgentRevisionRow>(row)),
    filter.limit,
  );
}

export async function findAgentRevision(
  sql: Sql,
  key: { agentId: string; id: string },
): Promise<AgentRevisionRow | null> {
  const rows = await sql.query<object>("SELECT * FROM agent_config_revisions WHERE id = $1 AND agent_id = $2", [
    key.id,
    key.agentId,
  ]);
  return rows[0] === undefined ? null : camelRow<AgentRevisionRow>(rows[0]);
}
