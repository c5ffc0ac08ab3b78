/** FI-8: reading what waits behind an issue's run, and settling the deferred requests. The issue's row lock is held. */
import type { ActorType, AgentStatus, Decided, JsonObject } from "@wakefleet/contracts";
import type { CommentFact, TreeHoldFact } from "@wakefleet/domain";
import { runFromJson } from "../database-json.js";
import { pauseHoldOver } from "../policy/policy-facts-sql.js";
import { receiptParam, withReceipt } from "../receipt-sql.js";
import type { RunRow } from "../rows.js";
import type { Sql } from "../sql.js";
import { SHOWN_SESSION_ID } from "../wakeups/read-wake-facts.js";

export interface WaitingDeferred {
  readonly id: string;
  readonly reason: string | null;
  readonly payload: JsonObject | null;
  readonly source: RunRow["invocationSource"];
  readonly triggerDetail: RunRow["triggerDetail"];
  readonly requestedByActorType: ActorType | null;
  readonly requestedByActorId: string | null;
  readonly agentId: string;
  /** Null when the agent is gone or of another company. */
  readonly agentStatus: AgentStatus | null;
  readonly agentName: string | null;
  readonly sessionIdBefore: string | null;
}

export interface ReleaseFactsRows {
  readonly otherActiveRuns: RunRow[];
  readonly agentNames: ReadonlyMap<string, string>;
  /** Oldest first. */
  readonly deferred: WaitingDeferred[];
}

/** Active runs that name the issue beside `runId`, and its deferred requests. */
export async function readReleaseFacts(
  tx: Sql,
  ids: { companyId: string; issueId: string; runId: string },
): Promise<ReleaseFactsRows> {
  const rows = await tx.query<{ kind: "run" | "deferred"; doc: Record<string, unknown> }>(
    `SELECT 'run' AS kind, to_jsonb(r.*) || jsonb_build_object('agent_name', a.name) AS doc, NULL::timestamptz AS at, r.id
       FROM heartbeat_runs r JOIN agents a ON a.id = r.agent_id
      WHERE r.company_id = $1 AND r.issue_id = $2 AND r.status IN ('queued','scheduled_retry','running') AND r.id <> $3
     UNION ALL
     SELECT 'deferred', jsonb_build_object('id', w.id, 'reason', w.reason, 'payload', w.payload, 'source', w.source,
              'triggerDetail', w.trigger_detail, 'requestedByActorType', w.requested_by_actor_type,
              'requestedByActorId', w.requested_by_actor_id, 'agentId', w.agent_id,
              'agentStatus', a.status, 'agentName', a.name, 'sessionIdBefore', ${SHOWN_SESSION_ID}), w.requested_at, w.id
       FROM agent_wakeup_requests w
       LEFT JOIN agents a ON a.id = w.agent_id AND a.company_id = w.company_id
       LEFT JOIN agent_task_sessions s ON s.company_id = w.company_id AND s.agent_id = w.agent_id
            AND s.adapter_type = a.adapter_type AND s.task_key = $2
      WHERE w.company_id = $1 AND w.issue_id = $2 AND w.status = 'deferred_issue_execution'
      ORDER BY at NULLS FIRST, id`,
    [ids.companyId, ids.issueId, ids.runId],
    "read_release_facts",
  );
  const facts = {
    otherActiveRuns: [] as RunRow[],
    agentNames: new Map<string, string>(),
    deferred: [] as WaitingDeferred[],
  };
  for (const { kind, doc } of rows) {
    if (kind === "run") {
      const { agent_name: name, ...row } = doc;
      const run = runFromJson(row);
      facts.otherActiveRuns.push(run);
      facts.agentNames.set(run.agentId, name as string);
    } else facts.deferred.push(doc as unknown as WaitingDeferred);
  }
  return facts;
}

export interface DeferredHold {
  /** The nearest active pause hold over the issue (TH-10). */
  readonly hold: TreeHoldFact | null;
  /** The comments of the company among those that were asked for. */
  readonly comments: readonly CommentFact[];
}

/** What decides whether deferred requests may pass a pause hold (FI-8, TH-23). Asked only where some wait. */
export async function readDeferredHold(
  tx: Sql,
  asked: { companyId: string; issueId: string; commentIds: readonly string[] },
): Promise<DeferredHold> {
  const rows = await tx.query<DeferredHold>(
    `SELECT ${pauseHoldOver("$1::uuid", "$2::uuid")} AS hold, coalesce((
       SELECT jsonb_agg(jsonb_build_object('id', c.id, 'issueId', c.issue_id, 'authorAgentId', c.author_agent_id,
                'authorUserId', c.author_user_id))
         FROM issue_comments c WHERE c.id = ANY($3::uuid[]) AND c.company_id = $2), '[]'::jsonb) AS comments`,
    [asked.issueId, asked.companyId, asked.commentIds],
    "read_deferred_hold",
  );
  return rows[0] ?? { hold: null, comments: [] };
}

export interface SettledDeferred {
  readonly issueId: string;
  readonly companyId: string;
  readonly failed: { readonly requestIds: readonly string[]; readonly error: string };
  /** Stopped by a pause hold: `cancelled`. */
  readonly suppressed: { readonly requestIds: readonly string[]; readonly error: string };
  readonly promoted: {
    readonly requestId: string;
    readonly agentId: string;
    readonly runId: string;
    readonly reason: string;
    readonly payload: JsonObject;
  } | null;
  /** The run whose end decides this (BY-1). */
  readonly endedRunId: string;
  /** Set when a comment wake reopens a finished issue. */
  readonly reopen: boolean;
}

/**
 * Ends the requests that cannot be promoted, makes the promoted one `queued` with its run, fills that run on the rows
 * that were merged into it (WK-27), and reopens the issue where that was decided.
 */
export async function settleDeferredRequests(tx: Sql, settled: SettledDeferred): Promise<void> {
  await tx.query(
    `WITH ended AS (
       UPDATE agent_wakeup_requests w SET status = e.status, error = e.error, finished_at = now(), updated_at = now(),
              receipts = ${withReceipt("w", "e.receipt")},
              idempotency_key = CASE WHEN requested_by_actor_type = 'system' THEN NULL ELSE idempotency_key END
         FROM (SELECT unnest($1::uuid[]) AS id, 'failed' AS status, $2::text AS error, $11::jsonb AS receipt
               UNION ALL SELECT unnest($13::uuid[]), 'cancelled', $14::text, $15::jsonb) e
        WHERE w.id = e.id AND w.status = 'deferred_issue_execution'
     ), promoted AS (
       UPDATE agent_wakeup_requests SET status = 'queued', reason = $3, run_id = $4, payload = $5::jsonb, updated_at = now(),
              receipts = ${withReceipt("agent_wakeup_requests", "$12::jsonb")}
        WHERE id = $6 AND status = 'deferred_issue_execution'
     ), merged AS (
       UPDATE agent_wakeup_requests SET run_id = $4, updated_at = now(), receipts = ${withReceipt("agent_wakeup_requests", "$12::jsonb")}
        WHERE company_id = $7 AND issue_id = $8::text AND agent_id = $9 AND status = 'coalesced'
          AND reason = 'issue_execution_deferred' AND run_id IS NULL AND $4::uuid IS NOT NULL
     )
     UPDATE issues SET status = 'todo', execution_state = NULL, completed_at = NULL, cancelled_at = NULL, updated_at = now()
      WHERE $10 AND id = $8::text::uuid AND company_id = $7`,
    [
      settled.failed.requestIds,
      settled.failed.error,
      settled.promoted?.reason ?? null,
      settled.promoted?.runId ?? null,
      settled.promoted === null ? null : JSON.stringify(settled.promoted.payload),
      settled.promoted?.requestId ?? null,
      settled.companyId,
      settled.issueId,
      settled.promoted?.agentId ?? null,
      settled.reopen,
      receiptParam(failedReceipt(settled)),
      receiptParam(promotedReceipt(settled)),
      settled.suppressed.requestIds,
      settled.suppressed.error,
      receiptParam(suppressedReceipt(settled)),
    ],
  );
}

/** FI-8: the run it waited behind ended, and its agent could not be woken any more. */
function failedReceipt({ endedRunId, issueId, failed }: SettledDeferred): Decided {
  return { rule: "FI-8", outcome: "refused", facts: { endedRunId, issueId, text: failed.error } };
}

/** FI-8, TH-12: the run it waited behind ended, and a pause hold is over the issue. */
function suppressedReceipt({ endedRunId, issueId, suppressed }: SettledDeferred): Decided {
  return { rule: "FI-8", outcome: "cancelled", facts: { endedRunId, issueId, text: suppressed.error } };
}

/** FI-8: the run it waited behind ended. */
function promotedReceipt({ endedRunId, issueId, promoted }: SettledDeferred): Decided | undefined {
  if (promoted === null) return undefined;
  return { rule: "FI-8", outcome: "promoted", facts: { endedRunId, issueId, runId: promoted.runId } };
}
