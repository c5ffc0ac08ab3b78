/** Finding the issue a path names: by id, or by identifier in any case (API-5). */
import { isGuid } from "@wakefleet/contracts";
import { findIssue, type IssueRow } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertCompanyAccess } from "../http/guards.js";
import { found } from "../http/query-fields.js";
import type { Principal } from "../principal.js";

/** The issue meant, which the caller may see; `notFound` is the sentence where there is none. */
export async function requireIssue(
  deps: Pick<ApiDeps, "db">,
  reference: { caller: Principal; ref: string; notFound?: string },
): Promise<IssueRow> {
  const key = isGuid(reference.ref) ? { id: reference.ref } : { identifier: reference.ref };
  const issue = found(await findIssue(deps.db.sql, key), reference.notFound ?? "Issue not found");
  assertCompanyAccess(reference.caller, issue.companyId);
  return issue;
}
