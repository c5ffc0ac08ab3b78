/** Creating an agent (API-71, API-72, AL-2 to AL-4). */
import { type AgentCreate, asJsonObject, isJsonObject, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { decideAgentName } from "@wakefleet/domain";
import { type AgentRow, type CompanyRow, insertAgent, lockAgentNames, mirrorMonthlyBudget } from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertCreatesAgents } from "../http/guards.js";
import { type Mutation, mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";
import { checkedAdapterConfig } from "../secrets/check-env.js";
import { assertEnvironment, assertKnownAdapter, assertManager, assertNoProtectedConfig } from "./check-agent.js";

const APPROVAL_NEEDED =
  "Direct agent creation requires board approval. Use POST /api/companies/:companyId/agent-hires to create a pending hire approval.";

/** Timer off and the default limit where they are not readable (AL-4, DM-61). */
function filledRuntimeConfig(config: JsonObject): JsonObject {
  const heartbeat = asJsonObject(config["heartbeat"]);
  return {
    ...config,
    heartbeat: {
      ...heartbeat,
      enabled: typeof heartbeat["enabled"] === "boolean" ? heartbeat["enabled"] : false,
      maxConcurrentRuns: typeof heartbeat["maxConcurrentRuns"] === "number" ? heartbeat["maxConcurrentRuns"] : 5,
    },
  };
}

/** Makes an agent; its queue and timer follow after the commit. */
export async function createAgent(
  deps: ApiDeps,
  command: { caller: Principal; companyId: string; body: AgentCreate },
): Promise<AgentRow> {
  const { caller, body } = command;
  const company = await requireCreation(deps, command);
  if (company.requireBoardApprovalForNewAgents) throw new WakefleetError("conflict", APPROVAL_NEEDED);
  assertKnownAdapter(body.adapterType, deps.adapters.types());
  const agent = await mutate(deps, actorOf(caller), async (mutation) =>
    makeAgent(mutation, { deps, caller, company, body, status: "idle" }),
  );
  await deps.engine.agentPolicyChanged({ agentId: agent.id });
  return agent;
}

/** The company, for a caller that may create agents in it and sends nothing that only people set (CA, API-37). */
export async function requireCreation(
  deps: ApiDeps,
  command: { caller: Principal; companyId: string; body: AgentCreate },
): Promise<CompanyRow> {
  const company = await requireCompany(deps, command);
  await assertCreatesAgents(deps.db.sql, command.caller);
  assertNoProtectedConfig(command.caller, command.body.adapterConfig);
  return company;
}

export interface AgentToMake {
  readonly deps: Pick<ApiDeps, "settings">;
  readonly caller: Principal;
  readonly company: Pick<CompanyRow, "id">;
  readonly body: AgentCreate;
  /** `pending_approval`: it waits for its hire, and has no budget's policy before (AL-14). */
  readonly status: "idle" | "pending_approval";
}

/** Writes the agent, its activity and its month's policy. Throws what the rules refuse. */
export async function makeAgent({ tx, note }: Mutation, make: AgentToMake): Promise<AgentRow> {
  const { deps, caller, company, body, status } = make;
  const taken = await lockAgentNames(tx, { companyId: company.id, exceptId: null });
  const name = decideAgentName(body.name, taken);
  if (name === null) {
    throw new WakefleetError("conflict", `Agent shortname '${body.name}' is already in use in this company`);
  }
  if (body.reportsTo !== null) {
    await assertManager(tx, { companyId: company.id, reportsTo: body.reportsTo, agentId: null });
  }
  if (body.defaultEnvironmentId !== null) {
    await assertEnvironment(tx, {
      companyId: company.id,
      environmentId: body.defaultEnvironmentId,
      adapterType: body.adapterType,
    });
  }
  const created = await insertAgent(tx, {
    companyId: company.id,
    name,
    role: body.role,
    title: body.title,
    icon: body.icon,
    capabilities: body.capabilities,
    reportsTo: body.reportsTo,
    adapterType: body.adapterType,
    adapterConfig: await checkedAdapterConfig(tx, {
      ...deps,
      caller,
      companyId: company.id,
      adapterConfig: withSkills(body),
    }),
    runtimeConfig: filledRuntimeConfig(body.runtimeConfig),
    defaultEnvironmentId: body.defaultEnvironmentId,
    budgetMonthlyCents: body.budgetMonthlyCents,
    permissions: { canCreateAgents: body.permissions?.canCreateAgents ?? body.role === "ceo" },
    metadata: body.metadata,
    status,
  });
  if (status === "idle" && created.budgetMonthlyCents > 0) {
    await mirrorMonthlyBudget(tx, {
      companyId: company.id,
      scopeType: "agent",
      scopeId: created.id,
      amount: created.budgetMonthlyCents,
      userId: actorOf(caller).userId,
    });
  }
  note({
    companyId: company.id,
    action: "agent.created",
    entityType: "agent",
    entityId: created.id,
    details: { name: created.name, role: created.role },
  });
  return created;
}

/** Wanted skills live in the adapter's configuration. */
function withSkills(body: AgentCreate): JsonObject {
  if (body.desiredSkills === undefined) return body.adapterConfig;
  const sync = body.adapterConfig["wakefleetSkillSync"];
  return {
    ...body.adapterConfig,
    wakefleetSkillSync: { ...(isJsonObject(sync) ? sync : {}), desiredSkills: body.desiredSkills },
  };
}
