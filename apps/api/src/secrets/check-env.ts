/**
 * What is saved as an `env` (SC-2, SC-3, SC-4, SC-11): of an agent, of a project.
 *
 * What must stay true: a reference leads to a secret of the same company, and an agent gains none by what it writes, or it
 * could read every secret of the company by running with them.
 */
import { asJsonObject, type JsonObject, type JsonValue, WakefleetError } from "@wakefleet/contracts";
import { normalizedEnv, secretReferences } from "@wakefleet/domain";
import { assertGainsNoSecret } from "@wakefleet/engine";
import { findSecretCompanies, type Sql } from "@wakefleet/store";
import type { ApiSettings } from "../deps.js";
import type { Principal } from "../principal.js";

export interface EnvToSave {
  readonly settings: Pick<ApiSettings, "secrets">;
  readonly caller: Principal;
  readonly companyId: string;
  readonly env: JsonValue;
  /** Where it stands in the request, for errors: `adapterConfig.env`. */
  readonly path: string;
  /** What stands there now: an agent may leave it as it is. */
  readonly stored?: JsonValue | undefined;
}

/**
 * The `env` in its stored form.
 * @throws WakefleetError 422, 404 or 403.
 */
export async function checkedEnv(tx: Sql, save: EnvToSave): Promise<JsonObject> {
  const env = normalizedEnv(save.env, { field: "env", strict: save.settings.secrets.strict });
  const references = secretReferences(env);
  if (references.length === 0) return env;
  await assertGainsNoSecret(tx, save);
  const companies = await findSecretCompanies(
    tx,
    references.map(({ secretId }) => secretId),
  );
  for (const { secretId } of references) {
    const companyId = companies.get(secretId);
    if (companyId === undefined) throw new WakefleetError("not_found", "Secret not found");
    if (companyId !== save.companyId) throw new WakefleetError("unprocessable", "Secret must belong to same company");
  }
  return env;
}

/** An agent's `adapterConfig` as it is saved, its `env` checked. */
export async function checkedAdapterConfig(
  tx: Sql,
  save: Omit<EnvToSave, "env" | "path" | "stored"> & { adapterConfig: JsonObject; stored?: JsonObject },
): Promise<JsonObject> {
  const { adapterConfig, stored, ...rest } = save;
  const env = adapterConfig["env"];
  if (env === undefined) return adapterConfig;
  const storedEnv = asJsonObject(stored)["env"];
  return {
    ...adapterConfig,
    env: await checkedEnv(tx, { ...rest, env, stored: storedEnv, path: "adapterConfig.env" }),
  };
}
