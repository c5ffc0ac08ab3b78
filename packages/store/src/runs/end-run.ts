/**
 * waiting | running → terminal, and what must change in the same instant (FI-1, FI-3, FI-11, FI-12): the only writer of
 * these transitions. The guard is in the WHERE clause: the holder's fence, a waiting status, or an expired lease.
 *
 * Everything but the issue's release is one statement; the release (FI-8) is written beside it in the same transaction,
 * so an end is whole or did not happen (FI-14).
 */
import type {
  AgentStatus,
  CancelKind,
  Decided,
  JsonObject,
  TerminalRunStatus,
  WakeupStatus,
} from "@wakefleet/contracts";
import { failedLiveness, type RunLiveness, redactEvidence } from "@wakefleet/domain";
import { COUNT_COSTS } from "../budget/counters.js";
import { runEventFromJson, runFromJson, toDatabaseJson } from "../database-json.js";
import { withReceipt } from "../receipt-sql.js";
import type { RunEventRow, RunRow } from "../rows.js";
import { checkedOnly, type Sql, uuidOf } from "../sql.js";
import { entriesOf, type LeaseNotes, RELEASE_LEASES } from "./environment-lease.js";
import type { NewRunEvent } from "./run-events.js";

/** Who may end the run: the guard of the transition. */
export type EndGuard =
  /** The worker that holds it. */
  | {
      readonly kind: "held";
      readonly workerId: string;
      readonly claimToken: number;
      /** The outcome takes a cancel into account; without it a run that was asked to cancel is not ended (cancel wins). */
      readonly cancelSeen: boolean;
    }
  /** Nobody started it yet: `queued` or `scheduled_retry`. */
  | { readonly kind: "waiting" }
  /** Its lease is over under this token: whoever recovers it ends it and takes the token away (DM-33). */
  | { readonly kind: "orphaned"; readonly claimToken: number };

export interface CostInput {
  readonly provider: string;
  readonly biller: string;
  readonly model: string;
  readonly billingType: string;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly costCents: number;
}

/** What the run leaves for the next one (FI-11, SE-50 to SE-58). Nothing of it is written after a reset (SE-63). */
export interface SessionInput {
  readonly adapterType: string;
  /** SE-5; null: only the agent's own session is written (SE-7). */
  readonly taskKey: string | null;
  /** As they are stored. */
  readonly params: JsonObject | null;
  readonly displayId: string | null;
  /** Whole (SE-17): the agent's own session, and what an explicit resume of the run resumes. */
  readonly sessionId: string | null;
  /** What becomes of the task session's row. */
  readonly taskSession: "written" | "removed" | "left";
  /** Of the task session; null after a success. */
  readonly lastError: string | null;
}

export interface EndRunInput {
  readonly runId: string;
  readonly guard: EndGuard;
  readonly status: TerminalRunStatus;
  readonly error: string | null;
  readonly errorCode: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly usageJson: JsonObject | null;
  readonly resultJson: JsonObject | null;
  readonly sessionIdAfter: string | null;
  readonly stdoutExcerpt: string | null;
  readonly stderrExcerpt: string | null;
  readonly log: { readonly bytes: number; readonly sha256: string; readonly compressed: boolean } | null;
  readonly progress: {
    readonly at: Date;
    readonly seq: number;
    readonly stream: string;
    readonly bytes: number;
  } | null;
  readonly cancelKind: CancelKind | null;
  readonly cancelRecover: boolean | null;
  /** FI-3: the request's status and its error text. */
  readonly requestStatus: Extract<WakeupStatus, "completed" | "failed" | "cancelled" | "timed_out" | "skipped">;
  readonly requestError: string | null;
  readonly events: readonly NewRunEvent[];
  /** US-3; null writes no cost event. */
  readonly cost: CostInput | null;
  /** Null leaves every session as it is. */
  readonly session: SessionInput | null;
  /** FI-12; false for ends that leave the agent's status alone. */
  readonly settlesAgent: boolean;
  /** The agent's timer interval, seconds; null when the timer is off (WK-51). */
  readonly timerIntervalSec: number | null;
  /** What decided (BY-1). */
  readonly receipt?: Decided;
  /** FI-2; absent: what LV-40 says of a run that did not succeed. */
  readonly liveness?: RunLiveness;
}

export interface EndedRun {
  readonly run: RunRow;
  readonly events: RunEventRow[];
  readonly agentStatus: AgentStatus;
  readonly lastHeartbeatAt: Date | null;
  /** The cost event this end wrote, by its project (BU-41); null when it wrote none. */
  readonly booked: { readonly projectId: string | null } | null;
  /**
   * The issues whose execution lock the run holds, its own among them. Complete only where the run's row was locked by an
   * earlier statement of the transaction.
   */
  readonly heldIssueIds: readonly string[];
  /** The activity rows of the leases it released (FI-13). */
  readonly leaseNotes: LeaseNotes;
}

const END_RUN = `
  WITH doc AS (SELECT $1::jsonb AS d),
  run AS (
    UPDATE heartbeat_runs r SET
        status = d->>'status', finished_at = now(), error = d->>'error', error_code = d->>'errorCode',
        exit_code = (d->>'exitCode')::int, signal = d->>'signal',
        usage_json = nullif(d->'usageJson', 'null'::jsonb), result_json = nullif(d->'resultJson', 'null'::jsonb),
        session_id_after = d->>'sessionIdAfter', resumable_session_id = d#>>'{session,sessionId}',
        stdout_excerpt = coalesce(d->>'stdoutExcerpt', r.stdout_excerpt),
        stderr_excerpt = coalesce(d->>'stderrExcerpt', r.stderr_excerpt),
        log_bytes = coalesce((d#>>'{log,bytes}')::bigint, r.log_bytes), log_sha256 = coalesce(d#>>'{log,sha256}', r.log_sha256),
        log_compressed = coalesce((d#>>'{log,compressed}')::boolean, r.log_compressed),
        last_output_at = coalesce((d#>>'{progress,at}')::timestamptz, r.last_output_at),
        last_output_seq = coalesce((d#>>'{progress,seq}')::int, r.last_output_seq),
        last_output_stream = coalesce(d#>>'{progress,stream}', r.last_output_stream),
        last_output_bytes = coalesce((d#>>'{progress,bytes}')::bigint, r.last_output_bytes),
        cancel_kind = coalesce(r.cancel_kind, d->>'cancelKind'),
        cancel_recover = coalesce(r.cancel_recover, (d->>'cancelRecover')::boolean),
        claim_token = r.claim_token + CASE WHEN $3 = 'orphaned' THEN 1 ELSE 0 END,
        start_token = CASE WHEN $3 = 'orphaned' THEN NULL ELSE r.start_token END,
        liveness_state = d#>>'{liveness,state}', liveness_reason = d#>>'{liveness,reason}',
        continuation_attempt = coalesce((d#>>'{liveness,continuationAttempt}')::int, r.continuation_attempt),
        last_useful_action_at = (d#>>'{liveness,lastUsefulActionAt}')::timestamptz,
        next_action = d#>>'{liveness,nextAction}',
        lease_expires_at = NULL, run_slot = NULL, lock_issue_id = NULL,
        event_seq = r.event_seq + jsonb_array_length(d->'events'),
        finalized_at = now(), end_state = NULL, receipts = ${withReceipt("r", "nullif(d->'receipt', 'null'::jsonb)")},
        updated_at = now()
      FROM doc
     WHERE r.id = $2
       AND CASE $3
             WHEN 'held' THEN r.status = 'running' AND r.worker_id = $4 AND r.claim_token = $5
               AND ($6 OR r.cancel_requested_at IS NULL)
             WHEN 'waiting' THEN r.status IN ('queued','scheduled_retry')
             WHEN 'orphaned' THEN r.status = 'running' AND r.claim_token = $5 AND r.lease_expires_at < clock_timestamp()
             ELSE false
           END
    RETURNING r.*
  ),
  request AS (
    UPDATE agent_wakeup_requests w SET status = d->>'requestStatus', finished_at = now(), error = d->>'requestError',
        updated_at = now()
      FROM run, doc WHERE w.id = run.wakeup_request_id AND ${checkedOnly("w.status IN ('queued','claimed')")}
  ),
  events AS (
    INSERT INTO heartbeat_run_events (company_id, run_id, agent_id, seq, event_type, stream, level, message, payload)
    SELECT run.company_id, run.id, run.agent_id, run.event_seq - jsonb_array_length(d->'events') + e.n,
           e.doc->>'eventType', e.doc->>'stream', e.doc->>'level', e.doc->>'message', nullif(e.doc->'payload', 'null'::jsonb)
      FROM run, doc, jsonb_array_elements(d->'events') WITH ORDINALITY AS e(doc, n)
    RETURNING *
  ),
  state AS (
    INSERT INTO agent_runtime_state AS s (agent_id, company_id, adapter_type, last_run_id, last_run_status, last_error,
        total_input_tokens, total_cached_input_tokens, total_output_tokens, total_cost_cents, session_id)
    SELECT run.agent_id, run.company_id, a.adapter_type, run.id, run.status, run.error,
           coalesce((d#>>'{cost,inputTokens}')::bigint, 0), coalesce((d#>>'{cost,cachedInputTokens}')::bigint, 0),
           coalesce((d#>>'{cost,outputTokens}')::bigint, 0), coalesce((d#>>'{cost,costCents}')::bigint, 0),
           CASE WHEN run.session_reset_at IS NULL THEN d#>>'{session,sessionId}' END
      FROM run JOIN agents a ON a.id = run.agent_id, doc
     WHERE $3 = 'held'
    ON CONFLICT (agent_id) DO UPDATE SET adapter_type = excluded.adapter_type, last_run_id = excluded.last_run_id,
        last_run_status = excluded.last_run_status, last_error = excluded.last_error,
        total_input_tokens = s.total_input_tokens + excluded.total_input_tokens,
        total_cached_input_tokens = s.total_cached_input_tokens + excluded.total_cached_input_tokens,
        total_output_tokens = s.total_output_tokens + excluded.total_output_tokens,
        total_cost_cents = s.total_cost_cents + excluded.total_cost_cents,
        session_id = CASE WHEN (SELECT jsonb_typeof(d->'session') = 'object' AND run.session_reset_at IS NULL FROM doc, run)
                          THEN excluded.session_id ELSE s.session_id END,
        updated_at = now()
  ),
  task_session AS (
    INSERT INTO agent_task_sessions AS t (company_id, agent_id, adapter_type, task_key, session_params_json,
        session_display_id, last_run_id, last_error)
    SELECT run.company_id, run.agent_id, d#>>'{session,adapterType}', d#>>'{session,taskKey}',
           nullif(d#>'{session,params}', 'null'::jsonb), d#>>'{session,displayId}', run.id, d#>>'{session,lastError}'
      FROM run, doc
     WHERE d#>>'{session,taskSession}' = 'written' AND run.session_reset_at IS NULL
    ON CONFLICT (company_id, agent_id, adapter_type, task_key) DO UPDATE SET
        session_params_json = excluded.session_params_json, session_display_id = excluded.session_display_id,
        last_run_id = excluded.last_run_id, last_error = excluded.last_error, updated_at = now()
  ),
  task_session_cleared AS (
    DELETE FROM agent_task_sessions t USING run, doc
     WHERE t.company_id = run.company_id AND t.agent_id = run.agent_id AND t.adapter_type = d#>>'{session,adapterType}'
       AND t.task_key = d#>>'{session,taskKey}'
       AND d#>>'{session,taskSession}' = 'removed' AND run.session_reset_at IS NULL
  ),
  cost AS (
    INSERT INTO cost_events (company_id, agent_id, issue_id, project_id, heartbeat_run_id, provider, model, biller,
        billing_type, input_tokens, cached_input_tokens, output_tokens, cost_cents, occurred_at, dedupe_key)
    SELECT run.company_id, run.agent_id, i.id, p.id, run.id, c.provider, c.model, c.biller, c."billingType",
           c."inputTokens", c."cachedInputTokens", c."outputTokens", c."costCents", now(), 'run:' || run.id
      FROM run CROSS JOIN doc
      CROSS JOIN jsonb_to_record(d->'cost') AS c(provider text, model text, biller text, "billingType" text,
             "inputTokens" int, "cachedInputTokens" int, "outputTokens" int, "costCents" int)
      LEFT JOIN issues i ON i.id = ${uuidOf("run.issue_id")} AND i.company_id = run.company_id
      LEFT JOIN projects p ON p.id = coalesce(i.project_id, ${uuidOf("run.context_snapshot->>'projectId'")})
           AND p.company_id = run.company_id
     WHERE jsonb_typeof(d->'cost') = 'object'
    ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
    RETURNING company_id, agent_id, project_id, occurred_at, cost_cents
  ),
  ${COUNT_COSTS},
  ${RELEASE_LEASES},
  agent AS (
    UPDATE agents a SET
        status = CASE
          WHEN a.status IN ('paused','terminated','pending_approval') THEN a.status
          WHEN EXISTS (SELECT 1 FROM heartbeat_runs o WHERE o.agent_id = a.id AND o.status = 'running' AND o.id <> run.id) THEN 'running'
          WHEN run.status IN ('succeeded','cancelled') THEN 'idle'
          ELSE 'error' END,
        last_heartbeat_at = now(),
        next_timer_at = CASE WHEN a.next_timer_at IS NULL OR d->>'timerIntervalSec' IS NULL THEN a.next_timer_at
          ELSE greatest(a.next_timer_at, now() + make_interval(secs => (d->>'timerIntervalSec')::float8)) END,
        updated_at = now()
      FROM run, doc WHERE a.id = run.agent_id AND (d->>'settlesAgent')::boolean
    RETURNING a.status, a.last_heartbeat_at
  )
  SELECT to_jsonb(run.*) AS run,
         coalesce((SELECT jsonb_agg(to_jsonb(events.*) ORDER BY events.seq) FROM events), '[]'::jsonb) AS events,
         coalesce((SELECT status FROM agent), (SELECT a.status FROM agents a WHERE a.id = run.agent_id)) AS agent_status,
         (SELECT last_heartbeat_at FROM agent) AS last_heartbeat_at, ${entriesOf("lease_note")} AS lease_notes,
         (SELECT jsonb_build_object('projectId', cost.project_id) FROM cost) AS booked,
         (SELECT coalesce(array_agg(i.id), '{}') FROM issues i
           WHERE i.execution_run_id = run.id AND i.company_id = run.company_id) AS held_issue_ids
    FROM run`;

interface EndRow {
  run: Record<string, unknown>;
  events: Record<string, unknown>[];
  agent_status: AgentStatus;
  last_heartbeat_at: Date | null;
  booked: { projectId: string | null } | null;
  held_issue_ids: string[];
  lease_notes: LeaseNotes;
}

/** The five fields of LV-10 as the statement takes them. */
function livenessDoc({ liveness, status, errorCode }: EndRunInput): JsonObject | null {
  if (liveness === undefined) return status === "succeeded" ? null : failedLiveness(status, errorCode);
  const { state, reason, nextAction, continuationAttempt, lastUsefulActionAtMs } = liveness;
  const at = lastUsefulActionAtMs === null ? null : new Date(lastUsefulActionAtMs).toISOString();
  return { state, reason, nextAction, continuationAttempt, lastUsefulActionAt: at };
}

/** Ends the run if the guard still holds; `null` when somebody else was faster. */
export async function endRunIf(tx: Sql, input: EndRunInput): Promise<EndedRun | null> {
  const { runId, guard, ...doc } = input;
  const rows = await tx.query<EndRow>(
    END_RUN,
    [
      toDatabaseJson({
        ...doc,
        liveness: livenessDoc(input),
        failureReason: input.error === null ? null : redactEvidence(input.error),
      }),
      runId,
      guard.kind,
      guard.kind === "held" ? guard.workerId : null,
      guard.kind === "waiting" ? null : guard.claimToken,
      guard.kind === "held" ? guard.cancelSeen : true,
    ],
    "end_run",
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    run: runFromJson(row.run),
    events: row.events.map(runEventFromJson),
    agentStatus: row.agent_status,
    lastHeartbeatAt: row.last_heartbeat_at,
    booked: row.booked,
    heldIssueIds: row.held_issue_ids,
    leaseNotes: row.lease_notes,
  };
}
