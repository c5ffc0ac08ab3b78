/**
 * Rows for tests: each builder sets only what the test is about and leaves the rest to the column's default (STY-65).
 * What is built is what the service itself would have left behind: an active run has its request (DM-93), a running one
 * its worker, lease and slot (DM-37).
 */
import { randomUUID } from "node:crypto";
import { type JsonObject, readHeartbeatPolicy } from "@wakefleet/contracts";
import type { AgentRow, IssueRow, RunRow, Sql, WakeupRow } from "@wakefleet/store";

type Columns = Readonly<Record<string, unknown>>;

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Inserts one row by its columns' HTTP names and answers its id. Objects go into `jsonb` columns as they are. */
export async function insertRow(sql: Sql, table: string, row: Columns): Promise<string> {
  const columns = Object.keys(row).filter((name) => row[name] !== undefined);
  const values = columns.map((name) => row[name]);
  const places = columns.map((_, index) => `$${index + 1}`);
  const rows = await sql.query<{ id: string }>(
    `INSERT INTO ${table} (${columns.map(snake).join(", ")}) VALUES (${places.join(", ")}) RETURNING id`,
    values,
  );
  if (rows[0] === undefined) throw new Error(`no row came into ${table}`);
  return rows[0].id;
}

let companies = 0;

/** A company; answers its id. */
export function aCompany(sql: Sql, columns: Columns = {}): Promise<string> {
  companies += 1;
  const prefix = `T${process.pid.toString(36)}${companies.toString(36)}`.toUpperCase();
  return insertRow(sql, "companies", { name: `Company ${companies}`, issuePrefix: prefix, ...columns });
}

export type AgentColumns = Partial<AgentRow> & {
  readonly companyId: string;
  /** `runtimeConfig.heartbeat`; `maxConcurrentRuns` is kept equal to it, as the service does. */
  readonly heartbeat?: JsonObject;
};

/** An idle agent; answers its id. */
export function anAgent(sql: Sql, { heartbeat = {}, ...columns }: AgentColumns): Promise<string> {
  const runtimeConfig = columns.runtimeConfig ?? { heartbeat };
  const { maxConcurrentRuns } = readHeartbeatPolicy(runtimeConfig);
  return insertRow(sql, "agents", {
    name: `Agent ${randomUUID().slice(0, 8)}`,
    status: "idle",
    adapterType: "process",
    runtimeConfig,
    maxConcurrentRuns,
    ...columns,
  });
}

/** An issue in `todo`; answers its id. */
export function anIssue(sql: Sql, columns: Partial<IssueRow> & { readonly companyId: string }): Promise<string> {
  return insertRow(sql, "issues", { title: "Mend the roof", status: "todo", ...columns });
}

/** A live worker; answers its id. */
export function aWorker(sql: Sql, columns: { hostname?: string; bootId?: string } = {}): Promise<string> {
  return insertRow(sql, "workers", {
    id: randomUUID(),
    hostname: "host",
    bootId: "boot",
    pid: 1,
    version: "0",
    capacity: 10,
    ...columns,
  });
}

/** A wakeup request; answers its id. */
export function aRequest(
  sql: Sql,
  columns: Partial<WakeupRow> & { readonly companyId: string; readonly agentId: string },
): Promise<string> {
  return insertRow(sql, "agent_wakeup_requests", { source: "on_demand", ...columns });
}

export type RunColumns = Partial<RunRow> & { readonly companyId: string; readonly agentId: string };

const REQUEST_STATUS: Readonly<Record<RunRow["status"], WakeupRow["status"]>> = {
  queued: "queued",
  scheduled_retry: "queued",
  running: "claimed",
  succeeded: "completed",
  failed: "failed",
  cancelled: "cancelled",
  timed_out: "timed_out",
};

/** What a status asks of the other columns (DM-37). */
function columnsOf(status: RunRow["status"]): Columns {
  const now = new Date();
  switch (status) {
    case "queued":
      return {};
    case "scheduled_retry":
      return { scheduledRetryAt: new Date(now.getTime() + 3_600_000) };
    case "running":
      return {
        workerId: randomUUID(),
        claimToken: 1,
        startToken: 1,
        runSlot: 1,
        leaseExpiresAt: new Date(now.getTime() + 3_600_000),
        startedAt: now,
        dispatchedAt: now,
      };
    default:
      return { finishedAt: now, finalizedAt: now, dispatchedAt: now };
  }
}

/** A run, `queued` unless said otherwise, with its request; answers its id. */
export async function aRun(sql: Sql, columns: RunColumns): Promise<string> {
  const { companyId, agentId } = columns;
  const status = columns.status ?? "queued";
  const id = columns.id ?? randomUUID();
  const requestStatus = REQUEST_STATUS[status];
  const isFinal = columnsOf(status)["finishedAt"] !== undefined;
  const wakeupRequestId =
    columns.wakeupRequestId ??
    (await aRequest(sql, {
      companyId,
      agentId,
      status: requestStatus,
      runId: id,
      ...(requestStatus === "claimed" ? { claimedAt: new Date() } : {}),
      ...(isFinal ? { finishedAt: new Date() } : {}),
    }));
  const { issueId, taskKey } = columns;
  const contextSnapshot = columns.contextSnapshot ?? {
    ...(issueId == null ? {} : { issueId }),
    ...(taskKey == null ? {} : { taskKey }),
  };
  return insertRow(sql, "heartbeat_runs", {
    ...columnsOf(status),
    ...columns,
    id,
    status,
    wakeupRequestId,
    contextSnapshot,
    taskKey: taskKey ?? issueId ?? null,
  });
}
