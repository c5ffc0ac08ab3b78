/** What an agent's status allows (AL-1). */
import type { AgentStatus } from "@wakefleet/contracts";

const NOT_INVOKABLE: ReadonlySet<AgentStatus> = new Set(["paused", "terminated", "pending_approval"]);

/** The one definition of "may this agent be woken and run" (03 head, AL-1). Everything else calls it. */
export function isInvokable(status: AgentStatus): boolean {
  return !NOT_INVOKABLE.has(status);
}

/** The name key stamped on an issue's execution lock (DM-50): trimmed, lower case. */
export function agentNameKey(name: string): string {
  return name.trim().toLowerCase();
}
