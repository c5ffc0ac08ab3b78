/** CX-1 step 4: the worker checks its run's issue out for it (EX-2, CO-33). */
import type { JsonObject } from "@wakefleet/contracts";
import { agentNameKey, planCheckout, wantsCheckout } from "@wakefleet/domain";
import { checkOutIssueIfFree, lockIssueOfRun, readIssueGateFacts, type Sql } from "@wakefleet/store";
import { type AfterCommit, nothingAfterCommit } from "../after-commit.js";
import type { Execution } from "../execution.js";
import { noteInterruption } from "../note-interruption.js";
import { isRunInteraction } from "../run-gates.js";
import { blockedEnd, heldEnd, RunRefused } from "./run-refused.js";

const UNIQUE_VIOLATION = "23505";

/**
 * Whether the issue was checked out; null: it was not to be. A conflict is no failure. Throws `RunRefused` when the issue
 * was held or blocked since the claim.
 */
export async function checkOutIssue(execution: Execution, context: JsonObject): Promise<boolean | null> {
  const { deps, claimed } = execution;
  if (claimed.run.issueId === null || !wantsCheckout(context)) return null;
  const after = nothingAfterCommit();
  try {
    const outcome = await deps.db.transaction((tx) => checkOutIn(tx, execution, { context, after }));
    void deps.events.publish(after.events);
    if (outcome instanceof RunRefused) throw outcome;
    return outcome;
  } catch (error) {
    // The second wall (DM-36): another running run holds the lock.
    if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) return false;
    throw error;
  }
}

/** A refusal is an answer, so that what it notes is committed. */
async function checkOutIn(
  tx: Sql,
  { claimed }: Execution,
  { context, after }: { readonly context: JsonObject; readonly after: AfterCommit },
): Promise<boolean | null | RunRefused> {
  const { run, agent, fence } = claimed;
  const issue = await lockIssueOfRun(tx, run.id);
  const facts = issue === null ? null : await readIssueGateFacts(tx, { runId: run.id, issueId: issue.id });
  const isInteraction = facts !== null && isRunInteraction(context, facts.id, facts.interaction);
  const plan = planCheckout({ agentId: agent.id, context, isInteraction, issue: facts });
  switch (plan.kind) {
    case "none":
      return null;
    case "held":
      await noteInterruption(tx, { run, hold: plan.hold }, after);
      return new RunRefused(heldEnd(agent));
    case "blocked":
      return new RunRefused(blockedEnd(run.id, plan.refusal));
    case "try": {
      const issueId = issue?.id ?? "";
      return checkOutIssueIfFree(tx, fence, { issueId, agentId: agent.id, agentNameKey: agentNameKey(agent.name) });
    }
  }
}
