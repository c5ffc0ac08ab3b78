/** EX-8, EX-11, LG-5: what a worker writes while its run goes on. Every statement is fenced. */
import type { JsonObject } from "@wakefleet/contracts";
import { toDatabaseJson } from "../database-json.js";
import type { RunTreeRow } from "../rows.js";
import { type Sql, uuidOf } from "../sql.js";
import { entriesOf, type LeaseNotes, type NewLease, takeLease } from "./environment-lease.js";
import type { RunFence } from "./fence.js";

export interface RunStart {
  /** Keys of the context that this execution does not have any more (CX-12). */
  readonly removedKeys: readonly string[];
  /** Keys it built. */
  readonly contextKeys: JsonObject;
  /** SE-37. */
  readonly sessionIdBefore: string | null;
  /** EN-21; null takes none. */
  readonly lease: NewLease | null;
}

/**
 * Stores what the adapter is given (EX-8, CX-1 step 16): of the context only the keys that the execution built, so that a
 * wake that joined meanwhile is not overwritten. The run's lease is taken with it. Answers the activity rows, or null when
 * the fence refused.
 */
export async function storeStartIfHeld(sql: Sql, fence: RunFence, start: RunStart): Promise<LeaseNotes | null> {
  const rows = await sql.query<{ notes: LeaseNotes }>(
    `WITH run AS (
     UPDATE heartbeat_runs SET context_snapshot = (coalesce(context_snapshot, '{}'::jsonb) - $5::text[]) || $4::jsonb,
            session_id_before = $6, updated_at = now()
      WHERE id = $1 AND worker_id = $2 AND claim_token = $3 AND status = 'running'
     RETURNING id, company_id, agent_id, issue_id
     ), ${takeLease("$7::jsonb", uuidOf("run.issue_id"))}
     SELECT ${entriesOf("lease_note")} AS notes FROM run`,
    [
      fence.runId,
      fence.workerId,
      fence.claimToken,
      toDatabaseJson(start.contextKeys),
      start.removedKeys,
      start.sessionIdBefore,
      toDatabaseJson(start.lease),
    ],
    "store_start_if_held",
  );
  return rows[0]?.notes ?? null;
}

/** EX-11: the child's identity is stored at once. Answers false when the fence refused. */
export async function storeSpawnIfHeld(
  sql: Sql,
  fence: RunFence,
  child: { pid: number; processGroupId: number | null; startedAt: Date },
): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE heartbeat_runs SET process_pid = $4, process_group_id = $5, process_started_at = $6, updated_at = now()
      WHERE id = $1 AND worker_id = $2 AND claim_token = $3 AND status = 'running' RETURNING id`,
    [fence.runId, fence.workerId, fence.claimToken, child.pid, child.processGroupId, child.startedAt],
    "store_spawn_if_held",
  );
  return rows.length === 1;
}

/** BY-10, for many runs of one worker at once. */
export async function storeRunTrees(
  sql: Sql,
  workerId: string,
  trees: readonly { readonly runId: string; readonly claimToken: number; readonly tree: RunTreeRow | null }[],
): Promise<void> {
  await sql.query(
    `UPDATE heartbeat_runs r SET process_tree = t.tree, updated_at = now()
       FROM jsonb_to_recordset($2::jsonb) AS t("runId" uuid, "claimToken" bigint, tree jsonb)
      WHERE r.id = t."runId" AND r.worker_id = $1 AND r.claim_token = t."claimToken" AND r.status = 'running'`,
    [workerId, JSON.stringify(trees)],
    "store_run_trees",
  );
}

/** BY-6, for many runs of one worker at once: what each told that it has cost so far. */
export async function storeCostSoFar(
  sql: Sql,
  workerId: string,
  costs: readonly { readonly runId: string; readonly claimToken: number; readonly cents: number }[],
): Promise<void> {
  await sql.query(
    `UPDATE heartbeat_runs r SET cost_so_far_cents = c.cents, updated_at = now()
       FROM jsonb_to_recordset($2::jsonb) AS c("runId" uuid, "claimToken" bigint, cents int)
      WHERE r.id = c."runId" AND r.worker_id = $1 AND r.claim_token = c."claimToken" AND r.status = 'running'`,
    [workerId, JSON.stringify(costs)],
    "store_cost_so_far",
  );
}

export interface OutputProgress {
  readonly runId: string;
  readonly claimToken: number;
  readonly lastOutputAt: Date;
  readonly seq: number;
  readonly stream: string;
  readonly bytes: number;
}

/** LG-5, for many runs of one worker at once. */
export async function storeOutputProgress(
  sql: Sql,
  workerId: string,
  progress: readonly OutputProgress[],
): Promise<void> {
  await sql.query(
    `UPDATE heartbeat_runs r SET last_output_at = p."lastOutputAt", last_output_seq = p.seq, last_output_stream = p.stream,
            last_output_bytes = p.bytes, updated_at = now()
       FROM jsonb_to_recordset($2::jsonb) AS p("runId" uuid, "claimToken" bigint, "lastOutputAt" timestamptz, seq int,
            stream text, bytes bigint)
      WHERE r.id = p."runId" AND r.worker_id = $1 AND r.claim_token = p."claimToken" AND r.status = 'running'`,
    [workerId, JSON.stringify(progress)],
    "store_output_progress",
  );
}
