/**
 * The issues that section 7 of 06 looks at, with what each waits for (RC-50 to RC-53): the blocked ones, those in review,
 * and what directly blocks a blocked one. Its cost follows how many of them there are, not the size of the tables.
 */
import {
  type AgentStatus,
  type IssueStatus,
  type JsonValue,
  type PrincipalRef,
  readExecutionState,
} from "@wakefleet/contracts";
import type { GraphAgent, GraphFacts, GraphIssue } from "@wakefleet/domain";
import { camelRow, type IssueRow } from "../rows.js";
import { type Sql, uuidOf } from "../sql.js";

const ACTIVE = "('queued','scheduled_retry','running')";
const CONSIDERED = (row: string): string =>
  `${row}.hidden_at IS NULL AND ${row}.origin_kind <> 'harness_liveness_escalation'`;

/** Companies with anything to look at. */
export async function listGraphCompanies(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT c.id FROM companies c
      WHERE EXISTS (SELECT 1 FROM issues i WHERE i.company_id = c.id AND i.status IN ('blocked','in_review') AND ${CONSIDERED("i")})
         OR EXISTS (SELECT 1 FROM issues e WHERE e.company_id = c.id AND e.origin_kind = 'harness_liveness_escalation'
                       AND e.hidden_at IS NULL AND e.status NOT IN ('done','cancelled'))
      ORDER BY c.id`,
    [],
    "list_graph_companies",
  );
  return rows.map((row) => row.id);
}

interface GraphRow {
  id: string;
  identifier: string | null;
  title: string;
  status: IssueStatus;
  assignee_agent_id: string | null;
  assignee_user_id: string | null;
  created_by_agent_id: string | null;
  waits: boolean;
  state: JsonValue;
  updated_at: Date;
  blockers: string[];
  assignee_status: AgentStatus | null;
  participant_id: string | null;
  participant_status: AgentStatus | null;
}

/** RC-52: an execution state whose participant is an agent keeps its id here. */
const PARTICIPANT_AGENT = "i.execution_state->'currentParticipant'->>'agentId'";

/** The facts of one company. */
export async function readGraphFacts(sql: Sql, companyId: string): Promise<GraphFacts> {
  const rows = await sql.query<GraphRow>(
    `WITH source AS (
       SELECT i.id, i.status FROM issues i
        WHERE i.company_id = $1 AND i.status IN ('blocked','in_review') AND ${CONSIDERED("i")}
     ), edge AS (
       SELECT s.id AS blocked_id, x.id AS blocker_id FROM source s
         JOIN issue_relations b ON b.company_id = $1 AND b.related_issue_id = s.id AND b.type = 'blocks'
         JOIN issues x ON x.id = b.issue_id AND x.company_id = $1 AND ${CONSIDERED("x")}
        WHERE s.status = 'blocked'
     ), looked AS (
       SELECT id FROM source UNION SELECT blocker_id FROM edge
     ), task AS (
       SELECT DISTINCT r.context_snapshot->>'taskId' AS id FROM heartbeat_runs r
        WHERE r.company_id = $1 AND r.status IN ${ACTIVE} AND r.issue_id IS NULL AND r.context_snapshot->>'taskId' IS NOT NULL
     )
     SELECT i.id, i.identifier, i.title, i.status, i.assignee_agent_id, i.assignee_user_id, i.created_by_agent_id, i.updated_at,
            i.execution_state AS state,
            coalesce((SELECT array_agg(e.blocker_id) FROM edge e WHERE e.blocked_id = i.id), '{}') AS blockers,
            a.status AS assignee_status, p.id AS participant_id, p.status AS participant_status,
            (i.assignee_user_id IS NOT NULL
              OR EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.company_id = $1 AND r.issue_id = i.id::text AND r.status IN ${ACTIVE})
              OR EXISTS (SELECT 1 FROM task WHERE task.id = i.id::text)
              OR EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.id = i.execution_run_id AND r.status IN ${ACTIVE})
              OR EXISTS (SELECT 1 FROM agent_wakeup_requests w WHERE w.company_id = $1 AND w.issue_id = i.id::text
                            AND w.status IN ('queued','deferred_issue_execution'))
              OR EXISTS (SELECT 1 FROM issue_thread_interactions t WHERE t.issue_id = i.id AND t.status = 'pending')
              OR EXISTS (SELECT 1 FROM issue_approvals l JOIN approvals o ON o.id = l.approval_id
                          WHERE l.issue_id = i.id AND o.status IN ('pending','revision_requested'))
              OR EXISTS (SELECT 1 FROM issues q WHERE q.company_id = $1 AND q.origin_kind = 'stranded_issue_recovery'
                            AND q.origin_id = i.id::text AND q.hidden_at IS NULL AND q.status NOT IN ('done','cancelled'))) AS waits
       FROM looked JOIN issues i ON i.id = looked.id
       LEFT JOIN agents a ON a.id = i.assignee_agent_id AND a.company_id = $1
       LEFT JOIN agents p ON p.id = ${uuidOf(PARTICIPANT_AGENT)} AND p.company_id = $1`,
    [companyId],
    "read_graph_facts",
  );
  const issues = new Map<string, GraphIssue>();
  const blockers = new Map<string, string[]>();
  const agents = new Map<string, GraphAgent>();
  for (const row of rows) {
    issues.set(row.id, issueOf(row));
    if (row.blockers.length > 0) blockers.set(row.id, row.blockers);
    for (const [id, status] of [
      [row.assignee_agent_id, row.assignee_status],
      [row.participant_id, row.participant_status],
    ] as const) {
      if (id !== null && status !== null) agents.set(id, { id, status, reportsTo: null });
    }
  }
  return { companyId, issues, blockers, agents };
}

function issueOf(row: GraphRow): GraphIssue {
  // A stored value of another shape is no state (EP-1).
  const state = readExecutionState(row.state);
  return {
    id: row.id,
    identifier: row.identifier,
    title: row.title,
    status: row.status,
    assigneeAgentId: row.assignee_agent_id,
    assigneeUserId: row.assignee_user_id,
    createdByAgentId: row.created_by_agent_id,
    hasWaitingPath: row.waits,
    review: state === null ? null : { participant: participantOf(state.currentParticipant) },
    updatedAtMs: row.updated_at.getTime(),
  };
}

function participantOf(participant: PrincipalRef | null): { type: "agent" | "user"; id: string } | null {
  if (participant === null) return null;
  // As the agents' own ids are answered.
  return participant.type === "agent"
    ? { type: "agent", id: participant.agentId.toLowerCase() }
    : { type: "user", id: participant.userId };
}

/** Every agent of a company with its place (RC-57). */
export async function listCompanyAgents(sql: Sql, companyId: string): Promise<ReadonlyMap<string, GraphAgent>> {
  const rows = await sql.query<GraphAgent>(
    `SELECT id, status, reports_to AS "reportsTo" FROM agents WHERE company_id = $1`,
    [companyId],
    "list_company_agents",
  );
  return new Map(rows.map((agent) => [agent.id, agent]));
}

/** Open, unhidden escalations of a company, oldest first. */
export async function listOpenEscalations(sql: Sql, companyId: string): Promise<IssueRow[]> {
  const rows = await sql.query<object>(
    `SELECT * FROM issues WHERE company_id = $1 AND origin_kind = 'harness_liveness_escalation' AND hidden_at IS NULL
        AND status NOT IN ('done','cancelled') ORDER BY created_at, id`,
    [companyId],
    "list_open_escalations",
  );
  return rows.map((row) => camelRow<IssueRow>(row));
}

/** RC-59: an active run works on the issue. */
export async function isWorkedOn(
  sql: Sql,
  issue: Pick<IssueRow, "id" | "companyId" | "executionRunId">,
): Promise<boolean> {
  const rows = await sql.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.company_id = $1 AND r.issue_id = $2::text AND r.status IN ${ACTIVE})
         OR EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.id = $3 AND r.status IN ${ACTIVE})
         OR EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.company_id = $1 AND r.issue_id IS NULL AND r.status IN ${ACTIVE}
                       AND r.context_snapshot->>'taskId' = $2::text) AS found`,
    [issue.companyId, issue.id, issue.executionRunId],
    "is_worked_on",
  );
  return rows[0]?.found === true;
}

/** The database's clock (RC-88). */
export async function readDatabaseNow(sql: Sql): Promise<Date> {
  const rows = await sql.query<{ now: Date }>("SELECT clock_timestamp() AS now", [], "read_database_now");
  if (rows[0] === undefined) throw new Error("the database answered no time");
  return rows[0].now;
}

/** Every company. */
export async function listCompanyIds(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ id: string }>("SELECT id FROM companies ORDER BY id", [], "list_company_ids");
  return rows.map((row) => row.id);
}
