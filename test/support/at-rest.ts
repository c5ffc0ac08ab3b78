/**
 * What holds of the database when a fleet has come to rest, whatever was done to it before: nothing runs, waits or is
 * locked, and each event follows its predecessor (RL-1 to RL-4).
 */
import type { Sql } from "@wakefleet/store";

interface Check {
  readonly what: string;
  readonly sql: string;
}

/** Each answers the rows that break it. */
const CHECKS: readonly Check[] = [
  {
    what: "RL-1 every run ended",
    sql: "SELECT id, status FROM heartbeat_runs WHERE status IN ('queued','scheduled_retry','running')",
  },
  {
    what: "RL-1 every request ended",
    sql: "SELECT id, status FROM agent_wakeup_requests WHERE status IN ('queued','claimed','deferred_issue_execution')",
  },
  {
    what: "DM-90 an ended run has no lease, slot or lock and says when it ended",
    sql: `SELECT id FROM heartbeat_runs WHERE status NOT IN ('queued','scheduled_retry','running')
           AND (lease_expires_at IS NOT NULL OR run_slot IS NOT NULL OR lock_issue_id IS NOT NULL OR finished_at IS NULL
                OR finalized_at IS NULL)`,
  },
  {
    what: "DM-41 events of a run are numbered 1..n",
    sql: `SELECT r.id FROM heartbeat_runs r JOIN heartbeat_run_events e ON e.run_id = r.id GROUP BY r.id, r.event_seq
           HAVING min(e.seq) <> 1 OR max(e.seq) <> count(*) OR max(e.seq) <> r.event_seq`,
  },
  {
    what: "FI-3 a run ends once",
    sql: `SELECT run_id FROM heartbeat_run_events WHERE event_type = 'lifecycle'
             AND message IN ('run succeeded','run failed','run cancelled','run timed_out')
           GROUP BY run_id HAVING count(*) > 1`,
  },
  {
    what: "FI-12 no agent is left running",
    sql: "SELECT id FROM agents WHERE status = 'running'",
  },
  {
    what: "RL-4 a lost run is retried once at most",
    sql: "SELECT retry_of_run_id FROM heartbeat_runs WHERE retry_of_run_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1",
  },
  {
    what: "RL-3 no issue is left locked",
    sql: "SELECT id FROM issues WHERE execution_run_id IS NOT NULL",
  },
];

/** What does not hold, with up to five rows that break it. */
export async function brokenAtRest(sql: Sql): Promise<Record<string, unknown[]>> {
  const broken: Record<string, unknown[]> = {};
  for (const check of CHECKS) {
    const rows = await sql.query(check.sql);
    if (rows.length > 0) broken[check.what] = rows.slice(0, 5);
  }
  return broken;
}
