/** Provider accounts over HTTP (BY-5): what an operator sees of them and may change. */
import type { ProviderAccountPatch } from "@wakefleet/contracts";
import {
  listProviderAccounts,
  lockProviderAccount,
  redispatchRunsOfAccount,
  updateProviderAccount,
} from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";

const NOT_FOUND = "Provider account not found";

interface CompanyCall {
  readonly caller: Principal;
  readonly companyId: string;
}

/** By provider. */
export async function readProviderAccounts(deps: ApiDeps, call: CompanyCall): Promise<object[]> {
  const { id } = await requireCompany(deps, call);
  assertBoard(call.caller);
  return listProviderAccounts(deps.db.sql, { companyId: id });
}

/** Runs whose account is not limited any more, or for a shorter time, are looked at again within about a second. */
export async function changeProviderAccount(
  deps: ApiDeps,
  call: CompanyCall & { readonly accountId: string; readonly body: ProviderAccountPatch },
): Promise<object> {
  const { caller, body } = call;
  const { id: companyId } = await requireCompany(deps, call);
  assertBoard(caller);
  const id = pathId(call.accountId, NOT_FOUND);
  await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const before = found(await lockProviderAccount(tx, { companyId, id }), NOT_FOUND);
    const { maxConcurrentRuns = before.maxConcurrentRuns } = body;
    const limitedUntil =
      body.limitedUntil === undefined
        ? before.limitedUntil
        : body.limitedUntil === null
          ? null
          : new Date(body.limitedUntil);
    await updateProviderAccount(tx, { id, maxConcurrentRuns, limitedUntil });
    if ((limitedUntil?.getTime() ?? 0) < (before.limitedUntil?.getTime() ?? 0)) await redispatchRunsOfAccount(tx, id);
    const details = { maxConcurrentRuns, limitedUntil: limitedUntil?.toISOString() ?? null };
    note({ companyId, action: "provider_account.updated", entityType: "provider_account", entityId: id, details });
  });
  const [account] = await listProviderAccounts(deps.db.sql, { companyId, id });
  return found(account, NOT_FOUND);
}
