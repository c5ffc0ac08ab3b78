/** Wakes accepted a second: single posts of many clients and the batch form, beside bare servers and bare BullMQ. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { startBareHttpServer } from "./baselines.js";
import { type BenchFleet, type BenchStores, cancelWaitingRuns, createAgents, startBenchFleet } from "./fleet.js";
import type { LoadOrder, LoadResult } from "./http-load.js";
import { wakeInBatches, wakesInTurn } from "./measure-latency.js";

const LOAD = fileURLToPath(new URL("./http-load.ts", import.meta.url));

/** Posts accepted a second by whatever listens on `order.url`. */
async function postRate(order: LoadOrder): Promise<number> {
  const child = fork(LOAD, [], { execArgv: ["--import", "tsx"] });
  const { accepted, seconds } = await new Promise<LoadResult>((resolve, reject) => {
    child.once("message", (result) => resolve(result as LoadResult));
    child.once("exit", (code) => reject(new Error(`the load ended with ${code}`)));
    child.send(order);
  });
  return accepted / seconds;
}

/** Posts a second of the bare `node:http` server. */
export async function barePostRate(options: { clients: number; forMs: number }): Promise<number> {
  const server = await startBareHttpServer();
  const rate = await postRate({
    ...options,
    url: server.url,
    key: "none",
    warmUp: 500,
    targets: [{ path: "/", payload: {} }],
    ownTask: true,
  });
  server.stop();
  return rate;
}

/** Wakes accepted and committed a second over HTTP, one a post; each becomes a run, and none is executed. */
export async function acceptRate(
  stores: BenchStores,
  options: { clients: number; agents: number; issues: number; forMs: number; prefix: string },
): Promise<number> {
  const { companyId, agentIds } = await createAgents(stores.db, {
    count: options.agents,
    adapterType: "bench_noop",
    maxConcurrentRuns: 5,
  });
  const issueIds = await createIssues(stores, { companyId, agentIds, count: options.issues });
  const targets = agentIds.map((agentId, index) => ({
    path: `/api/agents/${agentId}/wakeup`,
    payload: issueIds.length === 0 ? {} : { issueId: issueIds[index % issueIds.length] },
  }));
  const { clients, forMs } = options;
  return withApi(stores, { companyId, prefix: options.prefix }, (api) =>
    postRate({
      clients,
      forMs,
      url: api.apiUrl,
      key: api.adminKey,
      warmUp: Math.max(500, agentIds.length),
      targets,
      ownTask: issueIds.length === 0,
    }),
  );
}

/** Wakes a second of the batch form, 1,000 a post, from the first post until the last job is in its queue. */
export async function batchRate(
  stores: BenchStores,
  options: { agents: number; wakes: number; prefix: string },
): Promise<number> {
  const { companyId, agentIds } = await createAgents(stores.db, {
    count: options.agents,
    adapterType: "bench_noop",
    maxConcurrentRuns: 5,
  });
  const items = wakesInTurn(agentIds, options.wakes, "batch");
  return withApi(stores, { companyId, prefix: options.prefix }, async (api) => {
    const startedAt = performance.now();
    await wakeInBatches(api, items);
    while (!(await allDispatched(stores, companyId))) await new Promise((resolve) => setTimeout(resolve, 10));
    return options.wakes / ((performance.now() - startedAt) / 1000);
  });
}

async function allDispatched(stores: BenchStores, companyId: string): Promise<boolean> {
  const rows = await stores.db.sql.query(
    "SELECT FROM heartbeat_runs WHERE company_id = $1 AND dispatched_at IS NULL LIMIT 1",
    [companyId],
  );
  return rows.length === 0;
}

async function withApi(
  stores: BenchStores,
  of: { companyId: string; prefix: string },
  measure: (api: BenchFleet) => Promise<number>,
): Promise<number> {
  const api = await startBenchFleet(stores, { workers: 0, prefix: of.prefix });
  const rate = await measure(api);
  await api.stop();
  await cancelWaitingRuns(stores.db, of.companyId);
  return rate;
}

async function createIssues(
  stores: BenchStores,
  of: { companyId: string; agentIds: readonly string[]; count: number },
): Promise<string[]> {
  const rows = await stores.db.sql.query<{ id: string }>(
    `INSERT INTO issues (company_id, title, status, assignee_agent_id)
     SELECT $1, 'Issue ' || n, 'todo', ($2::uuid[])[1 + (n - 1) % cardinality($2::uuid[])] FROM generate_series(1, $3) n
     RETURNING id`,
    [of.companyId, of.agentIds, of.count],
  );
  return rows.map((row) => row.id);
}
