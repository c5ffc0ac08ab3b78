/** The skills a run may use (SK-1), and where its issue speaks of some (SK-6). */
import type { Sql } from "../sql.js";

/** A skill on its way to a run. */
export interface RunSkillRow {
  readonly id: string;
  readonly key: string;
  readonly slug: string;
  readonly sourceType: string;
  /** Directory, or file, on the host; null: the text lies in the database. */
  readonly sourceLocator: string | null;
  readonly isBundled: boolean;
  /** SHA-256 of the text, hex: what its written-out form is known by (SK-4). */
  readonly contentHash: string;
}

export interface RunSkillFacts {
  /** By key. */
  readonly skills: readonly RunSkillRow[];
  /** Title and description of the issue, then its comments, oldest first; only texts that may hold a mention. */
  readonly texts: readonly string[];
}

/** One statement for both. `issueId` is a UUID or null. */
export async function readRunSkills(
  sql: Sql,
  run: { companyId: string; issueId: string | null },
): Promise<RunSkillFacts> {
  const rows = await sql.query<RunSkillFacts>(
    `SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'key', s.key, 'slug', s.slug,
                      'sourceType', s.source_type, 'sourceLocator', s.source_locator,
                      'isBundled', coalesce(s.metadata->>'sourceKind', '') = 'wakefleet_bundled',
                      'contentHash', encode(sha256(convert_to(s.markdown, 'UTF8')), 'hex')) ORDER BY s.key COLLATE "C"), '[]')
               FROM company_skills s WHERE s.company_id = $1) AS skills,
            (SELECT coalesce(array_agg(t.text ORDER BY t.place, t.at, t.id), '{}')
               FROM (SELECT 0 AS place, i.created_at AS at, i.id, concat_ws(E'\\n', i.title, i.description) AS text
                       FROM issues i WHERE i.id = $2 AND i.company_id = $1
                     UNION ALL
                     SELECT 1, c.created_at, c.id, c.body FROM issue_comments c
                      WHERE c.issue_id = $2 AND c.company_id = $1) t
              WHERE t.text ILIKE '%skill://%') AS texts`,
    [run.companyId, run.issueId],
    "read_run_skills",
  );
  return rows[0] ?? { skills: [], texts: [] };
}

/** The texts of skills, by id; what is gone is not in the map. */
export async function readSkillTexts(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows = await sql.query<{ id: string; markdown: string }>(
    "SELECT id, markdown FROM company_skills WHERE id = ANY($1::uuid[])",
    [ids],
  );
  return new Map(rows.map(({ id, markdown }) => [id, markdown]));
}
