/** Board and enqueue keys (API-305). */
import { type ApiKeyCreate, WakefleetError } from "@wakefleet/contracts";
import { type ApiKeyRow, findApiKey, findCompany, insertApiKey, listApiKeys, revokeApiKey } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertInstanceAdmin } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { type Mutation, mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";

export async function readKeys(deps: ApiDeps, caller: Principal): Promise<object[]> {
  assertInstanceAdmin(caller);
  return await listApiKeys(deps.db.sql);
}

/** Makes a key. One of a company stands in its activity log; one of no company has only its own row to tell of it. */
export async function createKey(deps: ApiDeps, command: { caller: Principal; body: ApiKeyCreate }): Promise<object> {
  const { caller, body } = command;
  assertInstanceAdmin(caller);
  if (body.scope === "enqueue" && body.companyId === null) {
    throw new WakefleetError("bad_request", "companyId is required for enqueue keys");
  }
  if (body.companyId !== null) found(await findCompany(deps.db.sql, body.companyId), "Company not found");
  return await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const key = await insertApiKey(tx, {
      scope: body.scope,
      name: body.name,
      companyId: body.companyId,
      userId: body.userId,
      expiresAt: body.expiresAt === null ? null : new Date(body.expiresAt),
    });
    noteKey(note, { key, action: "api_key.created" });
    return key;
  });
}

function noteKey(note: Mutation["note"], change: { key: ApiKeyRow; action: string }): void {
  const { key, action } = change;
  if (key.companyId === null) return;
  note({
    companyId: key.companyId,
    action,
    entityType: "api_key",
    entityId: key.id,
    details: { keyId: key.id, name: key.name, scope: key.scope },
  });
}

export async function deleteKey(
  deps: ApiDeps & { forgetKeys(): void },
  command: { caller: Principal; keyId: string },
): Promise<void> {
  assertInstanceAdmin(command.caller);
  const id = pathId(command.keyId, "Key not found");
  const outcome = await mutate(deps, actorOf(command.caller), async ({ tx, note }) => {
    const key = await findApiKey(tx, id);
    const revoked = await revokeApiKey(tx, id);
    if (key !== null && revoked === "revoked") noteKey(note, { key, action: "api_key.revoked" });
    return revoked;
  });
  if (outcome === "not_found") throw new WakefleetError("not_found", "Key not found");
  if (outcome === "last_admin") throw new WakefleetError("conflict", "The last admin key cannot be revoked");
  deps.forgetKeys();
}
