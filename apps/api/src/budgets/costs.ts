/** Costs over HTTP (API-240 to API-243): reporting them, and reading what was spent. */
import { type CostEventCreate, costEventCreateSchema, WakefleetError } from "@wakefleet/contracts";
import { utilizationPercent } from "@wakefleet/domain";
import type { ReportedCost } from "@wakefleet/engine";
import {
  type AgentCosts,
  type CostRange,
  findAgent,
  listCostsByAgent,
  listCostsByAgentModel,
  listCostsByBiller,
  listCostsByProject,
  listCostsByProvider,
  listWindowSpend,
  sumCosts,
} from "@wakefleet/store";
import { AGENT_NOT_FOUND } from "../agents/find-agent.js";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { problemOf, toWakefleetError, validationError } from "../http/problems.js";
import { found } from "../http/query-fields.js";
import { actorOf, type Principal } from "../principal.js";

interface CompanyCall {
  readonly caller: Principal;
  readonly companyId: string;
}

/** API-240. A key of the header wins over the body's (WK-42). */
export async function reportCost(
  deps: ApiDeps,
  call: CompanyCall & { body: CostEventCreate; headerKey: string | null },
): Promise<ReportedCost> {
  const company = await requireCompany(deps, call);
  return report(deps, { ...call, companyId: company.id, key: call.headerKey ?? call.body.idempotencyKey });
}

async function report(
  deps: ApiDeps,
  call: CompanyCall & { body: CostEventCreate; key: string | null },
): Promise<ReportedCost> {
  const { caller, companyId, body, key } = call;
  const agent = found(await findAgent(deps.db.sql, body.agentId.toLowerCase()), AGENT_NOT_FOUND);
  if (caller.kind === "agent" && caller.agentId !== agent.id) {
    throw new WakefleetError("forbidden", "Agent can only report its own costs");
  }
  const actor = actorOf(caller);
  const { idempotencyKey: _key, biller, ...fields } = body;
  const event = {
    ...fields,
    companyId,
    agentId: agent.id,
    issueId: lower(body.issueId),
    projectId: lower(body.projectId),
    goalId: lower(body.goalId),
    heartbeatRunId: lower(body.heartbeatRunId),
    biller: biller ?? body.provider,
    occurredAt: new Date(body.occurredAt),
    dedupeKey: key === null ? null : `api:${companyId}:${actor.type}:${actor.id}:${key}`,
  };
  return deps.engine.reportCost({ event, actor });
}

function lower(id: string | null): string | null {
  return id === null ? null : id.toLowerCase();
}

interface BatchResult {
  readonly index: number;
  readonly httpStatus: number;
  readonly outcome: "booked" | "replayed" | "rejected";
  readonly costEventId: string | null;
  readonly error?: object;
}

/** BU-42: one result an item, in order; one bad item never spoils the rest (as API-112). */
export async function reportCostBatch(
  deps: ApiDeps,
  call: CompanyCall & {
    items: readonly unknown[];
    headerKey: string | null;
    at: { readonly path: string; readonly requestId: string };
  },
): Promise<object> {
  const { id: companyId } = await requireCompany(deps, call);
  const results: BatchResult[] = [];
  for (const [index, item] of call.items.entries()) {
    try {
      const parsed = costEventCreateSchema.safeParse(item);
      if (!parsed.success) throw validationError(parsed.error);
      const body = parsed.data;
      const key = body.idempotencyKey ?? (call.headerKey === null ? null : `${call.headerKey}#${index}`);
      const { event, replayed } = await report(deps, { caller: call.caller, companyId, body, key });
      results.push({ index, httpStatus: 201, outcome: replayed ? "replayed" : "booked", costEventId: event.id });
    } catch (thrown) {
      const error = toWakefleetError(thrown);
      // What is no fault of the item fails the request; what was booked before it stays, and is replayed by its key.
      if (error.status >= 500) throw thrown;
      const { status: httpStatus } = error;
      results.push({ index, httpStatus, outcome: "rejected", costEventId: null, error: problemOf(error, call.at) });
    }
  }
  const summary = { booked: 0, replayed: 0, rejected: 0 };
  for (const result of results) summary[result.outcome] += 1;
  return { results, summary };
}

interface RangeQuery extends CompanyCall {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** API-241. */
export async function readCostSummary(deps: ApiDeps, query: RangeQuery): Promise<object> {
  const company = await requireCompany(deps, query);
  const spendCents = await sumCosts(deps.db.sql, rangeOf(company.id, query));
  const budgetCents = company.budgetMonthlyCents;
  return {
    companyId: company.id,
    spendCents,
    budgetCents,
    utilizationPercent: utilizationPercent(spendCents, budgetCents),
  };
}

/** API-242. */
export async function readCostsByAgent(deps: ApiDeps, query: RangeQuery): Promise<AgentCosts[]> {
  const company = await requireCompany(deps, query);
  return listCostsByAgent(deps.db.sql, rangeOf(company.id, query));
}

const BREAKDOWNS = {
  "by-agent-model": listCostsByAgentModel,
  "by-provider": listCostsByProvider,
  "by-biller": listCostsByBiller,
  "by-project": listCostsByProject,
} as const;
export type CostBreakdown = keyof typeof BREAKDOWNS;

/** API-243. */
export async function readCostBreakdown(
  deps: ApiDeps,
  query: RangeQuery & { by: CostBreakdown },
): Promise<readonly object[]> {
  const company = await requireCompany(deps, query);
  return BREAKDOWNS[query.by](deps.db.sql, rangeOf(company.id, query));
}

/** API-243. */
export async function readWindowSpend(deps: ApiDeps, query: CompanyCall): Promise<object[]> {
  const company = await requireCompany(deps, query);
  return listWindowSpend(deps.db.sql, company.id);
}

function rangeOf(companyId: string, query: RangeQuery): CostRange {
  return { companyId, from: instantOf("from", query.from), to: instantOf("to", query.to) };
}

/** BU-45. */
function instantOf(name: "from" | "to", text: string | undefined): Date | null {
  if (text === undefined || text === "") return null;
  const instant = new Date(text);
  const year = instant.getUTCFullYear();
  if (Number.isNaN(year) || year < 1 || year > 9_999) throw new WakefleetError("bad_request", `invalid '${name}' date`);
  return instant;
}
