/** What a stage wake tells its agent about the stage (API-173, EP-21), and who is to be woken by a stage (EP-20). */
import type { ExecutionState, IssueStatus, JsonObject } from "@wakefleet/contracts";
import { samePrincipal } from "./principal-ref.js";

export type StageWakeReason =
  | "execution_review_requested"
  | "execution_approval_requested"
  | "execution_changes_requested";

export interface StageWake {
  readonly agentId: string;
  readonly reason: StageWakeReason;
  readonly executionStage: JsonObject;
}

export interface StageSide {
  readonly status: IssueStatus;
  readonly executionState: ExecutionState | null;
}

/** The agent that a change of stages wakes; null: nobody, or a person, who is not woken (EP-23). */
export function stageWake(before: StageSide, after: StageSide): StageWake | null {
  const state = after.executionState;
  const was = before.executionState;
  if (state?.status === "pending") {
    const participant = state.currentParticipant;
    if (participant?.type !== "agent") return null;
    const moved =
      before.status !== after.status ||
      was?.status !== state.status ||
      was.currentStageId !== state.currentStageId ||
      !samePrincipal(was.currentParticipant, participant);
    if (!moved) return null;
    const isApproval = state.currentStageType === "approval";
    return {
      agentId: participant.agentId,
      reason: isApproval ? "execution_approval_requested" : "execution_review_requested",
      executionStage: executionStageOf(state, isApproval ? "approver" : "reviewer"),
    };
  }
  if (state?.status === "changes_requested") {
    const executor = state.returnAssignee;
    if (executor?.type !== "agent") return null;
    const moved =
      was?.status !== state.status ||
      was.lastDecisionId !== state.lastDecisionId ||
      !samePrincipal(was.returnAssignee, executor);
    if (!moved) return null;
    return {
      agentId: executor.agentId,
      reason: "execution_changes_requested",
      executionStage: executionStageOf(state, "executor"),
    };
  }
  return null;
}

/** API-173. */
export function executionStageOf(state: ExecutionState, wakeRole: "reviewer" | "approver" | "executor"): JsonObject {
  return {
    wakeRole,
    stageId: state.currentStageId,
    stageType: state.currentStageType,
    currentParticipant: state.currentParticipant,
    returnAssignee: state.returnAssignee,
    reviewRequest: state.reviewRequest,
    lastDecisionOutcome: state.lastDecisionOutcome,
    allowedActions: wakeRole === "executor" ? ["address_changes", "resubmit"] : ["approve", "request_changes"],
  };
}
