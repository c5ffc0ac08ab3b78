/**
 * queued | scheduled_retry → running: the only writer of that transition (CL-13, CL-14, CL-17, CL-18, DM-36).
 *
 * The caller's transaction holds the agent's row, and the issue's where there is one, so that the facts read here and the
 * write are one snapshot (CL-16). Behind it stand the unique indexes on (agent, slot) and on the lock's issue: a mistake
 * above is an error here, never a second running run.
 */
import type { AgentStatus, Decided } from "@wakefleet/contracts";
import {
  type BudgetFacts,
  HEARTBEAT_TASK_KEY,
  type IssueGateFacts,
  type StoredSessions,
  type TreeHoldFact,
} from "@wakefleet/domain";
import { type AccountFacts, accountFactsOf } from "../accounts/provider-accounts.js";
import { runEventFromJson, runFromJson } from "../database-json.js";
import { budgetFactsOf, pauseHoldOver, unresolvedBlockersOf } from "../policy/policy-facts-sql.js";
import { receiptParam, withReceipt } from "../receipt-sql.js";
import { camelRow, type IssueRow, type RunEventRow, type RunRow } from "../rows.js";
import { checkedOnly, type Sql, uuidOf } from "../sql.js";
import { INTERACTION_MEMBERS, type RunInteraction } from "../wakeups/read-wake-facts.js";
import type { LocalEnvironment } from "./environment-lease.js";
import type { Transition } from "./fence.js";

/** BU-16: the project the context names, and the issue's. */
const PROJECTS_OF_RUN = `ARRAY[${uuidOf("r.context_snapshot->>'projectId'")},
  (SELECT pi.project_id FROM issues pi WHERE pi.id = ${uuidOf("r.issue_id")} AND pi.company_id = r.company_id)]`;

export interface ClaimFactsRow {
  readonly run: RunRow | null;
  readonly takenSlots: readonly number[];
  /** Of the run's key (SE-5) and of the agent. */
  readonly sessions: StoredSessions;
  /** The company's local environment (EN-2), where every run is today; null: it has none yet. */
  readonly environment: LocalEnvironment | null;
  /** The account the agent's last claim bound it to (BY-5); null: none yet. */
  readonly account: AccountFacts | null;
  /** What BU-15 asks about, with the projects of the context and of the issue (BU-16); null without an agent. */
  readonly budget: BudgetFacts | null;
  /** The instance masks the OS user's name in what runs leave behind (IN-2). */
  readonly masksOsUser: boolean;
  /** The database's clock. */
  readonly now: Date;
}

type FactsRow = Record<string, unknown> & {
  fact_now: Date;
  taken_slots: number[];
  task_session: StoredSessions["taskSession"];
  agent_session: StoredSessions["agentSession"];
  budget: BudgetFacts | null;
  environment: LocalEnvironment | null;
  account: (Omit<AccountFacts, "limitedUntil"> & { limitedUntil: string | null }) | null;
  masks_os_user: boolean;
};

/** Reads the run, the agent's taken slots and the session the run may resume. Call it after the locks are held. */
export async function readClaimFacts(tx: Sql, ids: { runId: string; agentId: string }): Promise<ClaimFactsRow> {
  const rows = await tx.query<FactsRow>(
    `SELECT r.*, clock_timestamp() AS fact_now,
            (SELECT coalesce(array_agg(s.run_slot), '{}') FROM heartbeat_runs s
              WHERE s.agent_id = $2 AND s.status = 'running') AS taken_slots,
            (SELECT jsonb_build_object('params', t.session_params_json, 'displayId', t.session_display_id)
               FROM agents a JOIN agent_task_sessions t ON t.company_id = a.company_id AND t.agent_id = a.id
                AND t.adapter_type = a.adapter_type
                AND t.task_key = coalesce(r.task_key,
                      CASE WHEN r.context_snapshot->>'wakeSource' = 'timer' THEN '${HEARTBEAT_TASK_KEY}' END)
              WHERE a.id = $2) AS task_session,
            (SELECT jsonb_build_object('sessionId', t.session_id, 'adapterType', t.adapter_type)
               FROM agent_runtime_state t WHERE t.agent_id = $2) AS agent_session,
            (SELECT jsonb_build_object('id', e.id, 'name', e.name, 'driver', e.driver)
               FROM agents a JOIN environments e ON e.company_id = a.company_id AND e.driver = 'local'
              WHERE a.id = $2) AS environment,
            coalesce((SELECT i.general->'censorUsernameInLogs' = 'true' FROM instance_settings i
              WHERE i.singleton_key = 'default'), false) AS masks_os_user,
            (SELECT ${accountFactsOf("ag")} FROM agents ag WHERE ag.id = $2) AS account,
            (SELECT ${budgetFactsOf("ag", PROJECTS_OF_RUN)} FROM agents ag WHERE ag.id = $2) AS budget
       FROM (SELECT 1) one LEFT JOIN heartbeat_runs r ON r.id = $1 AND r.agent_id = $2`,
    [ids.runId, ids.agentId],
    "read_claim_facts",
  );
  const row = rows[0];
  if (row === undefined) throw new Error("the claim facts query answers exactly one row");
  const {
    fact_now: now,
    taken_slots: takenSlots,
    task_session: taskSession,
    agent_session: agentSession,
    budget,
    environment,
    account,
    masks_os_user: masksOsUser,
    ...run
  } = row;
  return {
    run: run["id"] === null ? null : camelRow<RunRow>(run),
    takenSlots,
    sessions: { taskSession, agentSession },
    environment,
    account:
      account === null
        ? null
        : { ...account, limitedUntil: account.limitedUntil === null ? null : new Date(account.limitedUntil) },
    budget,
    masksOsUser,
    now,
  };
}

export interface IssueGateRow extends IssueGateFacts {
  readonly hold: TreeHoldFact | null;
  readonly interaction: RunInteraction;
}

/** What the issue of a run has become (CL-7 to CL-12). Call it with the issue's row locked; null: it is gone. */
export async function readIssueGateFacts(
  tx: Sql,
  ids: { runId: string; issueId: string },
): Promise<IssueGateRow | null> {
  const rows = await tx.query<{ facts: IssueGateRow & { unresolvedBlockers: { id: string }[] } }>(
    `SELECT jsonb_build_object('id', i.id, 'status', i.status, 'priority', i.priority,
              'assigneeAgentId', i.assignee_agent_id, 'executionState', i.execution_state,
              'hold', ${pauseHoldOver("i.id", "i.company_id")},
              'unresolvedBlockers', ${unresolvedBlockersOf("i.id", "i.company_id")},
              'interaction', jsonb_build_object(${INTERACTION_MEMBERS})) AS facts
       FROM issues i JOIN heartbeat_runs r ON r.id = $2 AND r.company_id = i.company_id
      WHERE i.id = $1`,
    [ids.issueId, ids.runId],
    "read_issue_gate_facts",
  );
  const facts = rows[0]?.facts;
  if (facts === undefined) return null;
  const { unresolvedBlockers, ...gate } = facts;
  return { ...gate, unresolvedBlockerIssueIds: unresolvedBlockers.map((blocker) => blocker.id) };
}

export interface ClaimIssue
  extends Pick<IssueRow, "id" | "companyId" | "status" | "assigneeAgentId" | "executionRunId"> {
  /** Another run that is `running` holds the execution lock. */
  readonly lockHeldByOther: boolean;
}

/** Locks the issue a run names, if it exists. Take the agent's lock first. */
export async function lockIssueOfRun(tx: Sql, runId: string): Promise<ClaimIssue | null> {
  const rows = await tx.query<Record<string, unknown>>(
    `SELECT i.id, i.company_id, i.status, i.assignee_agent_id, i.execution_run_id,
            (i.execution_run_id IS NOT NULL AND i.execution_run_id <> $1 AND EXISTS (
               SELECT 1 FROM heartbeat_runs h WHERE h.id = i.execution_run_id
                  AND h.status IN ('queued','scheduled_retry','running'))) AS lock_held_by_other
       FROM issues i
      WHERE i.id = (SELECT ${uuidOf("r.issue_id")} FROM heartbeat_runs r WHERE r.id = $1)
        AND i.company_id = (SELECT r.company_id FROM heartbeat_runs r WHERE r.id = $1)
        FOR NO KEY UPDATE OF i`,
    [runId],
    "lock_issue_of_run",
  );
  const row = rows[0];
  return row === undefined ? null : camelRow<ClaimIssue>(row);
}

/** Locks the issues whose execution lock a run holds, in id order; its own issue may be among them. */
export async function lockIssuesHeldBy(tx: Sql, run: Pick<RunRow, "id" | "companyId">): Promise<ClaimIssue[]> {
  const rows = await tx.query<Record<string, unknown>>(
    `SELECT id, company_id, status, assignee_agent_id, execution_run_id, false AS lock_held_by_other FROM issues
      WHERE execution_run_id = $1 AND company_id = $2 ORDER BY id FOR NO KEY UPDATE`,
    [run.id, run.companyId],
    "lock_issues_held_by",
  );
  return rows.map((row) => camelRow<ClaimIssue>(row));
}

export interface ClaimInput {
  readonly runId: string;
  readonly workerId: string;
  /** 1..10 (DM-36). */
  readonly slot: number;
  readonly leaseMs: number;
  /** The issue whose execution lock is taken with the claim (CL-14), else null. */
  readonly lockIssueId: string | null;
  readonly agentNameKey: string;
  /** Of the runtime state row that is made if it is missing (EX-1). */
  readonly adapterType: string;
  /** Where the run's log will be (LG-1). */
  readonly logStore: string;
  readonly logRef: string;
  /** The account the run spends on (BY-5). */
  readonly accountId: string | null;
  /** What decided (BY-1). */
  readonly receipt?: Decided;
}

export interface ClaimedRow {
  readonly run: RunRow;
  /** `run started` (EX-8). */
  readonly event: RunEventRow;
  /** The agent's status after it: `running`, unless it is not invokable by now (AL-1). */
  readonly agentStatus: AgentStatus;
}

/** The execution lock of the run's issue (CL-14); a statement of its own text, since most runs have no issue. */
const TAKE_LOCK = `
     lock AS (
       UPDATE issues i SET execution_run_id = run.id, execution_agent_name_key = $11, execution_locked_at = now(),
              updated_at = now()
         FROM run WHERE i.id = run.lock_issue_id
     ),`;

function claimSql(lock: string): string {
  return `WITH run AS (
       UPDATE heartbeat_runs SET status = 'running', worker_id = $2, claim_token = claim_token + 1,
              start_token = claim_token + 1, run_slot = $3,
              lease_expires_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000),
              lock_issue_id = $5::uuid, started_at = coalesce(started_at, now()),
              dispatched_at = coalesce(dispatched_at, now()), log_store = $7, log_ref = $8, provider_account_id = $10::uuid,
              event_seq = event_seq + 1, receipts = ${withReceipt("heartbeat_runs", "$9::jsonb")}, updated_at = now()
        WHERE id = $1 AND ${checkedOnly("status IN ('queued','scheduled_retry')")}
       RETURNING *
     ), request AS (
       UPDATE agent_wakeup_requests w SET status = 'claimed', claimed_at = now(), updated_at = now()
         FROM run WHERE w.id = run.wakeup_request_id AND ${checkedOnly("w.status = 'queued'")}
     ),${lock} state AS (
       INSERT INTO agent_runtime_state (agent_id, company_id, adapter_type)
       SELECT agent_id, company_id, $6 FROM run ON CONFLICT (agent_id) DO NOTHING
     ), agent AS (
       UPDATE agents a SET status = 'running', updated_at = now()
         FROM run WHERE a.id = run.agent_id AND a.status NOT IN ('paused','terminated','pending_approval','running')
       RETURNING a.status
     ), event AS (
       INSERT INTO heartbeat_run_events (company_id, run_id, agent_id, seq, event_type, stream, level, message)
       SELECT company_id, id, agent_id, event_seq, 'lifecycle', 'system', 'info', 'run started' FROM run
       RETURNING *
     )
     SELECT to_jsonb(run.*) AS run, to_jsonb(event.*) AS event,
            coalesce((SELECT status FROM agent), (SELECT a.status FROM agents a WHERE a.id = run.agent_id)) AS agent_status
       FROM run, event`;
}

const CLAIM = claimSql("");
const CLAIM_WITH_LOCK = claimSql(TAKE_LOCK);

/**
 * Makes a waiting run `running` for this worker, by compare-and-set, its request `claimed`, its agent `running`, and
 * writes the event `run started`. Claim and start are one statement: what lies between them touches no store.
 */
export async function claimRunIfWaiting(tx: Sql, input: ClaimInput): Promise<Transition<ClaimedRow>> {
  const rows = await tx.query<{
    run: Record<string, unknown>;
    event: Record<string, unknown>;
    agent_status: AgentStatus;
  }>(
    input.lockIssueId === null ? CLAIM : CLAIM_WITH_LOCK,
    [
      input.runId,
      input.workerId,
      input.slot,
      input.leaseMs,
      input.lockIssueId,
      input.adapterType,
      input.logStore,
      input.logRef,
      receiptParam(input.receipt),
      input.accountId,
      ...(input.lockIssueId === null ? [] : [input.agentNameKey]),
    ],
    input.lockIssueId === null ? "claim_run_if_waiting" : "claim_run_and_issue_if_waiting",
  );
  const row = rows[0];
  if (row === undefined) return { kind: "lost" };
  return {
    kind: "moved",
    row: { run: runFromJson(row.run), event: runEventFromJson(row.event), agentStatus: row.agent_status },
  };
}
