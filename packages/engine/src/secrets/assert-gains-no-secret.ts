/**
 * SC-11: an agent gains no secret by what it writes.
 *
 * What must stay true: whatever configuration an agent may write, its own included, holds after it no reference that the
 * agent does not have itself or that did not stand there before; else it could read every secret of its company.
 */
import { asJsonObject, type JsonObject, type JsonValue, WakefleetError } from "@wakefleet/contracts";
import { gainedReferences, secretReferences } from "@wakefleet/domain";
import { findAgent, type Sql } from "@wakefleet/store";

/** A change of an `env`, by a caller of any kind. */
export interface EnvChange {
  readonly caller: { readonly kind: string; readonly agentId?: string };
  readonly env: JsonValue;
  /** Where it stands in the request, for errors: `adapterConfig.env`. */
  readonly path: string;
  /** What stands there now: an agent may leave it as it is. */
  readonly stored?: JsonValue | undefined;
}

/** SC-11: only references that the calling agent has itself, or that stand there already. */
export async function assertGainsNoSecret(sql: Sql, change: EnvChange): Promise<void> {
  const { caller, env, path, stored } = change;
  if (caller.agentId === undefined || secretReferences(env).length === 0) return;
  const own = await findAgent(sql, caller.agentId);
  const gained = gainedReferences(env, [own?.adapterConfig["env"], stored]);
  if (gained.length === 0) return;
  const paths = gained.map(({ name }) => `${path}.${name}`).join(", ");
  throw new WakefleetError("forbidden", `Agent keys cannot add secret references (${paths}).`);
}

/** SC-11 for an issue's `assigneeAdapterOverrides`, whose `env` would take the place of the assignee's. */
export async function assertOverridesGainNoSecret(
  sql: Sql,
  change: { caller: EnvChange["caller"]; overrides: JsonObject | null | undefined; stored?: JsonObject | null },
): Promise<void> {
  const envOf = (overrides: JsonObject | null | undefined): JsonValue =>
    asJsonObject(asJsonObject(overrides)["adapterConfig"])["env"] ?? null;
  await assertGainsNoSecret(sql, {
    caller: change.caller,
    env: envOf(change.overrides),
    stored: envOf(change.stored),
    path: "assigneeAdapterOverrides.adapterConfig.env",
  });
}
