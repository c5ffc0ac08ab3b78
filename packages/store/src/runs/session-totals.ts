/** US-1: the raw token totals of the latest earlier run of an agent that ended with the same session. */
import type { Sql } from "../sql.js";

export interface SessionTotals {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
}

/** Null when no earlier run ended with that session, or none reported usage. */
export async function readPreviousSessionTotals(
  sql: Sql,
  ids: { agentId: string; sessionId: string; runId: string },
): Promise<SessionTotals | null> {
  const rows = await sql.query<{ usage: Record<string, unknown> | null }>(
    `SELECT usage_json AS usage FROM heartbeat_runs
      WHERE agent_id = $1 AND session_id_after = $2 AND id <> $3 AND usage_json IS NOT NULL
      ORDER BY created_at DESC LIMIT 1`,
    [ids.agentId, ids.sessionId, ids.runId],
    "read_previous_session_totals",
  );
  const usage = rows[0]?.usage;
  if (usage == null) return null;
  const total = (raw: string, own: string): number => {
    const value = usage[raw] ?? usage[own];
    return typeof value === "number" ? value : 0;
  };
  return {
    inputTokens: total("rawInputTokens", "inputTokens"),
    cachedInputTokens: total("rawCachedInputTokens", "cachedInputTokens"),
    outputTokens: total("rawOutputTokens", "outputTokens"),
  };
}
