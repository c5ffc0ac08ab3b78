/** What reviewers and approvers decided (DM-69, EP-15). Rows are only added. */
import type { ExecutionDecisionOutcome, ExecutionStageType } from "@wakefleet/contracts";
import type { Sql } from "./sql.js";

export interface NewExecutionDecision {
  readonly id: string;
  readonly companyId: string;
  readonly issueId: string;
  readonly stageId: string;
  readonly stageType: ExecutionStageType;
  readonly actorAgentId: string | null;
  readonly actorUserId: string | null;
  readonly outcome: ExecutionDecisionOutcome;
  readonly body: string;
  readonly createdByRunId: string | null;
}

/** Writes a decision in the transaction of the change it is part of. */
export async function insertExecutionDecision(tx: Sql, decision: NewExecutionDecision): Promise<void> {
  await tx.query(
    `INSERT INTO issue_execution_decisions
       (id, company_id, issue_id, stage_id, stage_type, actor_agent_id, actor_user_id, outcome, body, created_by_run_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      decision.id,
      decision.companyId,
      decision.issueId,
      decision.stageId,
      decision.stageType,
      decision.actorAgentId,
      decision.actorUserId,
      decision.outcome,
      decision.body,
      decision.createdByRunId,
    ],
  );
}
