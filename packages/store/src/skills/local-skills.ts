/** Skills that come from folders (API-237): kept under a key of their own, so that reading one again changes it. */
import { toDatabaseJson } from "../database-json.js";
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";
import type { SkillDetailRow } from "./company-skills.js";

export type FolderSkill = Pick<
  SkillDetailRow,
  "companyId" | "key" | "slug" | "name" | "description" | "markdown" | "fileInventory" | "trustLevel"
> & { readonly sourceLocator: string };

export interface StoredFolderSkill {
  readonly skill: SkillDetailRow;
  readonly change: "made" | "changed" | "none";
}

/** Makes or changes the skill of its key; what is as it was is not touched. */
export async function storeFolderSkill(tx: Sql, skill: FolderSkill): Promise<StoredFolderSkill> {
  const rows = await tx.query<object & { was_made: boolean }>(
    `INSERT INTO company_skills AS s (company_id, key, slug, name, description, markdown, file_inventory, trust_level,
                                      source_type, source_locator)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'local_path', $9)
     ON CONFLICT (company_id, key) DO UPDATE SET slug = excluded.slug, name = excluded.name,
       description = excluded.description, markdown = excluded.markdown, file_inventory = excluded.file_inventory,
       trust_level = excluded.trust_level, updated_at = now()
     WHERE (s.name, s.description, s.markdown, s.file_inventory, s.trust_level) IS DISTINCT FROM
       (excluded.name, excluded.description, excluded.markdown, excluded.file_inventory, excluded.trust_level)
     RETURNING s.*, (xmax = 0) AS was_made`,
    [
      skill.companyId,
      skill.key,
      skill.slug,
      skill.name,
      skill.description,
      skill.markdown,
      toDatabaseJson(skill.fileInventory),
      skill.trustLevel,
      skill.sourceLocator,
    ],
  );
  const [row] = rows;
  if (row !== undefined) {
    const { was_made: wasMade, ...columns } = row;
    return { skill: camelRow<SkillDetailRow>(columns), change: wasMade ? "made" : "changed" };
  }
  const kept = await tx.query<object>("SELECT * FROM company_skills WHERE company_id = $1 AND key = $2", [
    skill.companyId,
    skill.key,
  ]);
  if (kept[0] === undefined) throw new Error(`skill ${skill.key} vanished between two statements of one transaction`);
  return { skill: camelRow<SkillDetailRow>(kept[0]), change: "none" };
}

/** A company's skills that come from folders, by key. */
export async function listFolderSkills(
  sql: Sql,
  companyId: string,
): Promise<{ id: string; key: string; name: string; sourceLocator: string }[]> {
  return await sql.query(
    `SELECT id, key, name, source_locator AS "sourceLocator" FROM company_skills
      WHERE company_id = $1 AND source_type = 'local_path' AND source_locator IS NOT NULL ORDER BY key`,
    [companyId],
  );
}

/** The directories of a company's project workspaces, each once. */
export async function listWorkspaceDirectories(sql: Sql, companyId: string): Promise<string[]> {
  const rows = await sql.query<{ cwd: string }>(
    "SELECT DISTINCT cwd FROM project_workspaces WHERE company_id = $1 AND cwd IS NOT NULL ORDER BY cwd LIMIT 1000",
    [companyId],
  );
  return rows.map(({ cwd }) => cwd);
}
