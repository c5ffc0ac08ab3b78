/**
 * Secrets over HTTP (API-230 to API-233, SC-12, SC-16, SC-17): operators make, rotate, describe and delete them; nobody
 * reads a value.
 */
import { randomUUID } from "node:crypto";
import {
  SECRET_PROVIDERS,
  type SecretCreate,
  type SecretPatch,
  type SecretProvider,
  type SecretRotate,
  WakefleetError,
} from "@wakefleet/contracts";
import { SecretsKeyError, type SecretsKeyring, sealValue } from "@wakefleet/engine";
import {
  addSecretVersion,
  deleteSecret as deleteSecretRow,
  findSecret,
  findSecretUses,
  holdSecretsKey,
  insertSecret,
  listSecrets as listSecretRows,
  lockSecret,
  type SecretRow,
  type Sql,
  updateSecret,
} from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertBoard, assertCompanyAccess } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { type Mutation, mutate } from "../mutate.js";
import { actorOf, type BoardPrincipal, type Principal } from "../principal.js";

const NOT_FOUND = "Secret not found";

const LABELS: Record<SecretProvider, string> = {
  local_encrypted: "Local encrypted (default)",
  aws_secrets_manager: "AWS Secrets Manager",
  gcp_secret_manager: "GCP Secret Manager",
  vault: "HashiCorp Vault",
};

interface CompanyCall {
  readonly caller: Principal;
  readonly companyId: string;
}
interface SecretCall {
  readonly caller: Principal;
  readonly id: string;
}

/** SC-12. */
export async function readSecretProviders(deps: ApiDeps, call: CompanyCall): Promise<object[]> {
  await requireCompany(deps, call);
  assertBoard(call.caller);
  return SECRET_PROVIDERS.map((id) => ({ id, label: LABELS[id], requiresExternalRef: id !== "local_encrypted" }));
}

/** API-230. */
export async function readSecrets(deps: ApiDeps, call: CompanyCall): Promise<SecretRow[]> {
  const { id } = await requireCompany(deps, call);
  assertBoard(call.caller);
  return listSecretRows(deps.db.sql, id);
}

/** API-231. */
export async function createSecret(deps: ApiDeps, call: CompanyCall & { body: SecretCreate }): Promise<SecretRow> {
  const { caller, body } = call;
  const company = await requireCompany(deps, call);
  assertBoard(caller);
  const provider = body.provider ?? deps.settings.secrets.defaultProvider;
  assertConfigured(provider);
  const keyring = await keyringOf(deps);
  const actor = actorOf(caller);
  return mutate(deps, actor, async ({ tx, note }) => {
    const { name, description, externalRef, value } = body;
    const id = randomUUID();
    const createdByUserId = actor.userId;
    const row = { id, companyId: company.id, name, provider, externalRef, description, createdByUserId };
    if ((await insertSecret(tx, row)) === null) throw nameTaken(name);
    const secret = await writeVersion(tx, { keyring, secretId: id, version: 1, value, createdByUserId });
    noteSecret(note, secret, { action: "secret.created", details: { name, provider } });
    return secret;
  });
}

/** API-232: a new version, which is the latest from now on. */
export async function rotateSecret(deps: ApiDeps, call: SecretCall & { body: SecretRotate }): Promise<SecretRow> {
  const { body } = call;
  const { caller, secret: known } = await requireSecret(deps, call);
  assertConfigured(known.provider);
  const keyring = await keyringOf(deps);
  const actor = actorOf(caller);
  return mutate(deps, actor, async ({ tx, note }) => {
    const { id: secretId, latestVersion } = found(await lockSecret(tx, known.id), NOT_FOUND);
    const version = latestVersion + 1;
    const secret = await writeVersion(tx, { keyring, secretId, version, createdByUserId: actor.userId, ...body });
    noteSecret(note, secret, { action: "secret.rotated", details: { version } });
    return secret;
  });
}

/** API-233. */
export async function patchSecret(deps: ApiDeps, call: SecretCall & { body: SecretPatch }): Promise<SecretRow> {
  const { body } = call;
  const { caller, secret: known } = await requireSecret(deps, call);
  return mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const secret = found(await lockSecret(tx, known.id), NOT_FOUND);
    const updated = await updateSecret(tx, { secret, changes: body });
    if (updated === "name_taken") throw nameTaken(body.name ?? secret.name);
    noteSecret(note, updated, { action: "secret.updated", details: { name: updated.name } });
    return updated;
  });
}

/** API-233, SC-17: one that is referred to goes only by force. */
export async function deleteSecret(deps: ApiDeps, call: SecretCall & { force: boolean }): Promise<void> {
  const { caller, secret: known } = await requireSecret(deps, call);
  await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const secret = found(await lockSecret(tx, known.id), NOT_FOUND);
    const uses = await findSecretUses(tx, secret);
    if (!call.force && uses.agentIds.length + uses.projectIds.length > 0) {
      throw new WakefleetError("conflict", "Secret is in use", uses);
    }
    await deleteSecretRow(tx, secret.id);
    noteSecret(note, secret, { action: "secret.deleted", details: { name: secret.name } });
  });
}

async function requireSecret(
  deps: ApiDeps,
  { caller, id }: SecretCall,
): Promise<{ caller: BoardPrincipal; secret: SecretRow }> {
  const secret = found(await findSecret(deps.db.sql, pathId(id, NOT_FOUND)), NOT_FOUND);
  assertCompanyAccess(caller, secret.companyId);
  assertBoard(caller);
  return { caller, secret };
}

function assertConfigured(provider: string): void {
  if (provider === "local_encrypted") return;
  const isKnown = (SECRET_PROVIDERS as readonly string[]).includes(provider);
  throw new WakefleetError(
    "unprocessable",
    isKnown ? `${provider} provider is not configured in this deployment` : `Unsupported secret provider: ${provider}`,
  );
}

/** A process without the fleet's key keeps no secrets; why, its log says. */
async function keyringOf(deps: ApiDeps): Promise<SecretsKeyring> {
  try {
    return await deps.secrets.keyring();
  } catch (error) {
    if (!(error instanceof SecretsKeyError)) throw error;
    deps.log.error({ event: "secrets.no_key", err: error }, "a secret could not be kept");
    throw new WakefleetError("unprocessable", "local_encrypted provider is not configured in this deployment");
  }
}

async function writeVersion(
  tx: Sql,
  version: {
    keyring: SecretsKeyring;
    secretId: string;
    version: number;
    value: string;
    createdByUserId: string | null;
    externalRef?: string | null | undefined;
  },
): Promise<SecretRow> {
  const { keyring, value, ...row } = version;
  if (
    !(await holdSecretsKey(
      tx,
      keyring.all.map(({ id }) => id),
    ))
  ) {
    throw new WakefleetError(
      "conflict",
      "The key of this fleet's secrets was changed; restart this process with the new one",
    );
  }
  return addSecretVersion(tx, { ...row, ...sealValue(keyring, { ...row, value }) });
}

function nameTaken(name: string): WakefleetError {
  return new WakefleetError("conflict", `Secret already exists: ${name}`);
}

function noteSecret(
  note: Mutation["note"],
  secret: SecretRow,
  what: { action: string; details: Record<string, string | number> },
): void {
  note({ companyId: secret.companyId, entityType: "secret", entityId: secret.id, ...what });
}
