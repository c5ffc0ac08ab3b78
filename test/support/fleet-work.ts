/** What tests do with a fleet over HTTP: companies, agents, wakes, runs; and how they wait for them. */
import type { AgentStatus, JsonObject, RunStatus } from "@wakefleet/contracts";
import { serversOf } from "@wakefleet/queue";
import { eventually, type Fleet } from "./fleet.js";

/** The fields of a run that tests read (API-107). */
export interface RunAnswer {
  readonly id: string;
  readonly agentId: string;
  readonly status: RunStatus;
  readonly error: string | null;
  readonly errorCode: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly resultJson: JsonObject | null;
  readonly contextSnapshot: JsonObject | null;
  readonly retryOfRunId: string | null;
  readonly processPid: number | null;
  readonly processGroupId: number | null;
  readonly processLossRetryCount: number;
  readonly logRef: string | null;
  readonly logBytes: number | null;
  readonly logSha256: string | null;
  readonly finishedAt: string | null;
  readonly lastOutputAt: string | null;
  readonly cancelRequestedAt: string | null;
  readonly wakeupRequestId: string | null;
  readonly workerId: string | null;
}

export interface RunEventAnswer {
  readonly seq: number;
  readonly eventType: string;
  readonly level: string | null;
  readonly message: string | null;
  readonly payload: JsonObject | null;
}

export interface AgentOptions {
  readonly companyId: string;
  readonly name?: string;
  readonly adapterType?: string;
  readonly adapterConfig: Record<string, unknown>;
  readonly heartbeat?: {
    readonly maxConcurrentRuns?: number;
    readonly enabled?: boolean;
    readonly intervalSec?: number;
    readonly sessionCompaction?: object;
  };
}

export async function createCompany(fleet: Fleet, name = "Acme"): Promise<string> {
  const { status, body } = await fleet.http.post<{ id: string }>("/api/companies", { name });
  if (status !== 201) throw new Error(`creating a company answered ${status}: ${JSON.stringify(body)}`);
  return body.id;
}

export async function createAgent(fleet: Fleet, options: AgentOptions): Promise<string> {
  const { status, body } = await fleet.http.post<{ id: string }>(`/api/companies/${options.companyId}/agents`, {
    name: options.name ?? "Ada",
    adapterType: options.adapterType ?? "process",
    adapterConfig: options.adapterConfig,
    runtimeConfig: { heartbeat: options.heartbeat ?? {} },
  });
  if (status !== 201) throw new Error(`creating an agent answered ${status}: ${JSON.stringify(body)}`);
  return body.id;
}

/** Wakes an agent and answers the run; a `taskKey` makes it a piece of work of its own (WK-30). */
export async function wake(
  fleet: Fleet,
  agentId: string,
  options: { taskKey?: string; api?: number } = {},
): Promise<RunAnswer> {
  const { status, body } = await fleet.httpOf(options.api ?? 0).post<RunAnswer>(`/api/agents/${agentId}/wakeup`, {
    ...(options.taskKey === undefined ? {} : { payload: { taskKey: options.taskKey } }),
  });
  if (status !== 202) throw new Error(`waking answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** Wakes an agent for `count` different pieces of work, in batches, and answers the runs' ids in order. */
export async function wakeMany(fleet: Fleet, agentId: string, count: number, prefix = "task"): Promise<string[]> {
  const runIds: string[] = [];
  for (let from = 0; from < count; from += 1_000) {
    const items = Array.from({ length: Math.min(1_000, count - from) }, (_, index) => ({
      agentId,
      payload: { taskKey: `${prefix}-${from + index}` },
    }));
    const { status, body } = await fleet.http.post<{ results: { runId: string; outcome: string }[] }>(
      "/api/wakeups/batch",
      {
        items,
      },
    );
    if (status !== 202) throw new Error(`the batch answered ${status}: ${JSON.stringify(body)}`);
    for (const result of body.results) {
      if (result.outcome !== "queued") throw new Error(`a wake of the batch was ${result.outcome}`);
      runIds.push(result.runId);
    }
  }
  return runIds;
}

export function readRun(fleet: Fleet, runId: string): Promise<RunAnswer> {
  return fleet.http.read<RunAnswer>(`/api/heartbeat-runs/${runId}`);
}

export function readEvents(fleet: Fleet, runId: string): Promise<RunEventAnswer[]> {
  return fleet.http.read<RunEventAnswer[]>(`/api/heartbeat-runs/${runId}/events?limit=1000`);
}

/** What the agent printed, put together from the run's log; the service's own lines (EX-9) are left out. */
export async function readOutput(fleet: Fleet, runId: string): Promise<string> {
  return (await readLogLines(fleet, runId)).map((line) => line.chunk).join("");
}

/** The lines of a run's log, page by page; without the service's own. */
export async function readLogLines(fleet: Fleet, runId: string): Promise<{ stream: string; chunk: string }[]> {
  let content = "";
  for (let offset: number | undefined = 0; offset !== undefined; ) {
    const page: { content: string; nextOffset?: number } = await fleet.http.read(
      `/api/heartbeat-runs/${runId}/log?offset=${offset}&limitBytes=1048576`,
    );
    content += page.content;
    offset = page.nextOffset;
  }
  return content
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { stream: string; chunk: string })
    .filter((line) => !line.chunk.startsWith("[wakefleet] "));
}

/** Waits until the run is over and answers it. */
export function untilEnded(fleet: Fleet, runId: string, deadlineMs?: number): Promise<RunAnswer> {
  return eventually(
    `run ${runId} to end`,
    async () => {
      const run = await readRun(fleet, runId);
      return run.finishedAt === null ? null : run;
    },
    deadlineMs,
  );
}

/** Waits until the agent's process of this run has said that it started. */
export async function untilStarted(fleet: Fleet, runId: string): Promise<{ pid: number }> {
  return eventually(`the process of run ${runId}`, () => fleet.witness.started(runId));
}

/** Waits until the child's pid is stored with the run (EX-11). */
export async function untilSpawnStored(fleet: Fleet, runId: string): Promise<number> {
  return eventually(`the stored pid of run ${runId}`, async () => (await readRun(fleet, runId)).processPid);
}

export async function agentStatus(fleet: Fleet, agentId: string): Promise<AgentStatus> {
  return (await fleet.http.read<{ status: AgentStatus }>(`/api/agents/${agentId}`)).status;
}

/** How many runs of the agents there are in each status. */
export async function runCounts(
  fleet: Fleet,
  agentIds?: readonly string[],
): Promise<Partial<Record<RunStatus, number>>> {
  const rows = await fleet.db.sql.query<{ status: RunStatus; count: number }>(
    `SELECT status, count(*)::int AS count FROM heartbeat_runs
      WHERE $1::uuid[] IS NULL OR agent_id = ANY($1::uuid[]) GROUP BY status`,
    [agentIds ?? null],
  );
  return Object.fromEntries(rows.map((row) => [row.status, row.count]));
}

/** Waits until no run waits or runs. */
export function untilSettled(fleet: Fleet, deadlineMs?: number): Promise<true> {
  return eventually(
    "every run to end",
    async () => {
      const { queued = 0, scheduled_retry = 0, running = 0 } = await runCounts(fleet);
      if (queued + scheduled_retry + running > 0) throw new Error(JSON.stringify({ queued, scheduled_retry, running }));
      return true as const;
    },
    deadlineMs,
  );
}

/** Keys of an agent's queue in Redis, whatever they are called. */
export async function scanKeys(fleet: Fleet, agentId: string): Promise<string[]> {
  const keys: string[] = [];
  for (const server of serversOf(fleet.redis)) {
    let cursor = "0";
    do {
      const [next, found] = await server.scan(cursor, "MATCH", `${fleet.redisPrefix}*${agentId}*`, "COUNT", 10_000);
      keys.push(...found);
      cursor = next;
    } while (cursor !== "0");
  }
  return keys;
}
