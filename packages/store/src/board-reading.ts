/**
 * Agents as the queue board lists them (OP-20): those with most work, those a person searches, and one by its queue.
 * Each answers a bounded list, and none asks about agents without work one by one.
 */
import { isGuid } from "@wakefleet/contracts";
import { likeText } from "./conditions.js";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

export interface BoardAgent {
  readonly id: string;
  readonly name: string;
  readonly companyId: string;
  readonly companyName: string;
  readonly status: string;
  readonly maxConcurrentRuns: number;
}

const COLUMNS = "a.id, a.name, a.company_id, c.name AS company_name, a.status, a.max_concurrent_runs";

/** Agents by the number of their active runs, most first. `companyId` null: of every company. */
export async function listBusiestAgents(
  sql: Sql,
  filter: { companyId: string | null; limit: number },
): Promise<BoardAgent[]> {
  const rows = await sql.query<object>(
    `SELECT ${COLUMNS} FROM (
       SELECT agent_id, count(*) AS runs FROM heartbeat_runs
        WHERE status IN ('queued', 'scheduled_retry', 'running') AND ($1::uuid IS NULL OR company_id = $1)
        GROUP BY agent_id ORDER BY runs DESC, agent_id LIMIT $2
     ) busy JOIN agents a ON a.id = busy.agent_id JOIN companies c ON c.id = a.company_id
     ORDER BY busy.runs DESC, a.id`,
    [filter.companyId, filter.limit],
  );
  return rows.map((row) => camelRow<BoardAgent>(row));
}

/** Living agents whose name contains `text`, or whose id it is; those whose name begins with it first. */
export async function searchBoardAgents(
  sql: Sql,
  filter: { companyId: string | null; text: string; limit: number },
): Promise<BoardAgent[]> {
  const anywhere = likeText(filter.text);
  const rows = await sql.query<object>(
    `SELECT ${COLUMNS} FROM agents a JOIN companies c ON c.id = a.company_id
      WHERE a.status <> 'terminated' AND ($1::uuid IS NULL OR a.company_id = $1)
        AND (a.name ILIKE $2 OR a.id = $3::uuid)
      ORDER BY a.name ILIKE $4 DESC, lower(a.name), a.id LIMIT $5`,
    [filter.companyId, anywhere, isGuid(filter.text) ? filter.text : null, anywhere.slice(1), filter.limit],
  );
  return rows.map((row) => camelRow<BoardAgent>(row));
}

/** The agent of a queue; null when there is none or it is another company's. */
export async function findBoardAgent(
  sql: Sql,
  filter: { companyId: string | null; agentId: string },
): Promise<BoardAgent | null> {
  const rows = await sql.query<object>(
    `SELECT ${COLUMNS} FROM agents a JOIN companies c ON c.id = a.company_id
      WHERE a.id = $2 AND ($1::uuid IS NULL OR a.company_id = $1)`,
    [filter.companyId, filter.agentId],
  );
  return rows[0] === undefined ? null : camelRow<BoardAgent>(rows[0]);
}
