/** Hiring (API-73, API-80, AL-2, AL-14): an agent that waits for the board's approval where its company wants one. */
import { type AgentHire, WakefleetError } from "@wakefleet/contracts";
import { type AgentRow, type ApprovalRow, findAgent, findIssue, insertApproval, linkApproval } from "@wakefleet/store";
import { presentApproval } from "../approvals/approvals.js";
import type { ApiDeps } from "../deps.js";
import { assertManagesAgents } from "../http/guards.js";
import { found } from "../http/query-fields.js";
import { type Mutation, mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";
import { assertKnownAdapter } from "./check-agent.js";
import { makeAgent, requireCreation } from "./create-agent.js";
import { AGENT_NOT_FOUND, type AgentReference, requireAgent } from "./find-agent.js";

export interface HiredAgent {
  readonly agent: AgentRow;
  /** Null where the company wants no approval: the agent works at once. */
  readonly approval: ApprovalRow | null;
}

/** API-73. */
export async function hireAgent(
  deps: ApiDeps,
  command: { caller: Principal; companyId: string; body: AgentHire },
): Promise<HiredAgent> {
  const { caller, body } = command;
  const company = await requireCreation(deps, command);
  assertKnownAdapter(body.adapterType, deps.adapters.types());
  const waits = company.requireBoardApprovalForNewAgents;
  const hired = await mutate(deps, actorOf(caller), async (mutation) => {
    const status = waits ? "pending_approval" : "idle";
    const agent = await makeAgent(mutation, { deps, caller, company, body, status });
    const approval = waits ? await askFor(mutation, { caller, agent, body }) : null;
    mutation.note({
      companyId: company.id,
      action: "agent.hire_created",
      entityType: "agent",
      entityId: agent.id,
      details: { name: agent.name, role: agent.role, approvalId: approval?.id ?? null },
    });
    return { agent, approval };
  });
  if (!waits) await deps.engine.agentPolicyChanged({ agentId: hired.agent.id });
  return { agent: hired.agent, approval: hired.approval === null ? null : presentApproval(hired.approval) };
}

/** The approval, linked to the issues that the hire came from. */
async function askFor(
  { tx, note }: Mutation,
  hire: { caller: Principal; agent: AgentRow; body: AgentHire },
): Promise<ApprovalRow> {
  const { caller, agent, body } = hire;
  const { companyId } = agent;
  const { agentId, userId } = actorOf(caller);
  const sources = [body.sourceIssueId, ...(body.sourceIssueIds ?? [])].filter((id) => id !== null && id !== undefined);
  const issueIds = [...new Set(sources.map((id) => id.toLowerCase()))];
  for (const id of issueIds) {
    if ((await findIssue(tx, { id }))?.companyId !== companyId) {
      throw new WakefleetError("unprocessable", "Issue does not belong to company");
    }
  }
  const { name, role, title, adapterType, budgetMonthlyCents } = agent;
  const approval = await insertApproval(tx, {
    companyId,
    type: "hire_agent",
    requestedByAgentId: agentId,
    requestedByUserId: agentId === null ? userId : null,
    payload: { agentId: agent.id, name, role, title, adapterType, budgetMonthlyCents },
  });
  await linkApproval(tx, { companyId, approvalId: approval.id, issueIds, agentId, userId });
  note({
    companyId,
    action: "approval.created",
    entityType: "approval",
    entityId: approval.id,
    details: { type: approval.type, issueIds, requestedByAgentId: agentId },
  });
  return approval;
}

/** API-80. */
export async function approveAgent(deps: ApiDeps, command: AgentReference): Promise<AgentRow> {
  const { id: agentId } = await requireAgent(deps, command);
  assertManagesAgents(command.caller);
  await deps.engine.approveAgent({ agentId, actor: actorOf(command.caller) });
  return found(await findAgent(deps.db.sql, agentId), AGENT_NOT_FOUND);
}
