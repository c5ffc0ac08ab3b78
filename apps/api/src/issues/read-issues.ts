/** Reading issues (API-140, API-143). */
import { WakefleetError } from "@wakefleet/contracts";
import {
  type IssueFilter,
  listBlockersOf,
  listIssueAncestors,
  listIssueRelations,
  listIssues,
  type Page,
} from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import type { Principal } from "../principal.js";
import { requireIssue } from "./find-issue.js";
import { presentIssue } from "./present-issue.js";

export interface IssueListQuery extends IssueFilter {
  readonly caller: Principal;
  readonly includeBlockedBy: boolean;
}

/** `me` in `assigneeUserId` is the person behind a board key. */
function assigneeUser(query: IssueListQuery): string | undefined {
  if (query.assigneeUserId !== "me") return query.assigneeUserId;
  if (query.caller.kind === "board") return query.caller.userId;
  throw new WakefleetError("forbidden", "assigneeUserId=me requires board authentication");
}

export async function readIssues(
  deps: ApiDeps,
  query: IssueListQuery,
): Promise<{ page: Page<{ id: string }>; rows: object[] }> {
  const company = await requireCompany(deps, query);
  const page = await listIssues(deps.db.sql, { ...query, companyId: company.id, assigneeUserId: assigneeUser(query) });
  const blockers = query.includeBlockedBy
    ? await listBlockersOf(
        deps.db.sql,
        page.rows.map((issue) => issue.id),
      )
    : null;
  const rows = page.rows.map((issue) => ({
    ...presentIssue(issue),
    ...(blockers === null ? {} : { blockedBy: blockers.get(issue.id) ?? [] }),
  }));
  return { page, rows };
}

/** One issue with what stands around it. Documents, work products, projects and workspaces come with their own parts. */
export async function readIssue(deps: ApiDeps, query: { caller: Principal; ref: string }): Promise<object> {
  const issue = await requireIssue(deps, query);
  const [ancestors, relations] = await Promise.all([
    listIssueAncestors(deps.db.sql, issue.id),
    listIssueRelations(deps.db.sql, issue.id),
  ]);
  return {
    ...presentIssue(issue),
    ancestors,
    ...relations,
    planDocument: null,
    documentSummaries: [],
    legacyPlanDocument: null,
    workProducts: [],
    project: null,
    goal: null,
    currentExecutionWorkspace: null,
    productivityReview: null,
  };
}
