/** Checkout (API-147, CO-20 to CO-33): who may take an issue into `in_progress`, and whom it wakes (W10). */
import { type IssueCheckout, WakefleetError } from "@wakefleet/contracts";
import { agentNameKey, type CheckoutFacts, decideCheckout, planCheckoutWakes } from "@wakefleet/domain";
import {
  clearIssueLocks,
  findPauseHold,
  findProjectState,
  findRun,
  type IssueRow,
  listUnresolvedBlockerIds,
  lockActiveRuns,
  type PauseHold,
  readIssueGateFacts,
  type Sql,
  takeIssueLocks,
  updateIssue,
} from "@wakefleet/store";
import { isRunInteraction } from "../runs/run-gates.js";
import { assertAssignable } from "./check-issue.js";
import { actorOfCaller, type IssueCaller } from "./issue-caller.js";
import { type IssueChange, type IssueDeps, issueNotFound, onLockedIssue } from "./issue-change.js";
import { assertOpenWorkspace } from "./mutation-guard.js";

export interface CheckoutCommand {
  readonly caller: IssueCaller;
  readonly issueId: string;
  readonly body: IssueCheckout;
}

/** Gives the issue to an agent for work; refused with 409 where another lives on it. */
export async function checkoutIssue(deps: IssueDeps, command: CheckoutCommand): Promise<IssueRow> {
  const { caller, issueId } = command;
  const agentId = command.body.agentId.toLowerCase();
  const target = { actor: actorOfCaller(caller), issueId, agentIds: [agentId] };
  return await onLockedIssue(deps, target, async (change, issue) => {
    await assertProjectRuns(change.tx, issue);
    if (caller.kind === "agent" && caller.agentId !== agentId) {
      throw new WakefleetError("forbidden", "Agent can only checkout as itself");
    }
    await assertOpenWorkspace(change, issue);
    const runId = checkoutRunOf(caller);
    assertAssignable(change, { companyId: issue.companyId, agentId });
    return await take(change, { issue, agentId, runId, command });
  });
}

/** CO-21a: an agent checks out in a run; the board without one. */
function checkoutRunOf(caller: IssueCaller): string | null {
  if (caller.kind !== "agent") return null;
  if (caller.runId === null) throw new WakefleetError("unauthenticated", "Agent run id required");
  return caller.runId;
}

/** CO-21. */
async function assertProjectRuns(sql: Sql, issue: IssueRow): Promise<void> {
  if (issue.projectId === null) return;
  const project = await findProjectState(sql, { id: issue.projectId, companyId: issue.companyId });
  if (project === null || project.pausedAt === null) return;
  throw new WakefleetError(
    "conflict",
    project.pauseReason === "budget"
      ? "Project is paused because its budget hard-stop was reached"
      : "Project is paused",
  );
}

interface Taking {
  readonly issue: IssueRow;
  readonly agentId: string;
  readonly runId: string | null;
  readonly command: CheckoutCommand;
}

async function take(change: IssueChange, taking: Taking): Promise<IssueRow> {
  const { issue, agentId, runId, command } = taking;
  const gates = await readGates(change.tx, { issue, runId });
  const activeRunIds = await lockActiveRuns(change.tx, [issue.checkoutRunId, issue.executionRunId, runId]);
  const facts: CheckoutFacts = {
    issue,
    agentId,
    runId,
    expectedStatuses: command.body.expectedStatuses,
    isOperator: command.caller.kind === "board",
    activeRunIds,
    isHeld: gates.hold !== null,
    isInteraction: gates.isInteraction,
    unresolvedBlockerIssueIds: gates.unresolvedBlockerIssueIds,
  };
  const decision = decideCheckout(facts);
  switch (decision.kind) {
    case "held":
      throw checkoutHeld(issue, gates.hold);
    case "blocked":
      throw new WakefleetError("unprocessable", "Issue is blocked by unresolved blockers", {
        unresolvedBlockerIssueIds: gates.unresolvedBlockerIssueIds,
      });
    case "conflict":
      throw checkoutConflict(issue);
    case "unchanged":
      return issue;
    case "take":
      return await write(change, taking, decision.staleCheckoutRunId);
  }
}

interface Gates {
  readonly hold: Pick<PauseHold, "holdId" | "rootIssueId" | "mode"> | null;
  readonly isInteraction: boolean;
  readonly unresolvedBlockerIssueIds: readonly string[];
}

/** Holds and blockers; whether the run was woken by a verified interaction with this very issue (CO-22, TH-23). */
async function readGates(tx: Sql, query: { issue: IssueRow; runId: string | null }): Promise<Gates> {
  const { issue, runId } = query;
  const run = runId === null ? null : await findRun(tx, runId);
  if (run === null) {
    const hold = await findPauseHold(tx, issue.id);
    return { hold, isInteraction: false, unresolvedBlockerIssueIds: await listUnresolvedBlockerIds(tx, issue.id) };
  }
  const facts = await readIssueGateFacts(tx, { runId: run.id, issueId: issue.id });
  if (facts === null) throw issueNotFound();
  return {
    hold: facts.hold,
    isInteraction: isRunInteraction(run.contextSnapshot ?? {}, issue.id, facts.interaction),
    unresolvedBlockerIssueIds: facts.unresolvedBlockerIssueIds,
  };
}

async function write(change: IssueChange, taking: Taking, staleCheckoutRunId: string | null): Promise<IssueRow> {
  const { tx, note } = change;
  const { issue, agentId, runId, command } = taking;
  const { companyId, id: issueId } = issue;
  if (runId === null) await clearIssueLocks(tx, issueId);
  else {
    await takeIssueLocks(tx, { issueId, runId, agentNameKey: agentNameKey(change.agent(agentId)?.name ?? "") });
  }
  const checkedOut = await updateIssue(tx, {
    id: issueId,
    changes: { status: "in_progress", assigneeAgentId: agentId, assigneeUserId: null },
  });
  if (staleCheckoutRunId !== null) {
    note({
      companyId,
      action: "issue.checkout_lock_adopted",
      entityType: "issue",
      entityId: issueId,
      details: { previousCheckoutRunId: staleCheckoutRunId, checkoutRunId: runId, reason: "stale_checkout_run" },
    });
  }
  note({ companyId, action: "issue.checked_out", entityType: "issue", entityId: issueId, details: { agentId } });
  if (issue.status !== "in_progress") change.reorder([issueId]);
  if (command.caller.kind !== "agent") change.wake(planCheckoutWakes({ issueId, agentId }));
  return checkedOut;
}

/** CO-22. */
function checkoutHeld(issue: IssueRow, hold: Gates["hold"]): WakefleetError {
  return new WakefleetError("conflict", "Issue checkout blocked by active subtree pause hold", {
    issueId: issue.id,
    holdId: hold?.holdId ?? null,
    rootIssueId: hold?.rootIssueId ?? null,
    mode: hold?.mode ?? null,
    securityPrinciples: ["least_privilege", "tenant_isolation"],
  });
}

/** CO-29, with the five facts as they are now. */
function checkoutConflict(issue: IssueRow): WakefleetError {
  return new WakefleetError("conflict", "Issue checkout conflict", {
    issueId: issue.id,
    status: issue.status,
    assigneeAgentId: issue.assigneeAgentId,
    checkoutRunId: issue.checkoutRunId,
    executionRunId: issue.executionRunId,
  });
}
