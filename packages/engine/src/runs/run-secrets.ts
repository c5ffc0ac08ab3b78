/**
 * The secrets of one run (SC-5 to SC-10): references in the agent's and the project's `env` become values, and from then
 * on the values are taken out of everything that is stored or sent.
 *
 * What must stay true: a value is in this process's memory and in the child's environment, and nowhere else; a run whose
 * secret is not to be had does not start.
 */
import type { AdapterExecutionResult, InvocationMeta } from "@wakefleet/adapters";
import { asJsonObject, type JsonObject, type JsonValue, REDACTED } from "@wakefleet/contracts";
import {
  mapTexts,
  readEnvBinding,
  type SecretReference,
  type SecretValueRedactor,
  secretValueRedactor,
} from "@wakefleet/domain";
import { type FoundSecretVersion, readSecretVersions, type Sql } from "@wakefleet/store";
import { openValue, SealBrokenError, type SecretsKeyring } from "../secrets/sealed-value.js";
import { type SecretsAccess, SecretsKeyError } from "../secrets/secrets-access.js";
import { SetUpError } from "./set-up-error.js";

/** What became of a run's references. */
export interface RunSecrets {
  /** Names in the child's environment whose values are secrets (SC-5, SC-6). */
  readonly names: ReadonlySet<string>;
  readonly redactor: SecretValueRedactor;
}

export const NO_SECRETS: RunSecrets = { names: new Set(), redactor: secretValueRedactor([]) };

/** CX-3, SC-9. */
const UNAVAILABLE = "secret_unavailable";

/**
 * The config with its `env` resolved (SC-5) and the project's laid over it, name by name (SC-6).
 * @throws SetUpError `secret_unavailable`, which names the variable and never a value.
 */
export async function resolveRunSecrets(
  deps: { sql: Sql; secrets: SecretsAccess },
  run: { companyId: string; config: JsonObject; projectEnv: JsonValue },
): Promise<{ config: JsonObject; secrets: RunSecrets }> {
  const { env, ...rest } = run.config;
  const merged = { ...asJsonObject(env), ...asJsonObject(run.projectEnv) };
  if (env === undefined && Object.keys(merged).length === 0) return { config: run.config, secrets: NO_SECRETS };

  const resolved: Record<string, string> = {};
  const references: SecretReference[] = [];
  for (const [name, value] of Object.entries(merged)) {
    const binding = readEnvBinding(value);
    if (binding === null) throw new SetUpError("adapter_failed", `Invalid environment binding for key: ${name}`);
    if (binding.type === "plain") resolved[name] = binding.value;
    else references.push({ name, secretId: binding.secretId, version: binding.version });
  }
  if (references.length === 0) return { config: { ...rest, env: resolved }, secrets: NO_SECRETS };

  const values = await readValues(deps, { companyId: run.companyId, references });
  for (const [name, value] of values) resolved[name] = value;
  return {
    config: { ...rest, env: resolved },
    secrets: { names: new Set(values.keys()), redactor: secretValueRedactor([...values.values()]) },
  };
}

async function readValues(
  deps: { sql: Sql; secrets: SecretsAccess },
  wanted: { companyId: string; references: readonly SecretReference[] },
): Promise<ReadonlyMap<string, string>> {
  const { companyId, references } = wanted;
  const versions = references.map(({ secretId, version }) => ({
    secretId,
    version: version === "latest" ? null : version,
  }));
  const [keyring, found] = await Promise.all([
    keyringOf(deps.secrets, references),
    readSecretVersions(deps.sql, { companyId, versions }),
  ]);
  return new Map(references.map(({ name }, index) => [name, openedValue(keyring, { name, found: found[index] })]));
}

async function keyringOf(secrets: SecretsAccess, references: readonly SecretReference[]): Promise<SecretsKeyring> {
  try {
    return await secrets.keyring();
  } catch (error) {
    if (!(error instanceof SecretsKeyError)) throw error;
    const names = references.map(({ name }) => name).join(", ");
    throw new SetUpError(UNAVAILABLE, `No secret can be decrypted for ${names}: ${error.message}`, { cause: error });
  }
}

function openedValue(keyring: SecretsKeyring, secret: { name: string; found: FoundSecretVersion | undefined }): string {
  const { name, found } = secret;
  if (found === undefined || found.kind === "no_secret")
    throw new SetUpError(UNAVAILABLE, `Secret not found (${name})`);
  if (found.kind === "no_version") throw new SetUpError(UNAVAILABLE, `Secret version not found (${name})`);
  try {
    return openValue(keyring, found);
  } catch (error) {
    if (!(error instanceof SealBrokenError)) throw error;
    throw new SetUpError(UNAVAILABLE, `${error.message} (${name})`, { cause: error });
  }
}

/** The same, with the OS user's name masked besides (IN-2). Streams are left to the log, which masks what it stores. */
export function withOsUserMask(secrets: RunSecrets, mask: ((text: string) => string) | null): RunSecrets {
  if (mask === null) return secrets;
  const { names, redactor } = secrets;
  return {
    names,
    redactor: {
      isNeeded: true,
      text: (text) => mask(redactor.text(text)),
      json: (value) => mapTexts(redactor.json(value), mask),
      stream: () => redactor.stream(),
    },
  };
}

/** SC-7, SC-8: the invocation as it may be stored. */
export function redactInvocation(meta: InvocationMeta, { names, redactor }: RunSecrets): InvocationMeta {
  if (names.size === 0) return meta;
  const redacted = redactor.json({ ...meta } as unknown as JsonObject) as unknown as InvocationMeta;
  const env = Object.fromEntries(
    Object.entries(redacted.env).map(([name, value]) => [name, names.has(name) ? REDACTED : value]),
  );
  return { ...redacted, env };
}

/** SC-8: an error as it may be told and logged: its texts, and those of its causes, without values. */
export function redactError(error: unknown, { redactor }: RunSecrets): unknown {
  if (!redactor.isNeeded) return error;
  if (!(error instanceof Error)) return typeof error === "string" ? redactor.text(error) : error;
  for (const part of ["message", "stack"] as const) {
    const text = error[part];
    if (text !== undefined) error[part] = redactor.text(text);
  }
  if (error.cause !== undefined) error.cause = redactError(error.cause, { names: new Set(), redactor });
  return error;
}

/**
 * SC-8: what an adapter answered, as it may be stored. Its session is left alone: it goes back to the adapter alone, and
 * would be of no use to it otherwise.
 */
export function redactResult(result: AdapterExecutionResult, { redactor }: RunSecrets): AdapterExecutionResult {
  if (!redactor.isNeeded) return result;
  const { sessionId, sessionParams, sessionDisplayId, ...rest } = result;
  const redacted = redactor.json(rest as unknown as JsonObject) as unknown as typeof rest;
  return {
    ...redacted,
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(sessionParams === undefined ? {} : { sessionParams }),
    ...(sessionDisplayId === undefined ? {} : { sessionDisplayId }),
  };
}
