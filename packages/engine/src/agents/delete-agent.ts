/** Deleting an agent (API-82, AL-16): it is terminated first, in the same transaction, so that others get what it held up. */
import { WakefleetError } from "@wakefleet/contracts";
import { deleteAgentRows, readAgentDeletionFacts, terminateAgentIfLiving } from "@wakefleet/store";
import {
  type AgentCommand,
  type AgentStatusDeps,
  cancelActiveRuns,
  carryOutCancels,
  change,
  logChange,
  TERMINATION_TEXT,
  tellQueue,
} from "./change-agent-status.js";

/** Throws `not_found`, and `conflict` while one of its runs is running or when it has cost history (DM-16). */
export async function deleteAgent(deps: AgentStatusDeps, command: AgentCommand): Promise<void> {
  const { agentId, actor } = command;
  const { cancelled } = await change(deps, command, async (tx, before, after) => {
    const facts = await readAgentDeletionFacts(tx, agentId);
    if (facts.hasRunningRun) {
      throw new WakefleetError("conflict", "Agent has running runs; cancel them or wait for their end, then delete it");
    }
    if (facts.hasCostEvents) {
      throw new WakefleetError("conflict", "Agent has cost history; terminate it instead");
    }
    const agent = (await terminateAgentIfLiving(tx, agentId, TERMINATION_TEXT)) ?? before;
    const cancelled = await cancelActiveRuns(tx, deps, { agentId, text: TERMINATION_TEXT, kind: "system" }, after);
    await deleteAgentRows(tx, agentId);
    await logChange(tx, { agent, actor, action: "agent.deleted" }, after);
    return { agent, cancelled };
  });
  await carryOutCancels(deps, cancelled);
  await tellQueue(deps, "remove", () => deps.queue.removeQueue(agentId));
}
