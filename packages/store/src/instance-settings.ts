/** The one row of instance settings (DM-81), made on first read; two readers at once make one. */
import type { JsonObject } from "@wakefleet/contracts";
import { toDatabaseJson } from "./database-json.js";
import type { Sql } from "./sql.js";

export async function readInstanceSettings(sql: Sql): Promise<{ general: unknown; experimental: unknown }> {
  const found = await sql.query<{ general: unknown; experimental: unknown }>(
    "SELECT general, experimental FROM instance_settings WHERE singleton_key = 'default'",
  );
  if (found[0] !== undefined) return found[0];
  await sql.query(
    "INSERT INTO instance_settings (singleton_key) VALUES ('default') ON CONFLICT (singleton_key) DO NOTHING",
  );
  return { general: {}, experimental: {} };
}

/** What a change of the settings left (IN-1). */
export interface ChangedSettings {
  readonly id: string;
  readonly general: unknown;
  readonly experimental: unknown;
}

/**
 * Lays the changes over the stored group; keys that are not sent keep their values, and a group that is no object counts as
 * empty. Two changes at once both stay.
 */
export async function changeInstanceSettings(
  tx: Sql,
  change: { readonly group: "general" | "experimental"; readonly changes: JsonObject },
): Promise<ChangedSettings> {
  const { group } = change;
  const rows = await tx.query<ChangedSettings>(
    `INSERT INTO instance_settings AS s (singleton_key, ${group}) VALUES ('default', $1::jsonb)
     ON CONFLICT (singleton_key) DO UPDATE
        SET ${group} = CASE WHEN jsonb_typeof(s.${group}) = 'object' THEN s.${group} ELSE '{}' END || excluded.${group},
            updated_at = now()
     RETURNING id, general, experimental`,
    [toDatabaseJson(change.changes)],
  );
  if (rows[0] === undefined) throw new Error("changing the instance settings returned no row");
  return rows[0];
}
