/**
 * Everything the decision on a set of wakes rests on, read in one statement under the locks of lock-wake-targets.ts:
 * active runs of the same task or issue, deferred requests, sessions, and what an idempotency key was answered before.
 * Each part is an index lookup (DM-27, DM-31); nothing filters on a JSON column (RL-25).
 */
import type { JsonObject } from "@wakefleet/contracts";
import {
  type BudgetFacts,
  type CommentFact,
  type Requester,
  type ResumedRun,
  SESSION_DISPLAY_ID_MAX_CHARS,
  type TreeHoldFact,
} from "@wakefleet/domain";
import { runFromJson } from "../database-json.js";
import { budgetFactsOf, commentFactOf, pauseHoldOver, unresolvedBlockersOf } from "../policy/policy-facts-sql.js";
import type { RunRow } from "../rows.js";
import { checkedOnly, type Sql, uuidOf } from "../sql.js";

export interface WakeFactsQuery {
  /** Wakes without an issue: which (agent, task key) they are about. Same length. */
  readonly taskAgentIds: readonly string[];
  readonly taskKeys: readonly (string | null)[];
  /** Locked issues, each in its company. */
  readonly issueIds: readonly string[];
  readonly companyIds: readonly string[];
  /** Lock holders named by the issues; they count if they are active. */
  readonly lockRunIds: readonly string[];
  /** (agent, key) pairs to look up (WK-42). Same length. */
  readonly keyAgentIds: readonly string[];
  readonly keys: readonly string[];
  /** What policies are asked about, one entry a wake, in order. */
  readonly policies: readonly PolicyQuery[];
}

/** The wake's agent, its context's project, its issue and its comment, where they are uuids. */
export interface PolicyQuery {
  readonly agentId: string;
  readonly projectId: string | null;
  readonly issueId: string | null;
  readonly commentId: string | null;
}

/** What budgets, holds, blockers and comments say of one wake. */
export interface WakePolicyFacts {
  readonly budget: BudgetFacts;
  readonly hold: TreeHoldFact | null;
  readonly unresolvedBlockers: JsonObject[];
  readonly comment: CommentFact | null;
}

/** Who asked for an active run that names an issue, and the comment it carries: what verifies it (TH-23). */
export interface RunInteraction {
  readonly comment: CommentFact | null;
  readonly requesters: readonly (Requester & { readonly issueId: string | null; readonly commentId: string | null })[];
}

export interface StoredAnswer {
  readonly agentId: string;
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly responseStatus: number;
  readonly responseJson: JsonObject;
}

export interface DeferredRequest {
  readonly id: string;
  readonly agentId: string;
  readonly issueId: string;
  readonly payload: JsonObject | null;
}

export interface TaskSessionFact {
  readonly agentId: string;
  readonly adapterType: string;
  /** Null: the agent's own runtime session. */
  readonly taskKey: string | null;
  readonly displayId: string | null;
}

export interface WakeFacts {
  readonly runs: RunRow[];
  /** Names of the agents of `runs` that were not locked by this transaction. */
  readonly agentNames: ReadonlyMap<string, string>;
  readonly deferred: DeferredRequest[];
  readonly answers: StoredAnswer[];
  readonly sessions: TaskSessionFact[];
  /** By the wake's place in the query. */
  readonly policies: ReadonlyMap<number, WakePolicyFacts>;
  /** By run id, for runs that name a locked issue. */
  readonly interactions: ReadonlyMap<string, RunInteraction>;
}

const ACTIVE = "('queued','scheduled_retry','running')";

/** The comment of a run `r` and the requests that point at it, as members of a JSON object (TH-23). */
export const INTERACTION_MEMBERS = `
  'comment', ${commentFactOf(uuidOf("coalesce(r.context_snapshot->>'wakeCommentId', r.context_snapshot->>'commentId')"), "r.company_id")},
  'requesters', coalesce((
     SELECT jsonb_agg(jsonb_build_object('type', q.requested_by_actor_type, 'id', q.requested_by_actor_id,
              'issueId', q.payload->>'issueId', 'commentId', q.payload->>'commentId'))
       FROM agent_wakeup_requests q WHERE q.run_id = r.id AND q.agent_id = r.agent_id), '[]'::jsonb)`;

/** SE-37: what a task session `s` shows; an adapter's own way of showing an id is in the stored one. */
export const SHOWN_SESSION_ID = `left(coalesce(s.session_display_id, s.session_params_json->>'sessionId'),
  ${SESSION_DISPLAY_ID_MAX_CHARS})`;

/** Which parts of the facts a set of wakes needs. What none of them is about is not asked, and not even planned. */
interface Asked {
  readonly issues: boolean;
  readonly keys: boolean;
}

/**
 * The statement for what is asked. PostgreSQL pays for each part of a statement, also for those that find nothing.
 *
 * `LATERAL (... OFFSET 0)` looks up row by row, by the key it names, however empty the tables were when the plan was
 * made; as a plain join it may read everything that waits in the fleet, for every wake.
 */
function readWakeFactsSql({ issues, keys }: Asked): string {
  const project = issues ? "ARRAY[p.project_id, i.project_id]" : "ARRAY[p.project_id]";
  return [
    `WITH task AS (SELECT agent_id, task_key FROM unnest($1::uuid[], $2::text[]) AS t(agent_id, task_key)),`,
    issues
      ? `named AS (SELECT company_id, issue_id FROM unnest($5::uuid[], $6::text[]) AS n(company_id, issue_id)),`
      : "",
    `active AS (
         SELECT r.* FROM (SELECT DISTINCT * FROM task WHERE task_key IS NOT NULL) t CROSS JOIN LATERAL (
           SELECT * FROM heartbeat_runs h
            WHERE h.agent_id = t.agent_id AND h.task_key = t.task_key AND h.status IN ${ACTIVE} OFFSET 0) r
         UNION ALL
         SELECT r.* FROM (SELECT DISTINCT agent_id FROM task WHERE task_key IS NULL) t CROSS JOIN LATERAL (
           SELECT * FROM heartbeat_runs h
            WHERE h.agent_id = t.agent_id AND h.task_key IS NULL AND h.status IN ${ACTIVE} OFFSET 0) r`,
    issues
      ? `UNION
         SELECT r.* FROM (SELECT DISTINCT * FROM named) n CROSS JOIN LATERAL (
           SELECT * FROM heartbeat_runs h
            WHERE h.company_id = n.company_id AND h.issue_id = n.issue_id AND h.status IN ${ACTIVE} OFFSET 0) r
         UNION
         SELECT r.* FROM heartbeat_runs r WHERE r.id = ANY($9::uuid[]) AND ${checkedOnly(`r.status IN ${ACTIVE}`)}`
      : "",
    `)
  SELECT 'run' AS kind, to_jsonb(active) || jsonb_build_object('agent_name', (
           SELECT a.name FROM agents a WHERE a.id = active.agent_id)) AS doc
    FROM active
  UNION ALL
  SELECT 'policy', jsonb_build_object('n', p.n, 'budget', ${budgetFactsOf("a", project)}`,
    issues
      ? `, 'hold', ${pauseHoldOver("i.id", "a.company_id")},
           'unresolvedBlockers', ${unresolvedBlockersOf("i.id", "a.company_id")},
           'comment', ${commentFactOf("p.comment_id", "a.company_id")})
    FROM unnest($3::uuid[], $4::uuid[], $7::uuid[], $8::uuid[]) WITH ORDINALITY
           AS p(agent_id, project_id, issue_id, comment_id, n)
    JOIN agents a ON a.id = p.agent_id
    LEFT JOIN issues i ON i.id = p.issue_id AND i.company_id = a.company_id
  UNION ALL
  SELECT 'interaction', jsonb_build_object('runId', r.id, ${INTERACTION_MEMBERS})
    FROM active r JOIN named n ON n.company_id = r.company_id AND n.issue_id = r.issue_id
   WHERE r.status IN ('queued','scheduled_retry')
  UNION ALL
  SELECT 'deferred', jsonb_build_object('id', w.id, 'agentId', w.agent_id, 'issueId', w.issue_id, 'payload', w.payload)
    FROM named n CROSS JOIN LATERAL (
      SELECT * FROM agent_wakeup_requests q WHERE q.company_id = n.company_id AND q.issue_id = n.issue_id
         AND q.status = 'deferred_issue_execution' OFFSET 0) w`
      : `, 'hold', NULL, 'unresolvedBlockers', '[]'::jsonb, 'comment', NULL)
    FROM unnest($3::uuid[], $4::uuid[]) WITH ORDINALITY AS p(agent_id, project_id, n)
    JOIN agents a ON a.id = p.agent_id`,
    keys
      ? `UNION ALL
  SELECT 'answer', jsonb_build_object('agentId', w.agent_id, 'idempotencyKey', w.idempotency_key,
           'fingerprint', w.idempotency_fingerprint, 'responseStatus', w.response_status, 'responseJson', w.response_json)
    FROM unnest($${issues ? 10 : 5}::uuid[], $${issues ? 11 : 6}::text[]) AS k(agent_id, key)
    JOIN agent_wakeup_requests w ON w.agent_id = k.agent_id AND w.idempotency_key = k.key`
      : "",
    `UNION ALL
  SELECT 'session', jsonb_build_object('agentId', s.agent_id, 'adapterType', s.adapter_type, 'taskKey', s.task_key,
           'displayId', ${SHOWN_SESSION_ID})
    FROM (SELECT DISTINCT * FROM task WHERE task_key IS NOT NULL) t
    JOIN agents a ON a.id = t.agent_id
    JOIN agent_task_sessions s ON s.company_id = a.company_id AND s.agent_id = t.agent_id
         AND s.adapter_type = a.adapter_type AND s.task_key = t.task_key
  UNION ALL
  SELECT 'session', jsonb_build_object('agentId', s.agent_id, 'adapterType', s.adapter_type, 'taskKey', NULL,
           'displayId', left(s.session_id, ${SESSION_DISPLAY_ID_MAX_CHARS}))
    FROM (SELECT DISTINCT agent_id FROM task WHERE task_key IS NULL) t
    JOIN agent_runtime_state s ON s.agent_id = t.agent_id`,
  ].join("\n");
}

/** The statements, by name: each is one text, prepared once a connection. */
const STATEMENTS = new Map(
  [false, true].flatMap((issues) =>
    [false, true].map((keys) => [statementName({ issues, keys }), readWakeFactsSql({ issues, keys })] as const),
  ),
);

function statementName({ issues, keys }: Asked): string {
  return `read_wake_facts${issues ? "_of_issues" : ""}${keys ? "_with_keys" : ""}`;
}

/** Reads the facts. */
export async function readWakeFacts(tx: Sql, query: WakeFactsQuery): Promise<WakeFacts> {
  const asked = {
    issues: query.issueIds.length > 0 || query.policies.some((one) => one.issueId !== null || one.commentId !== null),
    keys: query.keys.length > 0,
  };
  const name = statementName(asked);
  const rows = await tx.query<{ kind: string; doc: Record<string, unknown> }>(
    STATEMENTS.get(name) ?? "",
    [
      query.taskAgentIds,
      query.taskKeys,
      query.policies.map((one) => one.agentId),
      query.policies.map((one) => one.projectId),
      ...(asked.issues
        ? [
            query.companyIds,
            query.issueIds,
            query.policies.map((one) => one.issueId),
            query.policies.map((one) => one.commentId),
            query.lockRunIds,
          ]
        : []),
      ...(asked.keys ? [query.keyAgentIds, query.keys] : []),
    ],
    name,
  );
  const facts = {
    runs: [] as RunRow[],
    agentNames: new Map<string, string>(),
    deferred: [] as DeferredRequest[],
    answers: [] as StoredAnswer[],
    sessions: [] as TaskSessionFact[],
    policies: new Map<number, WakePolicyFacts>(),
    interactions: new Map<string, RunInteraction>(),
  };
  for (const { kind, doc } of rows) {
    if (kind === "run") {
      const { agent_name: name, ...row } = doc;
      const run = runFromJson(row);
      facts.runs.push(run);
      facts.agentNames.set(run.agentId, name as string);
    } else if (kind === "deferred") facts.deferred.push(doc as unknown as DeferredRequest);
    else if (kind === "answer") facts.answers.push(doc as unknown as StoredAnswer);
    else if (kind === "policy") facts.policies.set((doc["n"] as number) - 1, doc as unknown as WakePolicyFacts);
    else if (kind === "interaction") facts.interactions.set(doc["runId"] as string, doc as unknown as RunInteraction);
    else facts.sessions.push(doc as unknown as TaskSessionFact);
  }
  return facts;
}

/** A wake that asks to resume a run (WK-11), with the key it has by itself. */
export interface ResumeQuery {
  readonly runId: string;
  readonly agentId: string;
  readonly taskKey: string | null;
}

/** What WK-11 needs of the runs that wakes ask to resume; only runs of the named agents are answered, in any order. */
export async function readResumedRuns(
  tx: Sql,
  queries: readonly ResumeQuery[],
): Promise<{ query: number; run: ResumedRun }[]> {
  return tx.query<{ query: number; run: ResumedRun }>(
    `SELECT (q.n - 1)::int AS query, jsonb_build_object('id', r.id,
              'context', coalesce(r.context_snapshot, '{}'::jsonb), 'sessionIdBefore', r.session_id_before,
              'sessionIdAfter', r.session_id_after, 'resumableSessionId', r.resumable_session_id, 'taskSession', (
                SELECT jsonb_build_object('params', s.session_params_json, 'displayId', s.session_display_id,
                         'lastRunId', s.last_run_id)
                  FROM agent_task_sessions s WHERE s.company_id = r.company_id AND s.agent_id = r.agent_id
                   AND s.adapter_type = a.adapter_type AND s.task_key = coalesce(r.task_key, q.task_key))) AS run
       FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS q(run_id, agent_id, task_key, n)
       JOIN heartbeat_runs r ON r.id = q.run_id AND r.agent_id = q.agent_id
       JOIN agents a ON a.id = r.agent_id AND a.company_id = r.company_id`,
    [queries.map((one) => one.runId), queries.map((one) => one.agentId), queries.map((one) => one.taskKey)],
    "read_resumed_runs",
  );
}
