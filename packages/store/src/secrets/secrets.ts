/**
 * Secrets of companies (DM-76): their names and sealed versions. Values are sealed and opened elsewhere; here is only what
 * the database holds.
 */
import type { JsonObject } from "@wakefleet/contracts";
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

/** A secret without its values. */
export interface SecretRow {
  readonly id: string;
  readonly companyId: string;
  readonly name: string;
  readonly provider: string;
  readonly externalRef: string | null;
  readonly description: string | null;
  readonly latestVersion: number;
  readonly createdByAgentId: string | null;
  readonly createdByUserId: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A sealed value on its way into the database. */
export interface NewSecretVersion {
  readonly secretId: string;
  readonly version: number;
  readonly material: JsonObject;
  readonly valueHash: string;
  readonly createdByUserId: string | null;
}

/** Newest first (API-230). */
export async function listSecrets(sql: Sql, companyId: string): Promise<SecretRow[]> {
  const rows = await sql.query<object>(
    "SELECT * FROM company_secrets WHERE company_id = $1 ORDER BY created_at DESC, id DESC LIMIT 10000",
    [companyId],
  );
  return rows.map((row) => camelRow<SecretRow>(row));
}

export async function findSecret(sql: Sql, id: string): Promise<SecretRow | null> {
  const rows = await sql.query<object>("SELECT * FROM company_secrets WHERE id = $1", [id]);
  return rows[0] === undefined ? null : camelRow<SecretRow>(rows[0]);
}

/** As {@link findSecret}, with the row locked: versions are counted under it. */
export async function lockSecret(tx: Sql, id: string): Promise<SecretRow | null> {
  const rows = await tx.query<object>("SELECT * FROM company_secrets WHERE id = $1 FOR NO KEY UPDATE", [id]);
  return rows[0] === undefined ? null : camelRow<SecretRow>(rows[0]);
}

/** Makes a secret without a version; null when the company has one of that name. Its first version comes next. */
export async function insertSecret(
  tx: Sql,
  secret: Pick<SecretRow, "id" | "companyId" | "name" | "provider" | "externalRef" | "description" | "createdByUserId">,
): Promise<SecretRow | null> {
  const rows = await tx.query<object>(
    `INSERT INTO company_secrets (id, company_id, name, provider, external_ref, description, created_by_user_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (company_id, name) DO NOTHING RETURNING *`,
    [
      secret.id,
      secret.companyId,
      secret.name,
      secret.provider,
      secret.externalRef,
      secret.description,
      secret.createdByUserId,
    ],
  );
  return rows[0] === undefined ? null : camelRow<SecretRow>(rows[0]);
}

/** Adds a version and makes it the latest; `externalRef` changes when it is given. The secret's row is locked. */
export async function addSecretVersion(
  tx: Sql,
  version: NewSecretVersion & { externalRef?: string | null | undefined },
): Promise<SecretRow> {
  const rows = await tx.query<object>(
    `WITH added AS (
       INSERT INTO company_secret_versions (secret_id, version, material, value_sha256, created_by_user_id)
       VALUES ($1, $2, $3, $4, $5)
     )
     UPDATE company_secrets SET latest_version = $2, updated_at = now(),
            external_ref = CASE WHEN $6 THEN $7 ELSE external_ref END
      WHERE id = $1 RETURNING *`,
    [
      version.secretId,
      version.version,
      version.material,
      version.valueHash,
      version.createdByUserId,
      version.externalRef !== undefined,
      version.externalRef ?? null,
    ],
  );
  if (rows[0] === undefined) throw new Error("a secret that is locked cannot vanish");
  return camelRow<SecretRow>(rows[0]);
}

export type SecretChanges = {
  readonly [Field in "name" | "description" | "externalRef"]?: SecretRow[Field] | undefined;
};

/** Changes what is present (API-7); `name_taken` when another secret of the company has the name. */
export async function updateSecret(
  tx: Sql,
  change: { secret: SecretRow; changes: SecretChanges },
): Promise<SecretRow | "name_taken"> {
  const { secret } = change;
  const { name = secret.name, description = secret.description, externalRef = secret.externalRef } = change.changes;
  // Names are given within the company's lock, so that the check holds until the commit.
  await tx.query("SELECT FROM companies WHERE id = $1 FOR NO KEY UPDATE", [secret.companyId]);
  const rows = await tx.query<object>(
    `UPDATE company_secrets s SET name = $2, description = $3, external_ref = $4, updated_at = now()
      WHERE id = $1 AND NOT EXISTS (
        SELECT 1 FROM company_secrets o WHERE o.company_id = s.company_id AND o.name = $2 AND o.id <> s.id)
     RETURNING *`,
    [secret.id, name, description, externalRef],
  );
  return rows[0] === undefined ? "name_taken" : camelRow<SecretRow>(rows[0]);
}

/** Deletes a secret with its versions. */
export async function deleteSecret(tx: Sql, id: string): Promise<void> {
  await tx.query("DELETE FROM company_secrets WHERE id = $1", [id]);
}

/** Who refers to a secret (SC-17). */
export interface SecretUses {
  readonly agentIds: string[];
  readonly projectIds: string[];
}

export async function findSecretUses(sql: Sql, secret: Pick<SecretRow, "id" | "companyId">): Promise<SecretUses> {
  // The id is compared as a text without regard to case: rows written by others may hold it in capitals.
  const uses = (table: string, env: string): string =>
    `(SELECT coalesce(array_agg(id::text ORDER BY id), '{}') FROM ${table}
       WHERE company_id = $1 AND EXISTS (
         SELECT 1 FROM jsonb_each(CASE WHEN jsonb_typeof(${env}) = 'object' THEN ${env} ELSE '{}' END) b
          WHERE b.value->>'type' = 'secret_ref' AND lower(b.value->>'secretId') = $2))`;
  const rows = await sql.query<SecretUses>(
    `SELECT ${uses("agents", "adapter_config->'env'")} AS "agentIds", ${uses("projects", "env")} AS "projectIds"`,
    [secret.companyId, secret.id],
  );
  return rows[0] ?? { agentIds: [], projectIds: [] };
}

/** The companies of secrets by id; an id without a secret is not in the map. */
export async function findSecretCompanies(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows = await sql.query<{ id: string; companyId: string }>(
    `SELECT id, company_id AS "companyId" FROM company_secrets WHERE id = ANY($1::uuid[])`,
    [ids],
  );
  return new Map(rows.map(({ id, companyId }) => [id, companyId]));
}

/** One version as a run wants it: by number, or null for the newest. */
export interface WantedSecretVersion {
  readonly secretId: string;
  readonly version: number | null;
}

export type FoundSecretVersion =
  | { readonly kind: "found"; readonly secretId: string; readonly version: number; readonly material: unknown }
  | { readonly kind: "no_secret" }
  | { readonly kind: "no_version" };

/** The sealed versions that a run of a company wants, in order, with one statement (SC-5). Revoked ones are not there. */
export async function readSecretVersions(
  sql: Sql,
  wanted: { companyId: string; versions: readonly WantedSecretVersion[] },
): Promise<FoundSecretVersion[]> {
  const rows = await sql.query<{ secretId: string | null; version: number | null; material: unknown }>(
    `SELECT s.id AS "secretId", v.version, v.material
       FROM unnest($2::uuid[], $3::int[]) WITH ORDINALITY AS w (secret_id, version, position)
       LEFT JOIN company_secrets s ON s.id = w.secret_id AND s.company_id = $1
       LEFT JOIN company_secret_versions v ON v.secret_id = s.id AND v.version = coalesce(w.version, s.latest_version)
             AND v.revoked_at IS NULL
      ORDER BY w.position`,
    [wanted.companyId, wanted.versions.map(({ secretId }) => secretId), wanted.versions.map(({ version }) => version)],
    "read_secret_versions",
  );
  return rows.map(({ secretId, version, material }) => {
    if (secretId === null) return { kind: "no_secret" };
    return version === null ? { kind: "no_version" } : { kind: "found", secretId, version, material };
  });
}
