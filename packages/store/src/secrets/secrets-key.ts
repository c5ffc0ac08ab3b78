/**
 * Which key the fleet's secrets are encrypted with (SC-15): its id in the one row the fleet shares, and the change from one
 * key to the next, version by version.
 *
 * What must stay true: once the id has changed, no version is sealed with another key; so whoever writes a version holds
 * the row shared while it writes, and the change takes it alone.
 */
import { randomUUID } from "node:crypto";
import type { JsonObject } from "@wakefleet/contracts";
import type { Sql } from "../sql.js";

const FLEET = "singleton_key = 'default'";

export interface SecretsKeyState {
  /** Null: no process of this fleet has had a key yet. */
  readonly keyId: string | null;
  readonly hasSecrets: boolean;
}

/** What the fleet knows of its key; the row is locked until the transaction is over, and made if it is missing. */
export async function lockSecretsKeyState(tx: Sql): Promise<SecretsKeyState> {
  await tx.query(
    `INSERT INTO fleet_state (singleton_key, queue_epoch, schema_version) VALUES ('default', $1, '1')
     ON CONFLICT (singleton_key) DO NOTHING`,
    [randomUUID()],
  );
  const rows = await tx.query<SecretsKeyState>(
    `SELECT secrets_key_fingerprint AS "keyId", EXISTS (SELECT 1 FROM company_secret_versions) AS "hasSecrets"
       FROM fleet_state WHERE ${FLEET} FOR UPDATE`,
  );
  if (rows[0] === undefined) throw new Error("fleet_state answers exactly one row");
  return rows[0];
}

/** Call it in the transaction of {@link lockSecretsKeyState}. */
export async function setSecretsKeyId(tx: Sql, keyId: string): Promise<void> {
  await tx.query(`UPDATE fleet_state SET secrets_key_fingerprint = $1, updated_at = now() WHERE ${FLEET}`, [keyId]);
}

/** Whether the fleet's key is one of these; it stays so until the transaction is over. */
export async function holdSecretsKey(tx: Sql, keyIds: readonly string[]): Promise<boolean> {
  const rows = await tx.query<object>(
    `SELECT 1 FROM fleet_state WHERE ${FLEET} AND secrets_key_fingerprint = ANY($1::text[]) FOR SHARE`,
    [keyIds],
  );
  return rows.length > 0;
}

/** A sealed version as the change of keys sees it. */
export interface SealedVersionRow {
  readonly id: string;
  readonly secretId: string;
  readonly version: number;
  readonly material: JsonObject;
}

/** Versions that are sealed with another key than this one, locked; at most `limit`, in the order of their ids. */
export async function lockVersionsOfOtherKeys(
  tx: Sql,
  query: { keyId: string; limit: number },
): Promise<SealedVersionRow[]> {
  return await tx.query<SealedVersionRow>(
    `SELECT id, secret_id AS "secretId", version, material FROM company_secret_versions
      WHERE material->>'keyId' IS DISTINCT FROM $1 ORDER BY id LIMIT $2 FOR UPDATE`,
    [query.keyId, query.limit],
  );
}

/** Puts newly sealed material in the place of the old, with one statement. */
export async function replaceMaterial(
  tx: Sql,
  versions: readonly { id: string; material: JsonObject; valueHash: string }[],
): Promise<void> {
  await tx.query(
    `UPDATE company_secret_versions v SET material = n.material, value_sha256 = n.value_hash
       FROM unnest($1::uuid[], $2::jsonb[], $3::text[]) AS n (id, material, value_hash) WHERE v.id = n.id`,
    [
      versions.map(({ id }) => id),
      versions.map(({ material }) => JSON.stringify(material)),
      versions.map(({ valueHash }) => valueHash),
    ],
  );
}
