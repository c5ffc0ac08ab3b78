/** Reading issues (API-140, API-143). */
import { WakefleetError } from "@wakefleet/contracts";
import { CONTINUATION_SUMMARY_KEY, PLAN_DOCUMENT_KEY } from "@wakefleet/domain";
import {
  findOpenIssueOfOrigin,
  findProject,
  type IssueFilter,
  type IssueRow,
  listBlockersOf,
  listDocuments,
  listIssueAncestors,
  listIssueRelations,
  listIssues,
  listWorkProducts,
  type Page,
  readIssuePlace,
} from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import type { Principal } from "../principal.js";
import { presentProjects } from "../projects/present-project.js";
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

const WORK_PRODUCTS_SHOWN = 500;
/** The origin of issues that ask whether the work on another one gets on (DM-55); nothing here makes them by itself. */
const PRODUCTIVITY_REVIEW = "issue_productivity_review";

/** One issue with what stands around it. */
export async function readIssue(deps: ApiDeps, query: { caller: Principal; ref: string }): Promise<object> {
  const issue = await requireIssue(deps, query);
  const { sql } = deps.db;
  const ofIssue = { companyId: issue.companyId, issueId: issue.id };
  const reviewOf = { companyId: issue.companyId, originKind: PRODUCTIVITY_REVIEW, originId: issue.id };
  const [ancestors, relations, documents, workProducts, project, place, review] = await Promise.all([
    listIssueAncestors(sql, issue.id),
    listIssueRelations(sql, issue.id),
    listDocuments(sql, { ...ofIssue, withoutKeys: [CONTINUATION_SUMMARY_KEY] }),
    listWorkProducts(sql, { ...ofIssue, limit: WORK_PRODUCTS_SHOWN }),
    issue.projectId === null ? null : findProject(sql, { id: issue.projectId }),
    readIssuePlace(sql, issue),
    findOpenIssueOfOrigin(sql, reviewOf),
  ]);
  return {
    ...presentIssue(issue),
    ancestors,
    ...relations,
    planDocument: documents.find(({ key }) => key === PLAN_DOCUMENT_KEY) ?? null,
    documentSummaries: documents.map(({ body: _, ...summary }) => summary),
    legacyPlanDocument: null,
    workProducts,
    project: project === null ? null : ((await presentProjects(sql, [project]))[0] ?? null),
    goal: null,
    currentExecutionWorkspace: place.currentExecutionWorkspace,
    productivityReview: review === null ? null : presentReview(review),
  };
}

/** An open review of whether the work gets on. What set it off is told in its own text. */
function presentReview(review: IssueRow): object {
  const { id: reviewIssueId, identifier: reviewIdentifier, status, priority, createdAt, updatedAt } = review;
  return {
    reviewIssueId,
    reviewIdentifier,
    status,
    priority,
    trigger: null,
    noCommentStreak: null,
    createdAt,
    updatedAt,
  };
}
