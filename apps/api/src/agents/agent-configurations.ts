/** Agents' configurations and what they were before each change (API-85, API-86, AL-17). Secrets stay masked. */
import { type AgentPatch, agentPatchSchema, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { holdsRedactedValue, redactAdapterConfig, redactObject, reviseAgent } from "@wakefleet/domain";
import {
  type AgentRevisionRow,
  type AgentRow,
  findAgentRevision,
  listAgentRevisions,
  listAgents,
  type Page,
} from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertCreatesAgents, assertUpdatesAgent } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import type { Principal } from "../principal.js";
import { type AgentReference, requireAgent } from "./find-agent.js";
import { patchAgent } from "./update-agent.js";

const REVISION_NOT_FOUND = "Revision not found";

function presentConfiguration(agent: AgentRow): object {
  const { id, companyId, name, role, title, status, reportsTo, adapterType, permissions, updatedAt } = agent;
  return {
    ...{ id, companyId, name, role, title, status, reportsTo, adapterType, permissions, updatedAt },
    adapterConfig: redactAdapterConfig(agent.adapterConfig),
    runtimeConfig: redactObject(agent.runtimeConfig),
  };
}

/** API-85. */
export async function readAgentConfiguration(deps: ApiDeps, query: AgentReference): Promise<object> {
  const agent = await requireConfigured(deps, query);
  return presentConfiguration(agent);
}

/** API-85: a page of a company's agents that are not terminated. */
export async function readAgentConfigurations(
  deps: ApiDeps,
  query: { caller: Principal; companyId: string; cursor?: string | undefined; limit: number },
): Promise<{ page: Page<{ id: string }>; rows: object[] }> {
  const company = await requireCompany(deps, query);
  await assertCreatesAgents(deps.db.sql, query.caller);
  const { cursor, limit } = query;
  const page = await listAgents(deps.db.sql, { companyId: company.id, includeTerminated: false, cursor, limit });
  return { page, rows: page.rows.map(presentConfiguration) };
}

/** API-86. */
export async function readAgentRevisions(
  deps: ApiDeps,
  query: AgentReference & { cursor?: string | undefined; limit: number },
): Promise<Page<AgentRevisionRow>> {
  const { id: agentId } = await requireConfigured(deps, query);
  return await listAgentRevisions(deps.db.sql, { agentId, cursor: query.cursor, limit: query.limit });
}

/** API-86. */
export async function readAgentRevision(
  deps: ApiDeps,
  query: AgentReference & { revisionId: string },
): Promise<AgentRevisionRow> {
  const { id: agentId } = await requireConfigured(deps, query);
  return await requireRevision(deps, { agentId, revisionId: query.revisionId });
}

/** API-86: the agent as that revision left it, by the rules of a change of it; the roll-back is a revision of its own. */
export async function rollAgentBack(
  deps: ApiDeps & { forgetKeys(): void },
  command: AgentReference & { revisionId: string },
): Promise<AgentRow> {
  const { caller } = command;
  const agent = await requireAgent(deps, command);
  await assertUpdatesAgent(deps.db.sql, { principal: caller, agentId: agent.id });
  const revision = await requireRevision(deps, { agentId: agent.id, revisionId: command.revisionId });
  if (holdsRedactedValue(revision.afterConfig)) {
    throw new WakefleetError("unprocessable", "Cannot roll back a revision that contains redacted secret values");
  }
  return await patchAgent(deps, {
    caller,
    ref: agent.id,
    body: patchTo(agent, revision.afterConfig),
    rolledBackFrom: revision.id,
  });
}

/** What a change must send to get there: the fields that differ, the adapter's configuration as a whole. */
function patchTo(agent: AgentRow, target: JsonObject): AgentPatch {
  const parsed = agentPatchSchema.safeParse(target);
  if (!parsed.success) {
    throw new WakefleetError("unprocessable", "This revision holds values that are no longer accepted");
  }
  const wanted = { ...agent, ...parsed.data } as AgentRow;
  const differing = reviseAgent(agent, wanted)?.changedKeys ?? [];
  const body = Object.fromEntries(differing.map((field) => [field, wanted[field]])) as AgentPatch;
  return differing.includes("adapterConfig") ? { ...body, replaceAdapterConfig: true } : body;
}

async function requireConfigured(deps: ApiDeps, reference: AgentReference): Promise<AgentRow> {
  const agent = await requireAgent(deps, reference);
  await assertCreatesAgents(deps.db.sql, reference.caller);
  return agent;
}

async function requireRevision(deps: ApiDeps, key: { agentId: string; revisionId: string }): Promise<AgentRevisionRow> {
  const id = pathId(key.revisionId, REVISION_NOT_FOUND);
  return found(await findAgentRevision(deps.db.sql, { agentId: key.agentId, id }), REVISION_NOT_FOUND);
}
