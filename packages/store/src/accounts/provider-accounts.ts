/**
 * Accounts of providers (BY-5): which agents spend on one credential, until when its provider limits it, how many runs it may
 * have. An account is made by the first claim of an agent with its credential.
 */
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

/** `provider_accounts`. */
export interface ProviderAccountRow {
  id: string;
  companyId: string;
  provider: string;
  /** Names the credential and is none (the domain's `AccountKey`). */
  credential: string;
  /** Runs at once; null: the instance's cap. */
  maxConcurrentRuns: number | null;
  limitedUntil: Date | null;
  /** The run that was told of the limit. */
  limitedByRunId: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** What a claim asks of an account. */
export type AccountFacts = Pick<
  ProviderAccountRow,
  "id" | "provider" | "credential" | "maxConcurrentRuns" | "limitedUntil" | "limitedByRunId"
>;

/** A scalar: the account of an agent row `a`, as `AccountFacts` has it with its instant as text, or null. */
export function accountFactsOf(agent: string): string {
  return `(SELECT jsonb_build_object('id', pa.id, 'provider', pa.provider, 'credential', pa.credential,
             'maxConcurrentRuns', pa.max_concurrent_runs, 'limitedUntil', pa.limited_until,
             'limitedByRunId', pa.limited_by_run_id)
             FROM provider_accounts pa WHERE pa.id = ${agent}.provider_account_id)`;
}

/** Makes an agent an account's, which is made where there is none. Hold the agent's row. */
export async function bindAccount(
  tx: Sql,
  bound: {
    readonly companyId: string;
    readonly agentId: string;
    readonly provider: string;
    readonly credential: string;
  },
): Promise<AccountFacts> {
  const rows = await tx.query<object>(
    `WITH account AS (
       INSERT INTO provider_accounts AS pa (company_id, provider, credential) VALUES ($1, $3, $4)
       ON CONFLICT (company_id, provider, credential) DO UPDATE SET provider = pa.provider
       RETURNING id, provider, credential, max_concurrent_runs, limited_until, limited_by_run_id
     ), agent AS (
       UPDATE agents a SET provider_account_id = account.id FROM account WHERE a.id = $2
     )
     SELECT * FROM account`,
    [bound.companyId, bound.agentId, bound.provider, bound.credential],
    "bind_account",
  );
  const [row] = rows;
  if (row === undefined) throw new Error("an upsert answers the row it wrote");
  return camelRow<AccountFacts>(row);
}

/** Takes an agent out of its account: its settings name none any more. */
export async function unbindAccount(tx: Sql, agentId: string): Promise<void> {
  await tx.query("UPDATE agents SET provider_account_id = NULL WHERE id = $1", [agentId], "unbind_account");
}

/** A limit that a run was told of: a later one stands. Answers until when the account is limited now. */
export async function limitAccount(
  tx: Sql,
  limit: { readonly accountId: string; readonly runId: string; readonly until: Date },
): Promise<Date> {
  const rows = await tx.query<{ until: Date }>(
    `UPDATE provider_accounts SET
        limited_by_run_id = CASE WHEN limited_until >= $3 THEN limited_by_run_id ELSE $2::uuid END,
        limited_until = greatest(limited_until, $3), updated_at = now()
      WHERE id = $1 RETURNING limited_until AS until`,
    [limit.accountId, limit.runId, limit.until],
    "limit_account",
  );
  return rows[0]?.until ?? limit.until;
}

/** How many runs are running under a cap, counted while nobody else of it can start one: until the transaction ends. */
export type CapToCount =
  | { readonly cap: "account"; readonly accountId: string }
  | { readonly cap: "host"; readonly workerId: string }
  | { readonly cap: "fleet" };

/**
 * Call it last before the claim, in the order account, host, fleet: whoever waits for one of these locks holds none that comes
 * after it.
 */
export async function countUnderCap(tx: Sql, of: CapToCount): Promise<number> {
  // The count is a statement of its own, sent behind the lock: its snapshot is taken when the lock is held.
  const [, rows] = await Promise.all([lockCap(tx, of), countRunning(tx, of)]);
  return rows[0]?.count ?? 0;
}

function lockCap(tx: Sql, of: CapToCount): Promise<object[]> {
  switch (of.cap) {
    case "account":
      return tx.query(
        "SELECT id FROM provider_accounts WHERE id = $1 FOR NO KEY UPDATE",
        [of.accountId],
        "lock_account",
      );
    case "host":
      return tx.query(
        `SELECT pg_advisory_xact_lock(hashtextextended('wakefleet:runs-of-host:' || (SELECT hostname FROM workers WHERE id = $1), 0))`,
        [of.workerId],
        "lock_host_cap",
      );
    case "fleet":
      return tx.query(
        "SELECT pg_advisory_xact_lock(hashtextextended('wakefleet:runs-of-fleet', 0))",
        [],
        "lock_fleet_cap",
      );
  }
}

/** The same without a lock, for a preview: it may have changed when it is read. */
export function countRunning(sql: Sql, of: CapToCount): Promise<{ count: number }[]> {
  switch (of.cap) {
    case "account":
      return sql.query(
        "SELECT count(*)::int AS count FROM heartbeat_runs WHERE provider_account_id = $1 AND status = 'running'",
        [of.accountId],
        "count_running_of_account",
      );
    case "host":
      return sql.query(
        `SELECT count(*)::int AS count FROM workers w JOIN heartbeat_runs r ON r.worker_id = w.id AND r.status = 'running'
          WHERE w.hostname = (SELECT hostname FROM workers WHERE id = $1)`,
        [of.workerId],
        "count_running_of_host",
      );
    case "fleet":
      return sql.query(
        "SELECT count(*)::int AS count FROM heartbeat_runs WHERE status = 'running'",
        [],
        "count_running_of_fleet",
      );
  }
}

/** As an operator sees it: with how many of its runs are running, and how many agents spend on it. */
export type ProviderAccountState = ProviderAccountRow & { readonly running: number; readonly agents: number };

/** The accounts of a company, or the one that is named, by provider. */
export async function listProviderAccounts(
  sql: Sql,
  of: { readonly companyId: string; readonly id?: string },
): Promise<ProviderAccountState[]> {
  const rows = await sql.query<object>(
    `SELECT pa.*,
            (SELECT count(*)::int FROM heartbeat_runs r WHERE r.provider_account_id = pa.id AND r.status = 'running') AS running,
            (SELECT count(*)::int FROM agents a WHERE a.provider_account_id = pa.id) AS agents
       FROM provider_accounts pa WHERE pa.company_id = $1 AND ($2::uuid IS NULL OR pa.id = $2)
      ORDER BY pa.provider, pa.created_at, pa.id`,
    [of.companyId, of.id ?? null],
  );
  return rows.map((row) => camelRow<ProviderAccountState>(row));
}

/** One account of a company, held for a change; null when there is none. */
export async function lockProviderAccount(
  tx: Sql,
  of: { readonly companyId: string; readonly id: string },
): Promise<ProviderAccountRow | null> {
  const rows = await tx.query<object>(
    "SELECT * FROM provider_accounts WHERE id = $2 AND company_id = $1 FOR NO KEY UPDATE",
    [of.companyId, of.id],
  );
  return rows[0] === undefined ? null : camelRow<ProviderAccountRow>(rows[0]);
}

/** What an operator sets. A limit that is set by hand was told by no run. */
export async function updateProviderAccount(
  tx: Sql,
  account: Pick<ProviderAccountRow, "id" | "maxConcurrentRuns" | "limitedUntil">,
): Promise<void> {
  await tx.query(
    `UPDATE provider_accounts SET max_concurrent_runs = $2, updated_at = now(),
            limited_by_run_id = CASE WHEN limited_until IS NOT DISTINCT FROM $3 THEN limited_by_run_id END, limited_until = $3
      WHERE id = $1`,
    [account.id, account.maxConcurrentRuns, account.limitedUntil],
  );
}

/** The jobs of its waiting runs are laid aside until a limit that does not hold any more: the relay brings them back. */
export async function redispatchRunsOfAccount(tx: Sql, accountId: string): Promise<void> {
  await tx.query(
    `UPDATE heartbeat_runs r SET dispatched_at = NULL, updated_at = now()
       FROM agents a WHERE a.provider_account_id = $1 AND r.agent_id = a.id AND r.status = 'queued'`,
    [accountId],
  );
}
