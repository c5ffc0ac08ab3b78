/**
 * What must be true of the database at any moment (DM-90 to DM-97), whatever was killed in between. One statement, so that
 * every rule is judged on the same snapshot, also while the fleet works.
 */
import type { Sql } from "@wakefleet/store";

export interface Violation {
  /** The rule of the specification that is broken. */
  readonly rule: string;
  /** Which rows break it, with their ids. */
  readonly what: string;
}

export interface InvariantOptions {
  /** How long a terminal run may wait for the rest of its end, ms (DM-96). */
  readonly finalizedWithinMs?: number;
  /** False where limits were lowered under running runs: DM-90 counts against the limit at the claim. */
  readonly limitsStand?: boolean;
  /** False where an operator reset the runtime state (DM-97). */
  readonly totalsStand?: boolean;
}

const ACTIVE = "('queued', 'scheduled_retry', 'running')";
/** Each branch answers `rule, what`. */
const CHECKS = [
  `SELECT 'DM-90', format('agent %s runs %s at once and may run %s', a.id, count(*), a.max_concurrent_runs)
     FROM heartbeat_runs r JOIN agents a ON a.id = r.agent_id WHERE r.status = 'running' AND $2
    GROUP BY a.id HAVING count(*) > a.max_concurrent_runs`,
  `SELECT 'DM-91', format('issue %s is locked by run %s, which is %s', i.id, i.execution_run_id, coalesce(r.status, 'gone'))
     FROM issues i LEFT JOIN heartbeat_runs r ON r.id = i.execution_run_id
    WHERE i.execution_run_id IS NOT NULL
      AND NOT coalesce(r.status IN ${ACTIVE} OR r.finalized_at IS NULL, false)`,
  `SELECT 'DM-92', format('request %s is %s and its run %s is %s', w.id, w.status, w.run_id, coalesce(r.status, 'gone'))
     FROM agent_wakeup_requests w LEFT JOIN heartbeat_runs r ON r.id = w.run_id
    WHERE w.run_id IS NOT NULL AND CASE
            WHEN w.status IN ('queued', 'claimed')
              THEN NOT coalesce(r.status IN ${ACTIVE} OR r.finalized_at IS NULL, false)
            WHEN w.status IN ('completed', 'failed', 'timed_out', 'cancelled') THEN coalesce(r.status, 'queued') IN ${ACTIVE}
            ELSE false END`,
  `SELECT 'DM-93', format('run %s is %s and has %s open requests', r.id, r.status, count(w.id))
     FROM heartbeat_runs r LEFT JOIN agent_wakeup_requests w ON w.run_id = r.id AND w.status IN ('queued', 'claimed')
    WHERE r.status IN ${ACTIVE} GROUP BY r.id HAVING count(w.id) <> 1`,
  `SELECT 'DM-94', format('run %s gave out %s event numbers and has %s, from %s to %s', r.id, r.event_seq, count(e.id),
            min(e.seq), max(e.seq))
     FROM heartbeat_runs r LEFT JOIN heartbeat_run_events e ON e.run_id = r.id
    GROUP BY r.id HAVING count(e.id) <> r.event_seq OR count(DISTINCT e.seq) <> r.event_seq
        OR coalesce(min(e.seq), 1) <> 1 OR coalesce(max(e.seq), 0) <> r.event_seq`,
  `SELECT 'DM-96', format('run %s has been %s since %s and is not finalized', r.id, r.status, r.finished_at)
     FROM heartbeat_runs r
    WHERE r.status NOT IN ${ACTIVE} AND r.finalized_at IS NULL
      AND r.finished_at <= clock_timestamp() - make_interval(secs => $1::float8 / 1000)`,
  `SELECT 'DM-97', format('agent %s booked %s cents and its runtime state says %s', coalesce(s.agent_id, c.agent_id),
            coalesce(c.cents, 0), coalesce(s.total_cost_cents, 0))
     FROM agent_runtime_state s
     FULL JOIN (SELECT agent_id, sum(cost_cents) AS cents FROM cost_events WHERE dedupe_key LIKE 'run:%' GROUP BY agent_id) c
       ON c.agent_id = s.agent_id
    WHERE coalesce(c.cents, 0) <> coalesce(s.total_cost_cents, 0) AND $3`,
  `SELECT 'DM-36', format('running run %s is marked as holding issue %s, which is locked by %s', r.id, r.lock_issue_id,
            coalesce(i.execution_run_id::text, 'nobody'))
     FROM heartbeat_runs r LEFT JOIN issues i ON i.id = r.lock_issue_id
    WHERE r.status = 'running' AND r.lock_issue_id IS NOT NULL AND i.execution_run_id IS DISTINCT FROM r.id`,
  `SELECT 'FI-14', format('request %s waits for issue %s, which nobody works on', w.id, w.issue_id)
     FROM agent_wakeup_requests w
    WHERE w.status = 'deferred_issue_execution' AND NOT EXISTS (
          SELECT 1 FROM heartbeat_runs r
           WHERE r.company_id = w.company_id AND r.issue_id = w.issue_id AND r.status IN ${ACTIVE})`,
] as const;

/** Every foreign key between two tables that both name a company. */
const COMPANY_REFERENCES = `
  SELECT c.conrelid::regclass::text AS "from", c.confrelid::regclass::text AS "to", f.attname AS column, t.attname AS target
    FROM pg_constraint c
    JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = c.conkey[1]
    JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = c.confkey[1]
   WHERE c.contype = 'f' AND array_length(c.conkey, 1) = 1
     AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attname = 'company_id' AND NOT a.attisdropped)
     AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.confrelid AND a.attname = 'company_id' AND NOT a.attisdropped)`;

/** DM-95, for every reference the schema has. */
async function companyChecks(sql: Sql): Promise<string[]> {
  const references = await sql.query<{ from: string; to: string; column: string; target: string }>(COMPANY_REFERENCES);
  return references.map(
    ({ from, to, column, target }) =>
      `SELECT 'DM-95', format('${from} of company %s refers by ${column} to ${to} %s of company %s', f.company_id, t.${target},
              t.company_id)
         FROM ${from} f JOIN ${to} t ON t.${target} = f.${column} WHERE t.company_id <> f.company_id`,
  );
}

/** The violations there are now; none in a healthy database. */
export async function checkInvariants(sql: Sql, options: InvariantOptions = {}): Promise<Violation[]> {
  const checks = [...CHECKS, ...(await companyChecks(sql))];
  const text = checks.map((check) => `SELECT * FROM (${check}) AS one(rule, what)`).join("\nUNION ALL\n");
  return sql.query<Violation>(text, [
    options.finalizedWithinMs ?? 0,
    options.limitsStand ?? true,
    options.totalsStand ?? true,
  ]);
}
