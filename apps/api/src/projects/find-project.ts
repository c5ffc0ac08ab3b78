/** Finding the project a path names: by id, or by its short name within a company (API-5). */
import { isGuid, WakefleetError } from "@wakefleet/contracts";
import { findProject, findProjectsByShortName, type ProjectRow } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertCompanyAccess } from "../http/guards.js";
import { found } from "../http/query-fields.js";
import type { Principal } from "../principal.js";

export const PROJECT_NOT_FOUND = "Project not found";

export interface ProjectReference {
  readonly caller: Principal;
  /** `:id` of the path. */
  readonly id: string;
  /** `?companyId=`. */
  readonly companyId?: string | undefined;
}

/** The project meant, which the caller may see. */
export async function requireProject(deps: Pick<ApiDeps, "db">, reference: ProjectReference): Promise<ProjectRow> {
  const id = isGuid(reference.id) ? reference.id : await resolveShortName(deps, reference);
  const project = found(await findProject(deps.db.sql, { id }), PROJECT_NOT_FOUND);
  assertCompanyAccess(reference.caller, project.companyId);
  return project;
}

async function resolveShortName(deps: Pick<ApiDeps, "db">, reference: ProjectReference): Promise<string> {
  const companyId = reference.companyId ?? reference.caller.companyId;
  if (companyId === null) throw new WakefleetError("not_found", PROJECT_NOT_FOUND);
  assertCompanyAccess(reference.caller, companyId);
  const ids = await findProjectsByShortName(deps.db.sql, { companyId, shortName: reference.id });
  if (ids.length > 1) {
    throw new WakefleetError("conflict", "Project shortname is ambiguous in this company. Use the project ID.");
  }
  return found(ids[0], PROJECT_NOT_FOUND);
}
