/** Checkout and release (API-147, API-148, CO-20 to CO-35). */
import { type IssueCheckout, WakefleetError } from "@wakefleet/contracts";
import { agentNameKey } from "@wakefleet/domain";
import {
  clearIssueLocks,
  findAgent,
  findProjectState,
  type IssueRow,
  lockIssue,
  lockRunStatuses,
  type Sql,
  takeIssueLocks,
  updateIssue,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { found } from "../http/query-fields.js";
import { mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";
import { assertAssignable, assertNoUnresolvedBlockers } from "./check-issue.js";
import { ISSUE_NOT_FOUND, requireIssue } from "./find-issue.js";
import { guardIssueMutation } from "./mutation-guard.js";

const LIVE = new Set(["queued", "scheduled_retry", "running"]);

/** What the issue's locks mean to the run that asks. */
interface LockView {
  /** No live run but the asking one holds the checkout. */
  readonly checkoutFree: boolean;
  /** No live run but the asking one holds the execution lock. */
  readonly executionFree: boolean;
  readonly checkoutStale: boolean;
}

/** Gives the issue to an agent for work (CO-25 to CO-28); refused with 409 where another lives on it. */
export async function checkoutIssue(
  deps: ApiDeps,
  command: { caller: Principal; ref: string; body: IssueCheckout },
): Promise<IssueRow> {
  const { caller } = command;
  const body = { ...command.body, agentId: command.body.agentId.toLowerCase() };
  const issue = await requireIssue(deps, command);
  await assertProjectRuns(deps.db.sql, issue);
  const runId = checkoutRunOf(caller, body.agentId);
  await assertAssignable(deps.db.sql, { companyId: issue.companyId, agentId: body.agentId });

  return await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const locked = found(await lockIssue(tx, issue.id), ISSUE_NOT_FOUND);
    const view = await viewLocks(tx, { issue: locked, runId });
    await assertNoUnresolvedBlockers(tx, issue.id);
    const isOwn = locked.assigneeAgentId === body.agentId;
    const holds = isOwn && locked.status === "in_progress";
    if (holds && runId !== null && locked.checkoutRunId === runId) return locked;

    const expected =
      body.expectedStatuses.includes(locked.status) &&
      (locked.assigneeAgentId === null || (isOwn && view.checkoutFree && !view.checkoutStale)) &&
      (locked.assigneeUserId === null || caller.kind === "board") &&
      view.executionFree;
    const adopts = holds && runId !== null && view.checkoutFree && view.executionFree;
    if (!expected && !adopts) throw checkoutConflict(locked);

    const agent = await findAgent(tx, body.agentId);
    if (runId === null) await clearIssueLocks(tx, issue.id);
    else await takeIssueLocks(tx, { issueId: issue.id, runId, agentNameKey: agentNameKey(agent?.name ?? "") });
    const checkedOut = await updateIssue(tx, {
      id: issue.id,
      changes: { status: "in_progress", assigneeAgentId: body.agentId, assigneeUserId: null },
    });
    if (adopts && view.checkoutStale) {
      note({
        companyId: issue.companyId,
        action: "issue.checkout_lock_adopted",
        entityType: "issue",
        entityId: issue.id,
        details: {
          previousCheckoutRunId: locked.checkoutRunId,
          checkoutRunId: runId,
          reason: "stale_checkout_run",
        },
      });
    }
    note({
      companyId: issue.companyId,
      action: "issue.checked_out",
      entityType: "issue",
      entityId: issue.id,
      details: { agentId: body.agentId },
    });
    return checkedOut;
  });
}

/** CO-21a: an agent checks out as itself and in a run; the board without one. */
function checkoutRunOf(caller: Principal, agentId: string): string | null {
  if (caller.kind !== "agent") return null;
  if (caller.agentId !== agentId) throw new WakefleetError("forbidden", "Agent can only checkout as itself");
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

async function viewLocks(tx: Sql, query: { issue: IssueRow; runId: string | null }): Promise<LockView> {
  const { issue, runId } = query;
  const held = [issue.checkoutRunId, issue.executionRunId].filter((id) => id !== null && id !== runId);
  const statuses = await lockRunStatuses(
    tx,
    held.filter((id) => id !== null),
  );
  const isLive = (id: string | null): boolean =>
    id !== null && id !== runId && LIVE.has(statuses.get(id)?.status ?? "gone");
  return {
    checkoutFree: !isLive(issue.checkoutRunId),
    executionFree: !isLive(issue.executionRunId),
    checkoutStale: issue.checkoutRunId !== null && issue.checkoutRunId !== runId && !isLive(issue.checkoutRunId),
  };
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

/** Gives the issue back: `todo`, nobody's, unlocked (CO-35). Wakes nobody. */
export async function releaseIssue(deps: ApiDeps, command: { caller: Principal; ref: string }): Promise<IssueRow> {
  const { caller } = command;
  const issue = await requireIssue(deps, command);
  return await mutate(deps, actorOf(caller), async (mutation) => {
    const { tx, note } = mutation;
    const locked = found(await lockIssue(tx, issue.id), ISSUE_NOT_FOUND);
    const held = await guardIssueMutation(mutation, { caller, issue: locked });
    if (caller.kind === "agent") await assertReleases(tx, { caller, issue: held });
    await clearIssueLocks(tx, issue.id);
    const released = await updateIssue(tx, { id: issue.id, changes: { status: "todo", assigneeAgentId: null } });
    note({
      companyId: issue.companyId,
      action: "issue.released",
      entityType: "issue",
      entityId: issue.id,
      details: { identifier: issue.identifier },
    });
    return released;
  });
}

async function assertReleases(
  tx: Sql,
  check: { caller: Extract<Principal, { kind: "agent" }>; issue: IssueRow },
): Promise<void> {
  const { caller, issue } = check;
  if (issue.assigneeAgentId !== caller.agentId) {
    throw new WakefleetError("conflict", "Only assignee can release issue");
  }
  if (issue.checkoutRunId === null || issue.checkoutRunId === caller.runId) return;
  const statuses = await lockRunStatuses(tx, [issue.checkoutRunId]);
  if (!LIVE.has(statuses.get(issue.checkoutRunId)?.status ?? "gone")) return;
  throw new WakefleetError("conflict", "Only checkout run can release issue", {
    issueId: issue.id,
    assigneeAgentId: issue.assigneeAgentId,
    checkoutRunId: issue.checkoutRunId,
    actorRunId: caller.runId,
  });
}
