/** Who changes an issue, and what an agent may do with work that is not its own (API-34, API-35, CO-7, CO-10). */
import { listAgentGrants, listChainOfCommand, type Sql } from "@wakefleet/store";
import type { ActivityActor } from "../activity/note-activities.js";

/** The board, in the person of one of its users. */
export interface BoardCaller {
  readonly kind: "board";
  readonly userId: string;
}

/** An agent, in the run it acts in (CO-12: the run was checked to be its own). */
export interface AgentCaller {
  readonly kind: "agent";
  readonly agentId: string;
  readonly companyId: string;
  readonly role: string;
  /** `permissions.canCreateAgents`; grants are looked up where they matter. */
  readonly canCreateAgents: boolean;
  readonly runId: string | null;
  /** The claim it acts under (BY-8); null: it named none. */
  readonly claimToken: number | null;
}

export type IssueCaller = BoardCaller | AgentCaller;

/** How the caller stands in activity, comments and wakeup requests (DM-11). */
export interface IssueActor extends ActivityActor {
  /** Whoever writes under a claim writes only while it is current (BY-8). */
  readonly claimToken: number | null;
}

export function actorOfCaller(caller: IssueCaller): IssueActor {
  if (caller.kind === "agent") {
    const { agentId, runId, claimToken } = caller;
    return { type: "agent", id: agentId, agentId, userId: null, runId, claimToken };
  }
  return { type: "user", id: caller.userId, agentId: null, userId: caller.userId, runId: null, claimToken: null };
}

async function grantsOf(sql: Sql, caller: AgentCaller): Promise<ReadonlySet<string>> {
  const grants = await listAgentGrants(sql, { id: caller.agentId, companyId: caller.companyId });
  return new Set(grants.map((grant) => grant.permissionKey));
}

/** AT: whether the caller may give work to somebody. */
export async function mayAssignTasks(sql: Sql, caller: IssueCaller): Promise<boolean> {
  if (caller.kind === "board" || caller.role === "ceo" || caller.canCreateAgents) return true;
  const grants = await grantsOf(sql, caller);
  return grants.has("tasks:assign") || grants.has("agents:create");
}

/** CO-10: whether an agent may change an issue that another agent is assigned to. */
export async function mayChangeOthersIssue(
  sql: Sql,
  check: { readonly caller: AgentCaller; readonly assigneeAgentId: string },
): Promise<boolean> {
  const { caller } = check;
  if (caller.role === "ceo" || caller.canCreateAgents) return true;
  const grants = await grantsOf(sql, caller);
  if (grants.has("tasks:manage_active_checkouts") || grants.has("agents:create")) return true;
  const managers = await listChainOfCommand(sql, check.assigneeAgentId);
  return managers.some((manager) => manager.id === caller.agentId);
}
