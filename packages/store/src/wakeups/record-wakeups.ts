/**
 * The one writer of new wakeup requests and new runs, and of what a wake changes beside them. One statement, whatever
 * the number of wakes: accepting, promoting a deferred wake and retrying a lost run all end here.
 *
 * A run is born with `dispatched_at` null in the transaction that creates it: that is the outbox (RL-20, DM-34).
 */
import type {
  ActorType,
  Decided,
  InvocationSource,
  JsonObject,
  Receipt,
  TriggerDetail,
  WakeupStatus,
} from "@wakefleet/contracts";
import { EXECUTION_CONTEXT_KEYS } from "@wakefleet/domain";
import { toDatabaseJson } from "../database-json.js";
import { withReceipt } from "../receipt-sql.js";
import { checkedOnly, type Sql } from "../sql.js";

export interface NewWakeupRequest {
  readonly id: string;
  readonly companyId: string;
  readonly agentId: string;
  readonly source: InvocationSource;
  readonly triggerDetail: TriggerDetail | null;
  readonly reason: string | null;
  readonly payload: JsonObject | null;
  readonly status: WakeupStatus;
  readonly coalescedCount: number;
  readonly requestedByActorType: ActorType | null;
  readonly requestedByActorId: string | null;
  readonly idempotencyKey: string | null;
  readonly idempotencyFingerprint: string | null;
  readonly responseStatus: number | null;
  readonly responseJson: JsonObject | null;
  readonly runId: string | null;
  readonly issueId: string | null;
  /** True for a status that is final at once (DM-28). */
  readonly finished: boolean;
  /** BY-1; absent for a request whose run tells it all. */
  readonly receipts?: readonly Receipt[];
}

export interface NewRun {
  readonly id: string;
  readonly companyId: string;
  readonly agentId: string;
  readonly invocationSource: InvocationSource;
  readonly triggerDetail: TriggerDetail | null;
  readonly wakeupRequestId: string;
  readonly contextSnapshot: JsonObject;
  readonly issueId: string | null;
  readonly taskKey: string | null;
  readonly sessionIdBefore: string | null;
  readonly continuationAttempt: number;
  readonly retryOfRunId: string | null;
  readonly processLossRetryCount: number;
  /** Set for a scheduled retry (RT-3): the run waits until then. */
  readonly scheduledRetryAt: Date | null;
  readonly scheduledRetryAttempt: number;
  readonly scheduledRetryReason: string | null;
  /** Why there is this run (BY-1). */
  readonly receipts: readonly Receipt[];
}

export interface MergedRun {
  readonly id: string;
  /** Set when this running run also becomes the holder of the issue's lock (WK-23); null leaves it as it is. */
  readonly lockIssueId: string | null;
  readonly contextSnapshot: JsonObject;
  readonly issueId: string | null;
  readonly taskKey: string | null;
  /** Its place or due time changed: it is in the outbox again (QU-3, DM-34). */
  readonly movesJob?: boolean;
  /** A scheduled retry is due now, by this decision (BY-3). */
  readonly dueNow?: Decided;
}

export interface MergedRequest {
  readonly id: string;
  readonly payload: JsonObject;
  /** How many asks joined it in this transaction. */
  readonly added: number;
}

export interface IssueLockChange {
  readonly issueId: string;
  /** Null clears the lock. */
  readonly runId: string | null;
  readonly agentNameKey: string | null;
  /** The run whose end frees the issue: its checkout goes with it (CO-34). */
  readonly endedRunId?: string;
}

export interface ActivityEntry {
  readonly companyId: string;
  readonly actorType: "agent" | "user" | "system";
  readonly actorId: string;
  readonly action: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly agentId: string | null;
  readonly runId: string | null;
  readonly details: JsonObject | null;
}

export interface WakeupRecord {
  readonly requests: readonly NewWakeupRequest[];
  readonly runs: readonly NewRun[];
  readonly mergedRuns: readonly MergedRun[];
  readonly mergedRequests: readonly MergedRequest[];
  readonly locks: readonly IssueLockChange[];
  readonly activity: readonly ActivityEntry[];
}

/**
 * What a run's worker builds into its context (EX-8): a wake that joins a running run brings its own keys and leaves these as
 * they are, whatever they were when the wake was decided.
 */
const EXECUTION_KEYS = `ARRAY[${EXECUTION_CONTEXT_KEYS.map((key) => `'${key}'`).join(", ")}]`;

/** New requests and runs: what most wakes come to. */
const NEW_ROWS = `
  WITH doc AS (SELECT $1::jsonb AS doc),
  requests AS (
    INSERT INTO agent_wakeup_requests (id, company_id, agent_id, source, trigger_detail, reason, payload, status,
        coalesced_count, requested_by_actor_type, requested_by_actor_id, idempotency_key, idempotency_fingerprint,
        response_status, response_json, run_id, issue_id, finished_at,
        receipts)
    SELECT r.id, r."companyId", r."agentId", r.source, r."triggerDetail", r.reason, r.payload, r.status,
        r."coalescedCount", r."requestedByActorType", r."requestedByActorId", r."idempotencyKey",
        r."idempotencyFingerprint", r."responseStatus", r."responseJson", r."runId", r."issueId",
        CASE WHEN r.finished THEN now() END, coalesce(r.receipts, '[]'::jsonb)
      FROM doc, jsonb_to_recordset(doc.doc->'requests') AS r(id uuid, "companyId" uuid, "agentId" uuid, source text,
        "triggerDetail" text, reason text, payload jsonb, status text, "coalescedCount" int,
        "requestedByActorType" text, "requestedByActorId" text, "idempotencyKey" text, "idempotencyFingerprint" text,
        "responseStatus" int, "responseJson" jsonb, "runId" uuid, "issueId" text, finished boolean,
        receipts jsonb)
  ),
  runs AS (
    INSERT INTO heartbeat_runs (id, company_id, agent_id, invocation_source, trigger_detail, status,
        wakeup_request_id, context_snapshot, issue_id, task_key, session_id_before, continuation_attempt,
        retry_of_run_id, process_loss_retry_count, scheduled_retry_at, scheduled_retry_attempt, scheduled_retry_reason,
        receipts)
    SELECT r.id, r."companyId", r."agentId", r."invocationSource", r."triggerDetail",
        CASE WHEN r."scheduledRetryAt" IS NULL THEN 'queued' ELSE 'scheduled_retry' END,
        r."wakeupRequestId", r."contextSnapshot", r."issueId", r."taskKey", r."sessionIdBefore",
        r."continuationAttempt", r."retryOfRunId", r."processLossRetryCount", r."scheduledRetryAt",
        coalesce(r."scheduledRetryAttempt", 0), r."scheduledRetryReason",
        coalesce(r.receipts, '[]'::jsonb)
      FROM doc, jsonb_to_recordset(doc.doc->'runs') AS r(id uuid, "companyId" uuid, "agentId" uuid,
        "invocationSource" text, "triggerDetail" text, "wakeupRequestId" uuid, "contextSnapshot" jsonb,
        "issueId" text, "taskKey" text, "sessionIdBefore" text, "continuationAttempt" int, "retryOfRunId" uuid,
        "processLossRetryCount" int, "scheduledRetryAt" timestamptz, "scheduledRetryAttempt" int,
        "scheduledRetryReason" text, receipts jsonb)
  )`;

/** A join by the row's id, said once more as a list, so that a few rows are never found by reading all of them. */
function lookedUpBy(part: string, member: string): string {
  return `t.id = ANY(ARRAY(SELECT (e.doc->>'${member}')::uuid FROM doc d, jsonb_array_elements(d.doc->'${part}') AS e(doc)))`;
}

/** What wakes change of rows that are there. */
const CHANGED_ROWS = `
  merged_runs AS (
    UPDATE heartbeat_runs t SET issue_id = m."issueId",
        context_snapshot = CASE WHEN t.status = 'running'
          THEN coalesce(t.context_snapshot, '{}'::jsonb) || (m."contextSnapshot" - ${EXECUTION_KEYS}) ELSE m."contextSnapshot" END,
        task_key = m."taskKey", updated_at = now(),
        scheduled_retry_at = CASE WHEN m."dueNow" IS NOT NULL AND t.status = 'scheduled_retry' THEN now() ELSE t.scheduled_retry_at END,
        dispatched_at = CASE WHEN m."movesJob" AND t.status <> 'running' THEN NULL ELSE t.dispatched_at END,
        receipts = ${withReceipt("t", 'm."dueNow"')},
        lock_issue_id = CASE WHEN t.status = 'running' THEN COALESCE(m."lockIssueId", t.lock_issue_id) END
      FROM doc, jsonb_to_recordset(doc.doc->'mergedRuns') AS m(id uuid, "contextSnapshot" jsonb, "issueId" text,
        "taskKey" text, "lockIssueId" uuid, "movesJob" boolean, "dueNow" jsonb)
     WHERE t.id = m.id AND ${lookedUpBy("mergedRuns", "id")}
       AND ${checkedOnly("t.status IN ('queued','scheduled_retry','running')")}
  ),
  merged_requests AS (
    UPDATE agent_wakeup_requests t SET payload = m.payload, coalesced_count = t.coalesced_count + m.added,
        updated_at = now()
      FROM doc, jsonb_to_recordset(doc.doc->'mergedRequests') AS m(id uuid, payload jsonb, added int)
     WHERE t.id = m.id AND ${lookedUpBy("mergedRequests", "id")}
       AND ${checkedOnly("t.status = 'deferred_issue_execution'")}
  ),
  locks AS (
    UPDATE issues t SET execution_run_id = l."runId", execution_agent_name_key = l."agentNameKey",
        execution_locked_at = CASE WHEN l."runId" IS NULL THEN NULL ELSE now() END, updated_at = now(),
        checkout_run_id = nullif(t.checkout_run_id, l."endedRunId")
      FROM doc, jsonb_to_recordset(doc.doc->'locks')
             AS l("issueId" uuid, "runId" uuid, "agentNameKey" text, "endedRunId" uuid)
     WHERE t.id = l."issueId"
       AND ${lookedUpBy("locks", "issueId")}
  ),
  running_holders AS (
    UPDATE heartbeat_runs t SET lock_issue_id = l."issueId", updated_at = now()
      FROM doc, jsonb_to_recordset(doc.doc->'locks') AS l("issueId" uuid, "runId" uuid)
     WHERE t.id = l."runId" AND ${lookedUpBy("locks", "runId")} AND ${checkedOnly("t.status = 'running'")}
       AND NOT EXISTS (SELECT 1 FROM jsonb_to_recordset(doc.doc->'mergedRuns') AS m(id uuid) WHERE m.id = t.id)
  )`;

const ACTIVITY = `
  INSERT INTO activity_log (company_id, actor_type, actor_id, action, entity_type, entity_id, agent_id, run_id, details)
  SELECT a."companyId", a."actorType", a."actorId", a.action, a."entityType", a."entityId", a."agentId", a."runId", a.details
    FROM doc, jsonb_to_recordset(doc.doc->'activity') AS a("companyId" uuid, "actorType" text, "actorId" text,
      action text, "entityType" text, "entityId" text, "agentId" uuid, "runId" uuid, details jsonb)`;

/** Two texts: PostgreSQL makes every part of a statement ready, also those that turn out to write nothing. */
const RECORD_NEW = `${NEW_ROWS}${ACTIVITY}`;
const RECORD_WAKEUPS = `${NEW_ROWS},${CHANGED_ROWS}${ACTIVITY}`;

/** Writes what was decided. The caller holds the locks of the agents and issues concerned. */
export async function recordWakeups(tx: Sql, record: WakeupRecord): Promise<void> {
  const changes = record.mergedRuns.length + record.mergedRequests.length + record.locks.length;
  if (changes === 0) await tx.query(RECORD_NEW, [toDatabaseJson(record)], "record_new_wakeups");
  else await tx.query(RECORD_WAKEUPS, [toDatabaseJson(record)], "record_wakeups");
}
