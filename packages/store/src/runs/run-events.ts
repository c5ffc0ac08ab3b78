/**
 * Run events (LG-6, DM-40, DM-41): numbers from 1 without gaps or doubles, because the next one is given out by the
 * increment of `event_seq` in the very statement that inserts. Payloads come in already bounded.
 */
import type { EventLevel, JsonValue } from "@wakefleet/contracts";
import { toDatabaseJson } from "../database-json.js";
import { camelRow, type RunEventRow } from "../rows.js";
import type { Sql } from "../sql.js";
import type { RunFence } from "./fence.js";

export interface NewRunEvent {
  readonly eventType: string;
  readonly stream: "stdout" | "stderr" | "system" | null;
  readonly level: EventLevel | null;
  readonly color?: string | null;
  readonly message: string | null;
  readonly payload: JsonValue;
}

const INSERT_EVENTS = `
  INSERT INTO heartbeat_run_events (company_id, run_id, agent_id, seq, event_type, stream, level, color, message, payload)
  SELECT run.company_id, run.id, run.agent_id, run.event_seq - jsonb_array_length($1::jsonb) + e.n, e.doc->>'eventType',
         e.doc->>'stream', e.doc->>'level', e.doc->>'color', e.doc->>'message', nullif(e.doc->'payload', 'null'::jsonb)
    FROM run, jsonb_array_elements($1::jsonb) WITH ORDINALITY AS e(doc, n)
  RETURNING *`;

/** Appends events for the worker that holds the run. Answers the rows, or none when the fence refused. */
export async function appendRunEventsIfHeld(
  sql: Sql,
  fence: RunFence,
  events: readonly NewRunEvent[],
  { leaseMs = null }: { readonly leaseMs?: number | null } = {},
): Promise<RunEventRow[]> {
  const rows = await sql.query<Record<string, unknown>>(
    `WITH run AS (
       UPDATE heartbeat_runs SET event_seq = event_seq + jsonb_array_length($1::jsonb), updated_at = now(),
              lease_expires_at = coalesce(clock_timestamp() + make_interval(secs => $5::float8 / 1000), lease_expires_at)
        WHERE id = $2 AND worker_id = $3 AND claim_token = $4 AND status = 'running'
       RETURNING id, company_id, agent_id, event_seq
     ) ${INSERT_EVENTS}`,
    [toDatabaseJson(events), fence.runId, fence.workerId, fence.claimToken, leaseMs],
    "append_run_events_if_held",
  );
  return rows.map((row) => camelRow<RunEventRow>(row));
}

/**
 * PL-2: the child of a run whose warning says that it is detached was heard of. Clears the warning and says so once;
 * answers the event, or none when there was no warning or the fence refused.
 */
export async function clearDetachedIfHeld(sql: Sql, fence: RunFence): Promise<RunEventRow[]> {
  const rows = await sql.query<Record<string, unknown>>(
    `WITH run AS (
       UPDATE heartbeat_runs SET error = NULL, error_code = NULL, event_seq = event_seq + 1, updated_at = now()
        WHERE id = $2 AND worker_id = $3 AND claim_token = $4 AND status = 'running' AND error_code = 'process_detached'
       RETURNING id, company_id, agent_id, event_seq
     ) ${INSERT_EVENTS}`,
    [toDatabaseJson([DETACHED_CLEARED]), fence.runId, fence.workerId, fence.claimToken],
    "clear_detached_if_held",
  );
  return rows.map((row) => camelRow<RunEventRow>(row));
}

const DETACHED_CLEARED: NewRunEvent = {
  eventType: "lifecycle",
  stream: "system",
  level: "info",
  message: "Detached child process reported activity; cleared detached warning",
  payload: null,
};

/** Appends events inside a transaction that has just made a transition of the run itself. */
export async function appendRunEvents(tx: Sql, runId: string, events: readonly NewRunEvent[]): Promise<RunEventRow[]> {
  const rows = await tx.query<Record<string, unknown>>(
    `WITH run AS (
       UPDATE heartbeat_runs SET event_seq = event_seq + jsonb_array_length($1::jsonb), updated_at = now()
        WHERE id = $2 RETURNING id, company_id, agent_id, event_seq
     ) ${INSERT_EVENTS}`,
    [toDatabaseJson(events), runId],
    "append_run_events",
  );
  return rows.map((row) => camelRow<RunEventRow>(row));
}
