/** Comparing agents and people where either may stand (EP-1). */
import type { PrincipalRef } from "@wakefleet/contracts";

/** The assignee of an issue, whoever it is. */
export function assigneeOf(issue: {
  readonly assigneeAgentId: string | null;
  readonly assigneeUserId: string | null;
}): PrincipalRef | null {
  if (issue.assigneeAgentId !== null) return { type: "agent", agentId: issue.assigneeAgentId };
  return issue.assigneeUserId === null ? null : { type: "user", userId: issue.assigneeUserId };
}

/** One text for each agent or person. */
export function principalKey(principal: PrincipalRef): string {
  return principal.type === "agent" ? `agent:${principal.agentId.toLowerCase()}` : `user:${principal.userId}`;
}

export function samePrincipal(one: PrincipalRef | null, other: PrincipalRef | null): boolean {
  if (one === null || other === null) return one === other;
  return principalKey(one) === principalKey(other);
}
