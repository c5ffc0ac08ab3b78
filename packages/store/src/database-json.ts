/**
 * JSON on its way to and from PostgreSQL: NUL and lone surrogates mended (DM-8), instants revived where a whole row
 * travelled as JSON (one round trip for rows of several kinds).
 */
import type { JsonValue } from "@wakefleet/contracts";
import { wellFormedJson } from "@wakefleet/domain";
import { camelRow, type RunEventRow, type RunRow, type WakeupRow } from "./rows.js";

/** Serialises for a `jsonb` parameter. `Date` becomes ISO text, `undefined` members are left out. */
export function toDatabaseJson(value: unknown): string {
  const text = JSON.stringify(value);
  // The suspicious case is rare: only then is the value walked.
  return /\\u(0000|d[89a-f][0-9a-f]{2})/i.test(text)
    ? JSON.stringify(wellFormedJson(JSON.parse(text) as JsonValue))
    : text;
}

const INSTANT_COLUMNS = new Set([
  "started_at",
  "finished_at",
  "process_started_at",
  "last_output_at",
  "scheduled_retry_at",
  "session_reset_at",
  "issue_comment_retry_queued_at",
  "last_useful_action_at",
  "lease_expires_at",
  "dispatched_at",
  "cancel_requested_at",
  "finalized_at",
  "created_at",
  "updated_at",
  "requested_at",
  "claimed_at",
]);

function reviveRow<Row>(row: Record<string, unknown>): Row {
  const revived: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row)) {
    revived[column] = typeof value === "string" && INSTANT_COLUMNS.has(column) ? new Date(value) : value;
  }
  return camelRow<Row>(revived);
}

/** A `heartbeat_runs` row that came as `to_jsonb(row)`. */
export function runFromJson(row: Record<string, unknown>): RunRow {
  return reviveRow<RunRow>(row);
}

/** An `agent_wakeup_requests` row that came as `to_jsonb(row)`. */
export function wakeupFromJson(row: Record<string, unknown>): WakeupRow {
  return reviveRow<WakeupRow>(row);
}

/** A `heartbeat_run_events` row that came as `to_jsonb(row)`. */
export function runEventFromJson(row: Record<string, unknown>): RunEventRow {
  return reviveRow<RunEventRow>(row);
}
