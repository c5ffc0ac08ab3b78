/** Budgets over HTTP (API-244 to API-247): who may, then the engine decides. */
import type { BudgetIncidentResolve, BudgetPolicySet, BudgetPolicySummary } from "@wakefleet/contracts";
import {
  type AgentRow,
  type CompanyRow,
  countBudgetPauses,
  findAgent,
  findCompany,
  type IncidentWithApproval,
  listOpenIncidents,
  listPolicies,
} from "@wakefleet/store";
import { AGENT_NOT_FOUND, type AgentReference, requireAgent } from "../agents/find-agent.js";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { actorOf, type Principal } from "../principal.js";
import { presentPolicy } from "./present-budget.js";

interface CompanyCall {
  readonly caller: Principal;
  readonly companyId: string;
}

/** API-244. */
export async function readBudgetOverview(deps: ApiDeps, call: CompanyCall): Promise<object> {
  const { id: companyId } = await requireCompany(deps, call);
  const { sql } = deps.db;
  const [policies, activeIncidents, counts] = await Promise.all([
    listPolicies(sql, companyId),
    listOpenIncidents(sql, companyId),
    countBudgetPauses(sql, companyId),
  ]);
  return { companyId, policies: policies.map(presentPolicy), activeIncidents, ...counts };
}

/** API-245. */
export async function setPolicy(
  deps: ApiDeps,
  call: CompanyCall & { body: BudgetPolicySet },
): Promise<BudgetPolicySummary> {
  const { caller } = call;
  const company = await requireCompany(deps, call);
  assertBoard(caller);
  const { scopeType, scopeId, metric, windowKind, ...setting } = call.body;
  const scope = { companyId: company.id, scopeType, scopeId: scopeId.toLowerCase() };
  const actor = actorOf(caller);
  return presentPolicy(await deps.engine.setBudgetPolicy({ ...scope, metric, windowKind, setting, actor }));
}

/** API-246. */
export async function setCompanyBudget(deps: ApiDeps, call: CompanyCall & { amount: number }): Promise<CompanyRow> {
  const { caller, amount } = call;
  const { id } = await requireCompany(deps, call);
  assertBoard(caller);
  const scope = { companyId: id, scopeType: "company", scopeId: id } as const;
  await deps.engine.setMonthlyBudget({ ...scope, amount, actor: actorOf(caller) });
  return found(await findCompany(deps.db.sql, id), "Company not found");
}

/** API-246. */
export async function setAgentBudget(deps: ApiDeps, call: AgentReference & { amount: number }): Promise<AgentRow> {
  const { caller, amount } = call;
  const { id, companyId } = await requireAgent(deps, call);
  assertBoard(caller);
  const scope = { companyId, scopeType: "agent", scopeId: id } as const;
  await deps.engine.setMonthlyBudget({ ...scope, amount, actor: actorOf(caller) });
  return found(await findAgent(deps.db.sql, id), AGENT_NOT_FOUND);
}

/** API-247. */
export async function resolveIncident(
  deps: ApiDeps,
  call: CompanyCall & { incidentId: string; body: BudgetIncidentResolve },
): Promise<IncidentWithApproval> {
  const { caller, body } = call;
  const company = await requireCompany(deps, call);
  assertBoard(caller);
  const incidentId = pathId(call.incidentId, "Budget incident not found");
  const { action, amount, decisionNote } = body;
  const asked = action === "keep_paused" ? { action } : { action, amount };
  const actor = actorOf(caller);
  return deps.engine.resolveBudgetIncident({ companyId: company.id, incidentId, asked, decisionNote, actor });
}
