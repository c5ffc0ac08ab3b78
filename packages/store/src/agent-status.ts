/**
 * An agent's status as an operator changes it (AL-10 to AL-12): one function a transition, the guard in the statement.
 * Runs set `running`, `idle` and `error` elsewhere and never touch these (AL-1). Call with the agent's row locked.
 */
import type { PauseReason } from "@wakefleet/contracts";
import { receiptParam, withReceipt } from "./receipt-sql.js";
import { type AgentRow, camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

async function one(tx: Sql, text: string, values: readonly unknown[]): Promise<AgentRow | null> {
  const rows = await tx.query<object>(text, values);
  return rows[0] === undefined ? null : camelRow<AgentRow>(rows[0]);
}

/** → `paused`; its timer rests (WK-51). Null when it is terminated or waits for approval. */
export async function pauseAgentIfAllowed(tx: Sql, agentId: string, reason: PauseReason): Promise<AgentRow | null> {
  return one(
    tx,
    `UPDATE agents SET status = 'paused', pause_reason = $2, paused_at = coalesce(paused_at, now()), next_timer_at = NULL,
            updated_at = now()
      WHERE id = $1 AND status NOT IN ('terminated','pending_approval') RETURNING *`,
    [agentId, reason],
  );
}

/** `paused` → `idle`. Null when it is not paused. */
export async function resumeAgentIfPaused(tx: Sql, agentId: string): Promise<AgentRow | null> {
  return one(
    tx,
    `UPDATE agents SET status = 'idle', pause_reason = NULL, paused_at = NULL, updated_at = now()
      WHERE id = $1 AND status = 'paused' RETURNING *`,
    [agentId],
  );
}

/** → `terminated`: pause and timer cleared, keys revoked, deferred requests cancelled. Null when it was already. */
export async function terminateAgentIfLiving(tx: Sql, agentId: string, text: string): Promise<AgentRow | null> {
  return one(
    tx,
    `WITH agent AS (
       UPDATE agents SET status = 'terminated', pause_reason = NULL, paused_at = NULL, next_timer_at = NULL, updated_at = now()
        WHERE id = $1 AND status <> 'terminated' RETURNING *
     ), keys AS (
       UPDATE agent_api_keys k SET revoked_at = now() FROM agent WHERE k.agent_id = agent.id AND k.revoked_at IS NULL
     ), deferred AS (
       UPDATE agent_wakeup_requests w SET status = 'cancelled', error = $2, finished_at = now(), updated_at = now(),
              receipts = ${withReceipt("w", "$3::jsonb")},
              idempotency_key = CASE WHEN w.requested_by_actor_type = 'system' THEN NULL ELSE w.idempotency_key END
         FROM agent WHERE w.agent_id = agent.id AND w.status = 'deferred_issue_execution'
     )
     SELECT * FROM agent`,
    [agentId, text, receiptParam({ rule: "AL-12", outcome: "cancelled", facts: { error: text } })],
  );
}
