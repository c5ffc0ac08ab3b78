/**
 * Keys (DM-82, DM-83): looked up by the SHA-256 of the token, which is the only thing stored (API-28).
 */
import { createHash, randomBytes } from "node:crypto";
import type { AgentStatus, ApiKeyScope, JsonObject } from "@wakefleet/contracts";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** `api_keys` without its hash (DM-83). */
export interface ApiKeyRow {
  id: string;
  companyId: string | null;
  scope: ApiKeyScope;
  name: string;
  userId: string | null;
  keyPrefix: string;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
  createdAt: Date;
}

/** `agent_api_keys` without its hash (DM-82). */
export interface AgentKeyRow {
  id: string;
  agentId: string;
  companyId: string;
  name: string;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
  createdAt: Date;
}

/** What authentication needs to know of an agent key's agent. */
export interface AgentKeyOwner extends AgentKeyRow {
  agentStatus: AgentStatus;
  agentRole: string;
  agentPermissions: JsonObject;
}

const PREFIX_CHARS = 12;
const API_KEY_COLUMNS =
  "id, company_id, scope, name, user_id, key_prefix, expires_at, last_used_at, revoked_at, created_at";

/** A new token: `wfk_` (board and enqueue keys) or `wfa_` (agents) and 192 random bits in hex (API-28). */
export function newToken(kind: "wfk" | "wfa"): string {
  return `${kind}_${randomBytes(24).toString("hex")}`;
}

/** SHA-256 of a token in hex: what is stored and looked up. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** A key by its token's hash, whatever its state; the caller judges expiry and revocation by the database's clock. */
export async function findApiKeyByHash(sql: Sql, hash: string): Promise<(ApiKeyRow & { usable: boolean }) | null> {
  const rows = await sql.query<object>(
    `SELECT ${API_KEY_COLUMNS}, (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS usable
       FROM api_keys WHERE key_hash = $1`,
    [hash],
    "api_key_by_hash",
  );
  return rows[0] === undefined ? null : camelRow<ApiKeyRow & { usable: boolean }>(rows[0]);
}

/** A key by its id (browser sessions hold it, API-33). */
export async function findApiKey(sql: Sql, id: string): Promise<(ApiKeyRow & { usable: boolean }) | null> {
  const rows = await sql.query<object>(
    `SELECT ${API_KEY_COLUMNS}, (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS usable
       FROM api_keys WHERE id = $1`,
    [id],
    "api_key_by_id",
  );
  return rows[0] === undefined ? null : camelRow<ApiKeyRow & { usable: boolean }>(rows[0]);
}

/** An agent key that is not revoked, with its agent. */
export async function findAgentKeyByHash(sql: Sql, hash: string): Promise<AgentKeyOwner | null> {
  const rows = await sql.query<object>(
    `SELECT k.id, k.agent_id, k.company_id, k.name, k.last_used_at, k.revoked_at, k.created_at,
            a.status AS agent_status, a.role AS agent_role, a.permissions AS agent_permissions
       FROM agent_api_keys k JOIN agents a ON a.id = k.agent_id WHERE k.key_hash = $1 AND k.revoked_at IS NULL`,
    [hash],
    "agent_key_by_hash",
  );
  return rows[0] === undefined ? null : camelRow<AgentKeyOwner>(rows[0]);
}

/** Notes that a key was used, at most once a minute (DM-83). */
export async function touchKey(sql: Sql, key: { table: "api_keys" | "agent_api_keys"; id: string }): Promise<void> {
  await sql.query(
    `UPDATE ${key.table} SET last_used_at = now()
      WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
    [key.id],
  );
}

/** Keys a caller may see: all, newest first (API-305). */
export async function listApiKeys(sql: Sql): Promise<ApiKeyRow[]> {
  const rows = await sql.query<object>(
    `SELECT ${API_KEY_COLUMNS} FROM api_keys ORDER BY created_at DESC, id DESC LIMIT 1000`,
  );
  return rows.map((row) => camelRow<ApiKeyRow>(row));
}

export interface NewApiKey {
  readonly scope: ApiKeyScope;
  readonly name: string;
  readonly companyId: string | null;
  readonly userId: string | null;
  readonly expiresAt: Date | null;
}

/** Makes a key; the token is answered here and never again. */
export async function insertApiKey(sql: Sql, key: NewApiKey): Promise<ApiKeyRow & { token: string }> {
  const token = newToken("wfk");
  const rows = await sql.query<object>(
    `INSERT INTO api_keys (company_id, scope, name, user_id, key_prefix, key_hash, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${API_KEY_COLUMNS}`,
    [key.companyId, key.scope, key.name, key.userId, token.slice(0, PREFIX_CHARS), tokenHash(token), key.expiresAt],
  );
  if (rows[0] === undefined) throw new Error("inserting a key returned no row");
  return { ...camelRow<ApiKeyRow>(rows[0]), token };
}

/**
 * Revokes a key. `last_admin` when it is the only usable admin key that is bound to no company (API-305); two such
 * revocations at once wait for each other on the advisory lock. Revoking twice is harmless.
 */
export async function revokeApiKey(tx: Sql, id: string): Promise<"revoked" | "not_found" | "last_admin"> {
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('wakefleet:api-keys', 0))");
  const rows = await tx.query<{ is_last: boolean }>(
    `SELECT (k.scope = 'admin' AND k.company_id IS NULL AND k.revoked_at IS NULL AND NOT EXISTS (
              SELECT 1 FROM api_keys o WHERE o.id <> k.id AND o.scope = 'admin' AND o.company_id IS NULL
                AND o.revoked_at IS NULL AND (o.expires_at IS NULL OR o.expires_at > now()))) AS is_last
       FROM api_keys k WHERE k.id = $1`,
    [id],
  );
  if (rows[0] === undefined) return "not_found";
  if (rows[0].is_last) return "last_admin";
  await tx.query("UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1", [id]);
  return "revoked";
}

export async function listAgentKeys(sql: Sql, agentId: string): Promise<AgentKeyRow[]> {
  const rows = await sql.query<object>(
    `SELECT id, agent_id, company_id, name, last_used_at, revoked_at, created_at FROM agent_api_keys
      WHERE agent_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1000`,
    [agentId],
  );
  return rows.map((row) => camelRow<AgentKeyRow>(row));
}

/** Makes an agent key; the token is answered here and never again (API-84). */
export async function insertAgentKey(
  tx: Sql,
  key: { agentId: string; companyId: string; name: string },
): Promise<AgentKeyRow & { token: string }> {
  const token = newToken("wfa");
  const rows = await tx.query<object>(
    `INSERT INTO agent_api_keys (agent_id, company_id, name, key_hash) VALUES ($1, $2, $3, $4)
     RETURNING id, agent_id, company_id, name, last_used_at, revoked_at, created_at`,
    [key.agentId, key.companyId, key.name, tokenHash(token)],
  );
  if (rows[0] === undefined) throw new Error("inserting an agent key returned no row");
  return { ...camelRow<AgentKeyRow>(rows[0]), token };
}

/** Revokes one of an agent's keys; null when it has no such key. */
export async function revokeAgentKey(tx: Sql, key: { agentId: string; keyId: string }): Promise<AgentKeyRow | null> {
  const rows = await tx.query<object>(
    `UPDATE agent_api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 AND agent_id = $2
     RETURNING id, agent_id, company_id, name, last_used_at, revoked_at, created_at`,
    [key.keyId, key.agentId],
  );
  return rows[0] === undefined ? null : camelRow<AgentKeyRow>(rows[0]);
}

/** Makes the first admin key where there is no usable one; null when there is. Safe for processes that start at once. */
export async function ensureAdminKey(tx: Sql, name: string): Promise<(ApiKeyRow & { token: string }) | null> {
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('wakefleet:api-keys', 0))");
  const rows = await tx.query<{ id: string }>(
    `SELECT id FROM api_keys WHERE scope = 'admin' AND company_id IS NULL AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > now()) LIMIT 1`,
  );
  if (rows.length > 0) return null;
  return await insertApiKey(tx, { scope: "admin", name, companyId: null, userId: null, expiresAt: null });
}
