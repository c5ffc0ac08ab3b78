/**
 * What recovery decides on: an issue, its assignee, the run that is judged, and everything that may be in the way (RC-3 to
 * RC-19, RC-72 to RC-79). One statement, each part an index lookup; call it with the issue's row locked.
 */
import type { AgentStatus, JsonObject } from "@wakefleet/contracts";
import { type BudgetFacts, CHAINED_RETRY_REASONS } from "@wakefleet/domain";
import { runFromJson } from "../database-json.js";
import { budgetFactsOf, pauseHoldOver, unresolvedBlockersOf } from "../policy/policy-facts-sql.js";
import { camelRow, type IssueRow, type RunRow } from "../rows.js";
import type { Sql } from "../sql.js";

const ACTIVE = "('queued','scheduled_retry','running')";

/** A scalar: why a run `r` and those it goes back to were made, newest first (RC-3). */
const RETRY_REASONS = `(
  WITH RECURSIVE chain AS (
    SELECT judged.retry_of_run_id, judged.context_snapshot->>'retryReason' AS reason, 1 AS depth
    UNION ALL
    SELECT p.retry_of_run_id, p.context_snapshot->>'retryReason', chain.depth + 1
      FROM chain JOIN heartbeat_runs p ON p.id = chain.retry_of_run_id
     WHERE chain.reason IN (${CHAINED_RETRY_REASONS.map((reason) => `'${reason}'`).join(", ")}) AND chain.depth < 100
  ) SELECT coalesce(array_agg(reason ORDER BY depth) FILTER (WHERE reason IS NOT NULL), '{}') FROM chain)`;

export interface RecoveryFactsRow {
  readonly issue: IssueRow;
  /** Of the company; how links begin (RC-28). */
  readonly issuePrefix: string;
  /** The assignee in the issue's company; null: gone. */
  readonly agent: { readonly status: AgentStatus; readonly runtimeConfig: JsonObject } | null;
  /** The run asked about, else the issue's latest (RC-2); null: none yet. */
  readonly run: RunRow | null;
  readonly retryReasons: readonly string[];
  /** Beside the run asked about. */
  readonly hasActiveRun: boolean;
  readonly hasDeferredRequest: boolean;
  /** RC-86: another run of the issue is over and its end is not. */
  readonly hasUnfinishedEnd: boolean;
  readonly hasQueuedRequest: boolean;
  readonly isHeld: boolean;
  readonly hasUnresolvedBlockers: boolean;
  /** What budgets say of the assignee for the issue's project; null without an assignee. */
  readonly budget: BudgetFacts | null;
}

/** Two texts, so that each way to the run has its own index. */
const JUDGED = {
  named: "SELECT r.* FROM heartbeat_runs r WHERE r.id = $2::uuid",
  latest: `SELECT r.* FROM heartbeat_runs r WHERE r.company_id = i.company_id AND r.issue_id = i.id::text
            ORDER BY r.created_at DESC, r.id DESC LIMIT 1`,
} as const;

/** Null: the issue is gone. */
export async function readRecoveryFacts(
  tx: Sql,
  target: { readonly issueId: string; readonly runId: string | null },
): Promise<RecoveryFactsRow | null> {
  const way = target.runId === null ? "latest" : "named";
  const rows = await tx.query<{ issue: object; judged_run: Record<string, unknown> | null } & RecoveryFactsRow>(
    `SELECT to_jsonb(i.*) AS issue, c.issue_prefix AS "issuePrefix",
            CASE WHEN a.id IS NOT NULL THEN jsonb_build_object('status', a.status, 'runtimeConfig', a.runtime_config) END AS agent,
            CASE WHEN judged.id IS NOT NULL THEN to_jsonb(judged.*) END AS judged_run,
            CASE WHEN judged.id IS NOT NULL THEN ${RETRY_REASONS} ELSE '{}' END AS "retryReasons",
            EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.company_id = i.company_id AND r.issue_id = i.id::text
                       AND r.status IN ${ACTIVE} AND r.id IS DISTINCT FROM $2::uuid)
              OR EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.id = i.execution_run_id AND r.status IN ${ACTIVE}
                            AND r.id IS DISTINCT FROM $2::uuid) AS "hasActiveRun",
            EXISTS (SELECT 1 FROM agent_wakeup_requests w WHERE w.company_id = i.company_id AND w.issue_id = i.id::text
                       AND w.status = 'deferred_issue_execution') AS "hasDeferredRequest",
            EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.company_id = i.company_id AND r.issue_id = i.id::text
                       AND r.finalized_at IS NULL AND r.status NOT IN ${ACTIVE} AND r.id IS DISTINCT FROM $2::uuid) AS "hasUnfinishedEnd",
            EXISTS (SELECT 1 FROM agent_wakeup_requests w WHERE w.company_id = i.company_id AND w.issue_id = i.id::text
                       AND w.status = 'queued') AS "hasQueuedRequest",
            ${pauseHoldOver("i.id", "i.company_id")} IS NOT NULL AS "isHeld",
            ${unresolvedBlockersOf("i.id", "i.company_id")} <> '[]'::jsonb AS "hasUnresolvedBlockers",
            CASE WHEN a.id IS NOT NULL THEN ${budgetFactsOf("a", "ARRAY[i.project_id]")} END AS budget
       FROM issues i JOIN companies c ON c.id = i.company_id
       LEFT JOIN agents a ON a.id = i.assignee_agent_id AND a.company_id = i.company_id
       LEFT JOIN LATERAL (${JUDGED[way]}) judged ON true
      WHERE i.id = $1`,
    [target.issueId, target.runId],
    `read_recovery_facts_${way}`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { issue, judged_run: run, ...facts } = row;
  return { ...facts, issue: issueFromJson(issue), run: run === null ? null : runFromJson(run) };
}

const ISSUE_INSTANTS = [
  "startedAt",
  "completedAt",
  "cancelledAt",
  "hiddenAt",
  "createdAt",
  "updatedAt",
  "executionLockedAt",
] as const;

/** An `issues` row that came as `to_jsonb(row)`. */
function issueFromJson(row: object): IssueRow {
  const issue = camelRow<IssueRow>(row);
  for (const field of ISSUE_INSTANTS) {
    const value = issue[field] as Date | string | null;
    if (typeof value === "string") Object.assign(issue, { [field]: new Date(value) });
  }
  return issue;
}
