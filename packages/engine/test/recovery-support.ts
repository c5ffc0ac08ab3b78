/** What the tests of sweeps share: their dependencies, rows as they stand, and whether anything changed at all (RC-89). */
import type { ExecutionState, JsonObject, PrincipalRef } from "@wakefleet/contracts";
import { camelRow, type IssueRow, type RunRow, type Sql } from "@wakefleet/store";
import { newId } from "../src/ids.js";
import type { RecoverySweepDeps } from "../src/recovery/recovery-deps.js";
import { silentLog, type World } from "./support.js";

/** A signal that never aborts. */
export const goOn = new AbortController().signal;

export function sweepDeps(world: World): RecoverySweepDeps {
  const { dispatcher, publisher: events } = world.told;
  return { db: world.db, newId, dispatcher, events, log: silentLog };
}

/** A whole execution state in a review stage (EP-1), waiting for `participant`. */
export function reviewState(participant: PrincipalRef | null): JsonObject {
  const state: ExecutionState = {
    status: "pending",
    currentStageId: "22222222-2222-4222-8222-222222222222",
    currentStageIndex: 0,
    currentStageType: "review",
    currentParticipant: participant,
    returnAssignee: null,
    reviewRequest: null,
    completedStageIds: [],
    lastDecisionId: null,
    lastDecisionOutcome: null,
  };
  return { ...state };
}

export async function issueOf(sql: Sql, id: string): Promise<IssueRow> {
  const [row] = await sql.query<object>("SELECT * FROM issues WHERE id = $1", [id]);
  if (row === undefined) throw new Error(`no issue ${id}`);
  return camelRow<IssueRow>(row);
}

/** Issues of an origin, oldest first. */
export async function issuesOfOrigin(sql: Sql, origin: { companyId: string; kind: string }): Promise<IssueRow[]> {
  const rows = await sql.query<object>(
    "SELECT * FROM issues WHERE company_id = $1 AND origin_kind = $2 ORDER BY created_at, issue_number",
    [origin.companyId, origin.kind],
  );
  return rows.map((row) => camelRow<IssueRow>(row));
}

/** Runs of an issue, oldest first. */
export async function runsOf(world: World, issueId: string): Promise<RunRow[]> {
  const rows = await world.db.sql.query<{ id: string }>(
    "SELECT id FROM heartbeat_runs WHERE issue_id = $1 ORDER BY created_at, id",
    [issueId],
  );
  return Promise.all(rows.map(({ id }) => world.run(id)));
}

export function commentsOn(sql: Sql, issueId: string): Promise<{ body: string; author: string | null }[]> {
  return sql.query(
    "SELECT body, author_agent_id AS author FROM issue_comments WHERE issue_id = $1 ORDER BY created_at, id",
    [issueId],
  );
}

/** Ids of what blocks an issue, in order. */
export async function blockersOf(sql: Sql, issueId: string): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    "SELECT issue_id AS id FROM issue_relations WHERE related_issue_id = $1 AND type = 'blocks' ORDER BY created_at, issue_id",
    [issueId],
  );
  return rows.map((row) => row.id);
}

const TABLES = [
  "issues",
  "heartbeat_runs",
  "agent_wakeup_requests",
  "issue_comments",
  "issue_relations",
  "activity_log",
  "heartbeat_run_events",
];

/** Everything a sweep may write, as one text: equal texts mean that no row came, went or changed. */
export async function everything(sql: Sql): Promise<string> {
  const parts = [];
  for (const table of TABLES) {
    const [row] = await sql.query<{ sum: string }>(
      `SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY t.id), '')) AS sum FROM ${table} t`,
    );
    parts.push(`${table} ${row?.sum}`);
  }
  return parts.join("\n");
}
