/**
 * Who may change an issue (IM of API-35, CO-10, CO-11, CO-30). Runs inside the mutation's transaction, on the locked row,
 * because taking over a checkout that nobody lives to hold is part of the answer.
 */
import { WakefleetError } from "@wakefleet/contracts";
import { agentNameKey } from "@wakefleet/domain";
import { findAgent, type IssueRow, lockRunStatuses, takeIssueLocks } from "@wakefleet/store";
import { insufficientScope, mayMutateOthersIssue } from "../http/guards.js";
import type { Mutation } from "../mutate.js";
import type { AgentPrincipal, Principal } from "../principal.js";

const LIVE = new Set(["queued", "scheduled_retry", "running"]);

/** Lets the caller change the locked issue, or throws; answers the issue, whose checkout may have been adopted. */
export async function guardIssueMutation(
  mutation: Mutation,
  check: { caller: Principal; issue: IssueRow },
): Promise<IssueRow> {
  const { caller, issue } = check;
  if (caller.kind === "board") return issue;
  if (caller.kind === "enqueue") throw insufficientScope();
  if (issue.assigneeAgentId === null) return issue;
  if (issue.assigneeAgentId !== caller.agentId) {
    await assertMutatesOthers(mutation, { caller, issue, assigneeAgentId: issue.assigneeAgentId });
    return issue;
  }
  return issue.status === "in_progress" ? await holdCheckout(mutation, { caller, issue }) : issue;
}

async function assertMutatesOthers(
  { tx }: Mutation,
  check: { caller: AgentPrincipal; issue: IssueRow; assigneeAgentId: string },
): Promise<void> {
  const { caller, issue, assigneeAgentId } = check;
  if (await mayMutateOthersIssue(tx, { principal: caller, assigneeAgentId })) return;
  const details = { issueId: issue.id, assigneeAgentId, actorAgentId: caller.agentId };
  if (issue.status === "in_progress") {
    throw new WakefleetError("conflict", "Issue is checked out by another agent", details);
  }
  throw new WakefleetError("forbidden", "Agent cannot mutate another agent's issue", {
    ...details,
    status: issue.status,
    securityPrinciples: ["least_privilege", "tenant_isolation"],
  });
}

/** CO-30: the run holds the checkout, or takes over one that is free or whose run is over. */
async function holdCheckout(
  { tx, note }: Mutation,
  check: { caller: AgentPrincipal; issue: IssueRow },
): Promise<IssueRow> {
  const { caller, issue } = check;
  const { runId } = caller;
  if (runId === null) throw new WakefleetError("unauthenticated", "Agent run id required");
  if (issue.checkoutRunId === runId) return issue;
  const statuses = await lockRunStatuses(
    tx,
    [issue.checkoutRunId, issue.executionRunId, runId].filter((id) => id !== null),
  );
  const isFree = (id: string | null): boolean =>
    id === null || id === runId || !LIVE.has(statuses.get(id)?.status ?? "gone");
  if (!isFree(issue.checkoutRunId) || !isFree(issue.executionRunId)) {
    throw new WakefleetError("conflict", "Issue run ownership conflict", {
      issueId: issue.id,
      status: issue.status,
      assigneeAgentId: issue.assigneeAgentId,
      checkoutRunId: issue.checkoutRunId,
      executionRunId: issue.executionRunId,
      actorAgentId: caller.agentId,
      actorRunId: runId,
    });
  }
  // Only a run that lives may hold a lock: one that ended a moment ago writes, but takes nothing.
  if (!LIVE.has(statuses.get(runId)?.status ?? "gone")) return issue;
  const agent = await findAgent(tx, caller.agentId);
  const adopted = await takeIssueLocks(tx, { issueId: issue.id, runId, agentNameKey: agentNameKey(agent?.name ?? "") });
  if (issue.checkoutRunId !== null) {
    note({
      companyId: issue.companyId,
      action: "issue.checkout_lock_adopted",
      entityType: "issue",
      entityId: issue.id,
      details: { previousCheckoutRunId: issue.checkoutRunId, checkoutRunId: runId, reason: "stale_checkout_run" },
    });
  }
  return adopted;
}
