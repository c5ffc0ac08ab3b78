/** Which run holds, or held, which environment (API-224). */
import type { EnvironmentLeaseStatus } from "@wakefleet/contracts";
import { redactObject } from "@wakefleet/domain";
import {
  type EnvironmentLeaseRow,
  findEnvironmentById,
  findEnvironmentLease,
  listEnvironmentLeases,
  type Page,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertCompanyAccess, assertManagesEnvironments } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import type { Principal } from "../principal.js";

const ENVIRONMENT_NOT_FOUND = "Environment not found";
const LEASE_NOT_FOUND = "Environment lease not found";

/** A page of an environment's leases, for whoever manages environments (EM). */
export async function readEnvironmentLeases(
  deps: Pick<ApiDeps, "db">,
  query: {
    caller: Principal;
    environmentId: string;
    status?: EnvironmentLeaseStatus | undefined;
    cursor?: string | undefined;
    limit: number;
  },
): Promise<{ page: Page<EnvironmentLeaseRow>; rows: object[] }> {
  const { caller, ...filter } = query;
  const environmentId = pathId(query.environmentId, ENVIRONMENT_NOT_FOUND);
  const { companyId } = found(await findEnvironmentById(deps.db.sql, environmentId), ENVIRONMENT_NOT_FOUND);
  assertCompanyAccess(caller, companyId);
  await assertManagesEnvironments(deps.db.sql, caller);
  const page = await listEnvironmentLeases(deps.db.sql, { ...filter, environmentId, companyId });
  return { page, rows: page.rows.map(presentLease) };
}

export async function readEnvironmentLease(
  deps: Pick<ApiDeps, "db">,
  query: { caller: Principal; leaseId: string },
): Promise<object> {
  const lease = found(await findEnvironmentLease(deps.db.sql, pathId(query.leaseId, LEASE_NOT_FOUND)), LEASE_NOT_FOUND);
  assertCompanyAccess(query.caller, lease.companyId);
  await assertManagesEnvironments(deps.db.sql, query.caller);
  return presentLease(lease);
}

function presentLease(lease: EnvironmentLeaseRow): object {
  return { ...lease, metadata: lease.metadata === null ? null : redactObject(lease.metadata) };
}
