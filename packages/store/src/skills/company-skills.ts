/** Skills of companies (DM-77): as people manage them. */
import type { JsonObject } from "@wakefleet/contracts";
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

/** A skill without its text. */
export interface SkillRow {
  readonly id: string;
  readonly companyId: string;
  readonly key: string;
  readonly slug: string;
  readonly name: string;
  readonly description: string | null;
  readonly sourceType: string;
  readonly sourceLocator: string | null;
  readonly sourceRef: string | null;
  readonly trustLevel: string;
  readonly compatibility: string;
  readonly fileInventory: readonly { readonly path: string; readonly kind: string }[];
  readonly metadata: JsonObject | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface SkillDetailRow extends SkillRow {
  readonly markdown: string;
}

/** An agent that has chosen a skill. */
export interface SkillUser {
  readonly id: string;
  readonly name: string;
}

const COLUMNS = `s.id, s.company_id, s.key, s.slug, s.name, s.description, s.source_type, s.source_locator, s.source_ref,
  s.trust_level, s.compatibility, s.file_inventory, s.metadata, s.created_at, s.updated_at`;

/** Agents that are not terminated and whose choice names the skill by its key. */
const USERS = `FROM agents a WHERE a.company_id = s.company_id AND a.status <> 'terminated'
  AND jsonb_typeof(a.adapter_config->'wakefleetSkillSync'->'desiredSkills') = 'array'
  AND a.adapter_config->'wakefleetSkillSync'->'desiredSkills' ? s.key`;

/** By key, with how many agents have chosen each. */
export async function listSkills(
  sql: Sql,
  companyId: string,
): Promise<(SkillRow & { readonly attachedAgentCount: number })[]> {
  const rows = await sql.query<object>(
    `SELECT ${COLUMNS}, (SELECT count(*)::int ${USERS}) AS attached_agent_count
       FROM company_skills s WHERE s.company_id = $1 ORDER BY s.key LIMIT 10000`,
    [companyId],
  );
  return rows.map((row) => camelRow<SkillRow & { attachedAgentCount: number }>(row));
}

export async function findSkill(sql: Sql, key: { companyId: string; id: string }): Promise<SkillDetailRow | null> {
  const rows = await sql.query<object>(
    `SELECT ${COLUMNS}, s.markdown FROM company_skills s WHERE s.id = $1 AND s.company_id = $2`,
    [key.id, key.companyId],
  );
  return rows[0] === undefined ? null : camelRow<SkillDetailRow>(rows[0]);
}

/** Who has chosen it, by name. */
export async function listSkillUsers(sql: Sql, skillId: string): Promise<SkillUser[]> {
  return await sql.query<SkillUser>(
    `SELECT u.id, u.name FROM company_skills s CROSS JOIN LATERAL (SELECT a.id, a.name ${USERS}) u
      WHERE s.id = $1 ORDER BY u.name, u.id`,
    [skillId],
  );
}

export type NewSkill = Pick<
  SkillDetailRow,
  "companyId" | "key" | "slug" | "name" | "description" | "markdown" | "fileInventory"
>;

/** Makes a skill whose text lies in the database; null when the company has one of that key. */
export async function insertSkill(tx: Sql, skill: NewSkill): Promise<SkillDetailRow | null> {
  const rows = await tx.query<object>(
    `INSERT INTO company_skills (company_id, key, slug, name, description, markdown, file_inventory)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (company_id, key) DO NOTHING RETURNING *`,
    [
      skill.companyId,
      skill.key,
      skill.slug,
      skill.name,
      skill.description,
      skill.markdown,
      JSON.stringify(skill.fileInventory),
    ],
  );
  return rows[0] === undefined ? null : camelRow<SkillDetailRow>(rows[0]);
}

/** Changes a skill's text; null when it is gone. */
export async function updateSkillMarkdown(
  tx: Sql,
  change: { id: string; markdown: string },
): Promise<SkillDetailRow | null> {
  const rows = await tx.query<object>(
    "UPDATE company_skills SET markdown = $2, updated_at = now() WHERE id = $1 RETURNING *",
    [change.id, change.markdown],
  );
  return rows[0] === undefined ? null : camelRow<SkillDetailRow>(rows[0]);
}

/** Locks a skill's row; false when it is gone. */
export async function lockSkill(tx: Sql, id: string): Promise<boolean> {
  return (await tx.query("SELECT FROM company_skills WHERE id = $1 FOR UPDATE", [id])).length === 1;
}

export async function deleteSkill(tx: Sql, id: string): Promise<void> {
  await tx.query("DELETE FROM company_skills WHERE id = $1", [id]);
}
