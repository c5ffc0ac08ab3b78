/**
 * The first admin key (OP-32): made on the first start, its hash in the database, its token in the data folder so that
 * the same folder shows the same key on every start.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "@wakefleet/local-stores";
import type { Sql } from "@wakefleet/store";
import type { DataFolder } from "./data-folder.js";

const NAME = "first admin key";

/**
 * Token of an admin key that works. The kept one is used again while the database has it; a database that does not (it is
 * new, or the key was revoked) gets a new one.
 */
export async function ensureAdminKey(folder: DataFolder, sql: Sql): Promise<string> {
  const file = join(folder.secrets, "admin-key");
  const kept = existsSync(file) ? readFileSync(file, "utf8").trim() : null;
  if (kept !== null && (await isValid(sql, kept))) return kept;
  const token = `wfk_${randomBytes(24).toString("hex")}`;
  // The file first: a key whose token nobody knows would stay in the database for ever.
  writeFileAtomically(file, `${token}\n`);
  await sql.query("INSERT INTO api_keys (scope, name, key_prefix, key_hash) VALUES ('admin', $1, $2, $3)", [
    NAME,
    token.slice(0, 12),
    hashOf(token),
  ]);
  return token;
}

async function isValid(sql: Sql, token: string): Promise<boolean> {
  const rows = await sql.query(
    "SELECT FROM api_keys WHERE key_hash = $1 AND scope = 'admin' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
    [hashOf(token)],
  );
  return rows.length === 1;
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
