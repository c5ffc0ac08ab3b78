/** What is known of the runs of one session of one agent (SE-44 to SE-46, SE-49): by index, never by reading results. */
import type { SessionHistory } from "@wakefleet/domain";
import type { Sql } from "../sql.js";

/** Null: no run of this agent ended with that session. `limit` bounds the count (SE-44). */
export async function readSessionHistory(
  sql: Sql,
  session: { readonly agentId: string; readonly sessionId: string; readonly limit: number },
): Promise<SessionHistory | null> {
  const rows = await sql.query<SessionHistory["newest"] & { runs: number; oldest: Date }>(
    `SELECT n.created_at AS "createdAt", n.usage_json AS "usageJson", n.result_json AS "resultJson", n.error,
            (SELECT count(*)::int FROM (SELECT 1 FROM heartbeat_runs c
               WHERE c.agent_id = $1 AND c.session_id_after = $2 LIMIT $3) counted) AS runs,
            (SELECT o.created_at FROM heartbeat_runs o WHERE o.agent_id = $1 AND o.session_id_after = $2
              ORDER BY o.created_at LIMIT 1) AS oldest
       FROM heartbeat_runs n WHERE n.agent_id = $1 AND n.session_id_after = $2
      ORDER BY n.created_at DESC, n.id DESC LIMIT 1`,
    [session.agentId, session.sessionId, session.limit],
    "read_session_history",
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { runs, oldest: oldestCreatedAt, ...newest } = row;
  return { runs, newest, oldestCreatedAt };
}
