/** The one row of instance settings (DM-81), made on first read; two readers at once make one. */
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
