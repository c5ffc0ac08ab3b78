/** Reading the activity log (API-250, API-252). Details were redacted when they were written. */
import { type ActivityRow, listActivity, type Page } from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { requireIssue } from "../issues/find-issue.js";
import type { Principal } from "../principal.js";

export interface ActivityQuery {
  readonly caller: Principal;
  readonly companyId: string;
  readonly agentId?: string | undefined;
  readonly entityType?: string | undefined;
  readonly entityId?: string | undefined;
  readonly runId?: string | undefined;
  readonly action?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export async function readActivity(deps: ApiDeps, query: ActivityQuery): Promise<Page<ActivityRow>> {
  const company = await requireCompany(deps, query);
  return await listActivity(deps.db.sql, { ...query, companyId: company.id });
}

export async function readIssueActivity(
  deps: ApiDeps,
  query: { caller: Principal; ref: string; cursor?: string | undefined; limit: number },
): Promise<Page<ActivityRow>> {
  const issue = await requireIssue(deps, query);
  return await listActivity(deps.db.sql, {
    companyId: issue.companyId,
    entityType: "issue",
    entityId: issue.id,
    cursor: query.cursor,
    limit: query.limit,
  });
}
