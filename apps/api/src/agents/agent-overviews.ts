/** Who reports to whom, and whose timer beats (API-90). */
import { readHeartbeatPolicy } from "@wakefleet/contracts";
import { agentShortName } from "@wakefleet/domain";
import { listHeartbeatAgents, listOrgAgents, type OrgAgent } from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertInstanceAdmin } from "../http/guards.js";
import type { Principal } from "../principal.js";

/** Most agents that a chart shows. */
const MAX_ORG_AGENTS = 10_000;
/** Deepest nesting that is answered; who reports deeper begins a tree of their own. */
const MAX_ORG_DEPTH = 200;

interface OrgNode extends Omit<OrgAgent, "reportsTo"> {
  readonly reports: OrgNode[];
}

/** The tree below those who report to nobody here. A ring in old data begins where its oldest agent is. */
export async function readOrg(deps: ApiDeps, query: { caller: Principal; companyId: string }): Promise<object[]> {
  const company = await requireCompany(deps, query);
  const agents = await listOrgAgents(deps.db.sql, { companyId: company.id, limit: MAX_ORG_AGENTS });
  return orgTree(agents);
}

function orgTree(agents: readonly OrgAgent[]): OrgNode[] {
  const here = new Set(agents.map(({ id }) => id));
  const reports = new Map<string | null, OrgAgent[]>();
  for (const agent of agents) {
    const manager = agent.reportsTo !== null && here.has(agent.reportsTo) ? agent.reportsTo : null;
    const siblings = reports.get(manager);
    if (siblings === undefined) reports.set(manager, [agent]);
    else siblings.push(agent);
  }
  const placed = new Set<string>();
  const nodeOf = ({ reportsTo: _manager, ...agent }: OrgAgent, depth: number): OrgNode => {
    placed.add(agent.id);
    const below = depth < MAX_ORG_DEPTH ? (reports.get(agent.id) ?? []).filter(({ id }) => !placed.has(id)) : [];
    return { ...agent, reports: below.map((report) => nodeOf(report, depth + 1)) };
  };
  const roots = (reports.get(null) ?? []).map((agent) => nodeOf(agent, 1));
  for (const agent of agents) if (!placed.has(agent.id)) roots.push(nodeOf(agent, 1));
  return roots;
}

/** Agents that may be woken, in every company. */
export async function readSchedulerHeartbeats(
  deps: ApiDeps,
  query: { caller: Principal; limit: number },
): Promise<object[]> {
  assertInstanceAdmin(query.caller);
  const agents = await listHeartbeatAgents(deps.db.sql, query.limit);
  return agents.map(({ runtimeConfig, ...agent }) => {
    const { enabled, intervalSec } = readHeartbeatPolicy(runtimeConfig);
    return {
      ...agent,
      agentUrlKey: agentShortName(agent.agentName),
      intervalSec,
      heartbeatEnabled: enabled,
      schedulerActive: enabled && intervalSec > 0,
    };
  });
}
