/**
 * Subtree holds (DM-68, TH-6): the only writer of holds and of their members. Members are a snapshot for display and for a
 * restore; the gate never reads them.
 */
import type { ActorType, JsonObject, TreeHoldMode, TreeHoldStatus } from "@wakefleet/contracts";
import type { HoldMember, TreeHoldFact } from "@wakefleet/domain";
import { Conditions } from "../conditions.js";
import { toDatabaseJson } from "../database-json.js";
import { pauseHoldOver } from "../policy/policy-facts-sql.js";
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

/** `issue_tree_holds`. */
export interface TreeHoldRow {
  id: string;
  companyId: string;
  rootIssueId: string;
  mode: TreeHoldMode;
  status: TreeHoldStatus;
  reason: string | null;
  releasePolicy: JsonObject | null;
  createdByActorType: ActorType;
  createdByAgentId: string | null;
  createdByUserId: string | null;
  createdByRunId: string | null;
  releasedAt: Date | null;
  releasedByActorType: ActorType | null;
  releasedByAgentId: string | null;
  releasedByUserId: string | null;
  releasedByRunId: string | null;
  releaseReason: string | null;
  releaseMetadata: JsonObject | null;
  createdAt: Date;
  updatedAt: Date;
}

/** `issue_tree_hold_members`. */
export interface TreeHoldMemberRow {
  id: string;
  companyId: string;
  holdId: string;
  issueId: string;
  parentIssueId: string | null;
  depth: number;
  issueIdentifier: string | null;
  issueTitle: string;
  issueStatus: string;
  assigneeAgentId: string | null;
  assigneeUserId: string | null;
  activeRunId: string | null;
  activeRunStatus: string | null;
  skipped: boolean;
  skipReason: string | null;
  createdAt: Date;
}

export type TreeHoldWithMembers = TreeHoldRow & { members: TreeHoldMemberRow[] };

/** Who creates or releases a hold. */
export interface HoldActor {
  readonly type: ActorType;
  readonly agentId: string | null;
  readonly userId: string | null;
  readonly runId: string | null;
}

export interface NewTreeHold {
  readonly companyId: string;
  readonly rootIssueId: string;
  readonly mode: TreeHoldMode;
  readonly reason: string | null;
  readonly releasePolicy: JsonObject;
  readonly actor: HoldActor;
  readonly members: readonly HoldMember[];
}

/** Stores an active hold with its members. */
export async function insertTreeHold(tx: Sql, hold: NewTreeHold): Promise<TreeHoldRow> {
  const { actor, members } = hold;
  const rows = await tx.query<object>(
    `INSERT INTO issue_tree_holds (company_id, root_issue_id, mode, reason, release_policy, created_by_actor_type,
                                   created_by_agent_id, created_by_user_id, created_by_run_id, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp()) RETURNING *`,
    [
      hold.companyId,
      hold.rootIssueId,
      hold.mode,
      hold.reason,
      toDatabaseJson(hold.releasePolicy),
      actor.type,
      actor.agentId,
      actor.userId,
      actor.runId,
    ],
  );
  if (rows[0] === undefined) throw new Error("inserting a tree hold returned no row");
  const row = camelRow<TreeHoldRow>(rows[0]);
  await tx.query(
    `INSERT INTO issue_tree_hold_members (company_id, hold_id, issue_id, parent_issue_id, depth, issue_identifier,
                                          issue_title, issue_status, assignee_agent_id, assignee_user_id,
                                          active_run_id, active_run_status, skipped, skip_reason)
     SELECT $1, $2, m.issue_id, m.parent_id, m.depth, m.identifier, m.title, m.status, m.agent_id, m.user_id,
            m.run_id, m.run_status, m.skip_reason IS NOT NULL, m.skip_reason
       FROM unnest($3::uuid[], $4::uuid[], $5::int[], $6::text[], $7::text[], $8::text[], $9::uuid[], $10::text[],
                   $11::uuid[], $12::text[], $13::text[])
         AS m (issue_id, parent_id, depth, identifier, title, status, agent_id, user_id, run_id, run_status, skip_reason)`,
    [
      hold.companyId,
      row.id,
      members.map(({ issue }) => issue.id),
      members.map(({ issue }) => issue.parentId),
      members.map(({ issue }) => issue.depth),
      members.map(({ issue }) => issue.identifier),
      members.map(({ issue }) => issue.title),
      members.map(({ issue }) => issue.status),
      members.map(({ issue }) => issue.assigneeAgentId),
      members.map(({ issue }) => issue.assigneeUserId),
      members.map(({ issue }) => issue.runs[0]?.id ?? null),
      members.map(({ issue }) => issue.runs[0]?.status ?? null),
      members.map(({ skipReason }) => skipReason),
    ],
  );
  return row;
}

export interface HoldRelease {
  readonly holdIds: readonly string[];
  readonly actor: HoldActor;
  readonly reason: string | null;
  readonly metadata: JsonObject | null;
  /** Replaces the stored policy when given (TH-40). */
  readonly releasePolicy?: JsonObject | undefined;
}

/** `active` → `released`. Answers those that this released; others were released before. */
export async function releaseTreeHolds(tx: Sql, release: HoldRelease): Promise<TreeHoldRow[]> {
  const { actor } = release;
  const rows = await tx.query<object>(
    `UPDATE issue_tree_holds SET status = 'released', released_at = clock_timestamp(), released_by_actor_type = $2,
            released_by_agent_id = $3, released_by_user_id = $4, released_by_run_id = $5, release_reason = $6,
            release_metadata = $7, release_policy = coalesce($8, release_policy), updated_at = now()
      WHERE id = ANY($1::uuid[]) AND status = 'active' RETURNING *`,
    [
      release.holdIds,
      actor.type,
      actor.agentId,
      actor.userId,
      actor.runId,
      release.reason,
      release.metadata === null ? null : toDatabaseJson(release.metadata),
      release.releasePolicy === undefined ? null : toDatabaseJson(release.releasePolicy),
    ],
  );
  return rows.map((row) => camelRow<TreeHoldRow>(row));
}

/** A hold of a company; with `lock` nobody else releases it meanwhile. */
export async function findTreeHold(
  sql: Sql,
  key: { id: string; companyId: string; lock?: boolean },
): Promise<TreeHoldRow | null> {
  const rows = await sql.query<object>(
    `SELECT * FROM issue_tree_holds WHERE id = $1 AND company_id = $2${key.lock === true ? " FOR UPDATE" : ""}`,
    [key.id, key.companyId],
  );
  return rows[0] === undefined ? null : camelRow<TreeHoldRow>(rows[0]);
}

/** The members of holds, by depth. */
export async function listHoldMembers(sql: Sql, holdIds: readonly string[]): Promise<TreeHoldMemberRow[]> {
  const rows = await sql.query<object>(
    "SELECT * FROM issue_tree_hold_members WHERE hold_id = ANY($1::uuid[]) ORDER BY hold_id, depth, created_at, id",
    [holdIds],
  );
  return rows.map((row) => camelRow<TreeHoldMemberRow>(row));
}

export interface TreeHoldFilter {
  readonly companyId: string;
  readonly rootIssueId: string;
  readonly status?: TreeHoldStatus | undefined;
  readonly mode?: TreeHoldMode | undefined;
  readonly limit: number;
}

/** The holds of a root, oldest first (API-193). */
export async function listTreeHolds(sql: Sql, filter: TreeHoldFilter): Promise<TreeHoldRow[]> {
  const conditions = new Conditions()
    .when(filter.companyId, (p) => `h.company_id = ${p}`)
    .when(filter.rootIssueId, (p) => `h.root_issue_id = ${p}`)
    .when(filter.status, (p) => `h.status = ${p}`)
    .when(filter.mode, (p) => `h.mode = ${p}`);
  const rows = await sql.query<object>(
    `SELECT h.* FROM issue_tree_holds h WHERE ${conditions.where} ORDER BY h.created_at, h.id
      LIMIT ${conditions.bind(filter.limit)}`,
    conditions.values,
  );
  return rows.map((row) => camelRow<TreeHoldRow>(row));
}

/** The pause hold over an issue as operators read it (TH-10). */
export type HoldOverIssue = TreeHoldFact & { readonly issueId: string; readonly isRoot: boolean };

/** SQL: the hold over issue `$1` of company `$2`. */
export const HOLD_OVER_ISSUE = `SELECT ${pauseHoldOver("$1::uuid", "$2::uuid")} AS hold`;

/** The nearest active pause hold over an issue; null: it is not held. */
export async function findHoldOver(sql: Sql, issue: { id: string; companyId: string }): Promise<HoldOverIssue | null> {
  const rows = await sql.query<{ hold: HoldOverIssue | null }>(HOLD_OVER_ISSUE, [issue.id, issue.companyId]);
  return rows[0]?.hold ?? null;
}
