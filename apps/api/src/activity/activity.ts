/** The activity log over HTTP (API-250 to API-252). Details are redacted when they are written. */
import { type ActivityCreate, WakefleetError } from "@wakefleet/contracts";
import { redactObject } from "@wakefleet/domain";
import { type ActivityRow, findAgent, insertActivity, listActivity, type Page } from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
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

/** API-251: a row that something beside the fleet tells of. */
export async function writeActivity(
  deps: ApiDeps,
  command: { caller: Principal; companyId: string; body: ActivityCreate },
): Promise<ActivityRow> {
  const { caller, body } = command;
  const company = await requireCompany(deps, command);
  assertBoard(caller);
  if (body.agentId !== null && (await findAgent(deps.db.sql, body.agentId))?.companyId !== company.id) {
    throw new WakefleetError("unprocessable", "Agent does not belong to company");
  }
  const details = body.details === null ? null : redactObject(body.details);
  // A transaction though it is one statement: a repeated request is known by it (API-308).
  const [row] = await deps.db.transaction((tx) =>
    insertActivity(tx, [{ ...body, companyId: company.id, runId: null, details }]),
  );
  if (row === undefined) throw new Error("inserting activity returned no row");
  const { id: _, companyId, createdAt: __, ...payload } = row;
  void deps.events.publish([
    { companyId, type: "activity.logged", payload: { ...payload, actorType: body.actorType } },
  ]);
  return row;
}
