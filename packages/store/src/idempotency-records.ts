/**
 * Records of POST requests that may be repeated (`idempotency_records`, API-308). A record's id is the attempt that holds it:
 * taking over the key of an attempt that died gives the record a new id, and whatever the old attempt still does is refused.
 */
import type { JsonValue } from "@wakefleet/contracts";
import { toDatabaseJson } from "./database-json.js";
import type { Sql } from "./sql.js";

/** Who asks what under which key. */
export interface RepeatableRequest {
  readonly principal: string;
  readonly route: string;
  readonly key: string;
  readonly fingerprint: string;
  /** The caller's company; null: bound to none. */
  readonly companyId: string | null;
}

/** What is known of a key. */
export type RepeatableState =
  /** Nobody asked, or whoever did died before anything was committed: the caller goes on as this attempt. */
  | { readonly kind: "begun"; readonly attemptId: string }
  | {
      readonly kind: "known";
      readonly fingerprint: string;
      /** The first answer; null while there is none. */
      readonly answer: { readonly status: number; readonly kept: JsonValue } | null;
      /** The first one may still be at work. */
      readonly isUnderWay: boolean;
    };

/** How long a key is kept. */
const KEPT = "interval '24 hours'";

interface RecordRow {
  readonly fingerprint: string;
  readonly status: number | null;
  readonly kept: JsonValue;
  readonly underWay: boolean;
  readonly free: boolean;
}

/**
 * Begins an attempt or tells what is known. An attempt that committed nothing within `attemptMs` counts as dead; it may be
 * alive all the same, which is why its transactions ask for their record (`markAttempt`).
 */
export async function beginRepeatable(
  sql: Sql,
  asked: { readonly request: RepeatableRequest; readonly attemptMs: number },
): Promise<RepeatableState> {
  const { request, attemptMs } = asked;
  const { principal, route, key, fingerprint, companyId } = request;
  for (;;) {
    // Looked at without a lock first: whoever repeats while the first one is at work is told so at once.
    const [known] = await sql.query<RecordRow>(
      `SELECT fingerprint, response_status AS status, response_json AS kept,
              created_at > now() - $4 * interval '1 millisecond' AS "underWay",
              expires_at <= now() OR (state = 'in_progress' AND created_at <= now() - $4 * interval '1 millisecond') AS free
         FROM idempotency_records WHERE principal = $1 AND route = $2 AND key = $3`,
      [principal, route, key, attemptMs],
    );
    if (known !== undefined && !known.free) {
      const answer = known.status === null ? null : { status: known.status, kept: known.kept };
      return { kind: "known", fingerprint: known.fingerprint, answer, isUnderWay: known.underWay };
    }
    const [begun] = await sql.query<{ id: string }>(
      `INSERT INTO idempotency_records AS r (company_id, principal, route, key, fingerprint, state, expires_at)
       VALUES ($5, $1, $2, $3, $6, 'in_progress', now() + ${KEPT})
       ON CONFLICT (principal, route, key) DO UPDATE SET id = gen_random_uuid(), company_id = $5, fingerprint = $6,
              state = 'in_progress', response_status = NULL, response_json = NULL, created_at = now(), expires_at = now() + ${KEPT}
        WHERE r.expires_at <= now()
           OR (r.state = 'in_progress' AND r.created_at <= now() - $4 * interval '1 millisecond' AND r.fingerprint = $6)
       RETURNING r.id`,
      [principal, route, key, attemptMs, companyId, fingerprint],
    );
    if (begun !== undefined) return { kind: "begun", attemptId: begun.id };
    // A dead attempt of another request keeps its key: that request was the first.
    if (known !== undefined && known.fingerprint !== fingerprint) {
      return { kind: "known", fingerprint: known.fingerprint, answer: null, isUnderWay: false };
    }
  }
}

/**
 * The attempt carries something out, in the transaction that does. False: somebody else holds the key now, and nothing of
 * the transaction may be kept.
 */
export async function markAttempt(tx: Sql, attemptId: string): Promise<boolean> {
  const rows = await tx.query("UPDATE idempotency_records SET state = 'done' WHERE id = $1 RETURNING id", [attemptId]);
  return rows.length > 0;
}

/** Keeps the attempt's answer for whoever repeats the request. */
export async function keepAnswer(
  sql: Sql,
  answer: { readonly attemptId: string; readonly status: number; readonly kept: unknown },
): Promise<void> {
  await sql.query(
    "UPDATE idempotency_records SET state = 'done', response_status = $2, response_json = $3 WHERE id = $1",
    [answer.attemptId, answer.status, toDatabaseJson(answer.kept ?? null)],
  );
}

/** The attempt failed: the key is free again, unless something of it was committed. */
export async function releaseAttempt(sql: Sql, attemptId: string): Promise<void> {
  await sql.query("DELETE FROM idempotency_records WHERE id = $1 AND state = 'in_progress'", [attemptId]);
}

/** Deletes up to `limit` records whose time is over; answers how many. */
export async function forgetRepeatables(sql: Sql, limit: number): Promise<number> {
  const rows = await sql.query(
    `DELETE FROM idempotency_records WHERE id IN (
       SELECT id FROM idempotency_records WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING id`,
    [limit],
  );
  return rows.length;
}
