/**
 * Adapters as people set agents up with them (API-91): which models there are, and whether a run could work on this host.
 * Both may start the agent's own command line, so they are for those who may create agents.
 */
import { type JsonObject, type JsonValue, WakefleetError } from "@wakefleet/contracts";
import { resolveRunSecrets, SetUpError } from "@wakefleet/engine";
import { assertKnownAdapter, assertNoProtectedConfig } from "../agents/check-agent.js";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { rateLimited } from "../http/authenticate.js";
import { assertCreatesAgents } from "../http/guards.js";
import type { Principal } from "../principal.js";
import { checkedAdapterConfig } from "../secrets/check-env.js";

interface AdapterCall {
  readonly caller: Principal;
  readonly companyId: string;
  readonly type: string;
}

/** Tests that a process carries out at once: each may start a command line that takes a minute. */
const AT_ONCE = 4;
let underWay = 0;

/** AD-5; an unknown type has none. */
export async function readAdapterModels(deps: ApiDeps, call: AdapterCall & { refresh: boolean }): Promise<object[]> {
  await requireCompany(deps, call);
  await assertCreatesAgents(deps.db.sql, call.caller);
  const models = call.refresh ? deps.adapters.refreshModels(call.type) : deps.adapters.models(call.type);
  return (await models).map(({ id, label }) => ({ id, label }));
}

/** AD-92, with the company's secrets resolved as a run would have them, and taken out of what is answered. */
export async function testAdapterEnvironment(
  deps: ApiDeps,
  call: AdapterCall & { adapterConfig: JsonObject },
): Promise<unknown> {
  const { caller, type } = call;
  const company = await requireCompany(deps, call);
  await assertCreatesAgents(deps.db.sql, caller);
  assertNoProtectedConfig(caller, call.adapterConfig);
  assertKnownAdapter(type, deps.adapters.types());
  const { settings } = deps;
  const config = await checkedAdapterConfig(deps.db.sql, {
    settings,
    caller,
    companyId: company.id,
    adapterConfig: call.adapterConfig,
  });
  const resolved = await resolved422(() =>
    resolveRunSecrets({ sql: deps.db.sql, secrets: deps.secrets }, { companyId: company.id, config, projectEnv: null }),
  );
  if (underWay >= AT_ONCE) throw rateLimited(10, { perSecond: 1, burst: AT_ONCE });
  underWay += 1;
  try {
    const result = await deps.adapters
      .require(type)
      .testEnvironment({ companyId: company.id, adapterType: type, config: resolved.config });
    return resolved.secrets.redactor.json(asJson(result));
  } finally {
    underWay -= 1;
  }
}

/** As it is answered; a redactor reads JSON. */
function asJson(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

/** A secret that is not to be had is the request's fault here. */
async function resolved422<T>(resolve: () => Promise<T>): Promise<T> {
  try {
    return await resolve();
  } catch (error) {
    if (error instanceof SetUpError) throw new WakefleetError("unprocessable", error.message);
    throw error;
  }
}
