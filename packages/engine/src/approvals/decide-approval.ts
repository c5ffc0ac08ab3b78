/**
 * Deciding an approval (AL-14, AL-15, API-185, API-186): the decision, what it does to a hired agent and whom it wakes are
 * one transaction. Decided twice, it happens once.
 */
import { isGuid, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { type ApprovalDecision, judgeApproval } from "@wakefleet/domain";
import {
  type ApprovalRow,
  type Database,
  decideApprovalRow,
  findApproval,
  findIncidentOfApproval,
  isRetryable,
  listApprovalIssueIds,
  lockAgents,
  type Sql,
} from "@wakefleet/store";
import { type ActivityActor, type ActivityNote, noteActivities } from "../activity/note-activities.js";
import { type AgentStatusDeps, applyAgentPolicy } from "../agents/change-agent-status.js";
import { type AfterCommit, carryOut, nothingAfterCommit } from "../runs/after-commit.js";
import { acceptWakeupsIn } from "../wakeups/accept-wakeups.js";
import { activateHire, refuseHire } from "./hiring.js";

export interface DecideApprovalCommand {
  readonly approvalId: string;
  readonly decision: ApprovalDecision;
  readonly note: string | null;
  /** Only for a resubmission: what takes the payload's place. */
  readonly payload?: JsonObject | undefined;
  readonly actor: ActivityActor;
}

const ACTIONS: Readonly<Record<ApprovalDecision, string>> = {
  approve: "approval.approved",
  reject: "approval.rejected",
  request_revision: "approval.revision_requested",
  resubmit: "approval.resubmitted",
};
const APPROVED_REASON = "approval_approved";
const MAX_ATTEMPTS = 4;

/** Answers the approval as it then is. Throws `not_found`, and `conflict` or `unprocessable` where its state forbids it. */
export async function decideApproval(deps: AgentStatusDeps, command: DecideApprovalCommand): Promise<ApprovalRow> {
  for (let attempt = 1; ; attempt += 1) {
    const after = nothingAfterCommit();
    try {
      const { approval, changedAgentId } = await deps.db.transaction((tx) => decideIn(tx, { deps, command, after }));
      carryOut(deps, after);
      if (changedAgentId !== null) await applyAgentPolicy(deps, changedAgentId);
      return approval;
    } catch (error) {
      if (!isRetryable(error) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

interface Deciding {
  readonly deps: Pick<AgentStatusDeps, "newId">;
  readonly command: DecideApprovalCommand;
  readonly after: AfterCommit;
}

async function decideIn(
  tx: Sql,
  deciding: Deciding,
): Promise<{ approval: ApprovalRow; changedAgentId: string | null }> {
  const { command, after } = deciding;
  const known = await mustFind(tx, { id: command.approvalId });
  const hiredId = hiredAgentOf(known);
  const { agents } = await lockAgents(
    tx,
    [known.requestedByAgentId, hiredId].filter((id) => id !== null),
  );
  const before = await mustFind(tx, { id: command.approvalId, lock: true });
  const verdict = judgeApproval(before, command.decision);
  if (verdict.kind === "same") return { approval: before, changedAgentId: null };
  if (verdict.kind === "refuse") throw new WakefleetError(verdict.code, verdict.text, await pointerOf(tx, before));
  const { note, payload, actor } = command;
  const decided = { id: before.id, status: verdict.to, note, payload, userId: actor.userId };
  const approval = await decideApprovalRow(tx, decided);
  const linkedIssueIds = await listApprovalIssueIds(tx, approval.id);
  const { type, requestedByAgentId } = approval;
  const details = { type, linkedIssueIds, requestedByAgentId };
  await noteActivities(tx, after, { actor, notes: [noteOf(approval, { action: ACTIONS[command.decision], details })] });
  const hired = hiredId === null ? undefined : agents.get(hiredId);
  let changedAgentId: string | null = null;
  if (hired !== undefined && hired.companyId === approval.companyId) {
    const hire = { agentId: hired.id, actor, source: "approval", after, status: hired.status };
    if (verdict.to === "approved") changedAgentId = (await activateHire(tx, hire))?.id ?? null;
    if (verdict.to === "rejected") await refuseHire(tx, hire);
  }
  if (verdict.to === "approved" && requestedByAgentId !== null) {
    await wakeRequester(tx, deciding, { approval, requestedByAgentId, linkedIssueIds });
  }
  return { approval, changedAgentId };
}

/** W16, CO-59. A wake that is refused fails nothing. */
async function wakeRequester(
  tx: Sql,
  { deps, command, after }: Deciding,
  approved: { approval: ApprovalRow; requestedByAgentId: string; linkedIssueIds: string[] },
): Promise<void> {
  const { approval, requestedByAgentId: agentId, linkedIssueIds } = approved;
  const issueId = linkedIssueIds[0] ?? null;
  const payload = { approvalId: approval.id, approvalStatus: approval.status, issueId, issueIds: linkedIssueIds };
  const { actor } = command;
  const accepted = await acceptWakeupsIn(tx, deps.newId, [
    {
      agentId,
      companyId: approval.companyId,
      source: "automation",
      triggerDetail: "system",
      reason: APPROVED_REASON,
      payload,
      context: { ...payload, source: "approval.approved", taskId: issueId, wakeReason: APPROVED_REASON },
      actor: { type: actor.type, id: actor.id },
      idempotencyKey: null,
      fingerprint: null,
      logActivity: false,
    },
  ]);
  after.events.push(...accepted.events);
  after.jobs.push(...accepted.jobs);
  const [result] = accepted.results;
  const about = { requesterAgentId: agentId, linkedIssueIds };
  const note =
    result === undefined || result.outcome === "rejected"
      ? {
          action: "approval.requester_wakeup_failed",
          details: { ...about, error: result?.error.message ?? "The wake was not decided" },
        }
      : {
          action: "approval.requester_wakeup_queued",
          details: { ...about, wakeRunId: result.run?.id ?? null },
        };
  await noteActivities(tx, after, { actor, notes: [noteOf(approval, note)] });
}

function noteOf(approval: ApprovalRow, note: Pick<ActivityNote, "action" | "details">): ActivityNote {
  return { ...note, companyId: approval.companyId, entityType: "approval", entityId: approval.id };
}

/** BU-35: where a budget's approval is decided. */
async function pointerOf(tx: Sql, approval: ApprovalRow): Promise<JsonObject | undefined> {
  if (approval.type !== "budget_override_required") return { status: approval.status };
  const incidentId = await findIncidentOfApproval(tx, approval.id);
  if (incidentId === null) return undefined;
  return {
    incidentId,
    resolve: `POST /api/companies/${approval.companyId}/budget-incidents/${incidentId}/resolve`,
  };
}

/** The agent a hire is about. */
function hiredAgentOf(approval: ApprovalRow): string | null {
  const { agentId } = approval.payload;
  return approval.type === "hire_agent" && isGuid(agentId) ? agentId.toLowerCase() : null;
}

async function mustFind(sql: Sql, key: { id: string; lock?: boolean }): Promise<ApprovalRow> {
  const approval = await findApproval(sql, key);
  if (approval === null) throw new WakefleetError("not_found", "Approval not found");
  return approval;
}

/** AL-14, API-80: hires an agent without its approval's detour. Throws `conflict` for one that waits for none. */
export async function approveAgent(
  deps: AgentStatusDeps & { readonly db: Database },
  command: { readonly agentId: string; readonly actor: ActivityActor },
): Promise<void> {
  const after = nothingAfterCommit();
  await deps.db.transaction(async (tx) => {
    const { agents } = await lockAgents(tx, [command.agentId]);
    if (!agents.has(command.agentId)) throw new WakefleetError("not_found", "Agent not found");
    const agent = await activateHire(tx, { ...command, source: "direct", after });
    if (agent === null) throw new WakefleetError("conflict", "Only pending approval agents can be approved");
  });
  carryOut(deps, after);
  await applyAgentPolicy(deps, command.agentId);
}
