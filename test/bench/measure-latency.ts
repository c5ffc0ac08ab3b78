/** Wake → adapter start over HTTP on an idle fleet, one wake at a time, of random agents. */
import { Agent, request } from "node:http";
import type { BenchFleet, BenchStores } from "./fleet.js";
import { withoutWarmUp } from "./statistics.js";

/**
 * Milliseconds from before the POST to the adapter's start. The fleet is idle before each: the run of the wake before has
 * ended. The client keeps one connection open, as every client of a busy service does.
 */
export async function wakeToStart(
  { fleet, stores }: { fleet: BenchFleet; stores: BenchStores },
  agentIds: readonly string[],
  samples: number,
): Promise<number[]> {
  const startedAt = new Map<string, number>();
  let tell: (() => void) | null = null;
  const stopListening = fleet.onStart(({ runId, atMs }) => {
    startedAt.set(runId, atMs);
    tell?.();
  });
  const latencies: number[] = [];
  for (let index = 0; index < samples; index += 1) {
    const agentId = agentIds[Math.floor(Math.random() * agentIds.length)] ?? "";
    const postedAt = performance.timeOrigin + performance.now();
    const run = await wake(fleet, agentId, `latency-${index}-${postedAt}`);
    while (!startedAt.has(run)) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
    latencies.push((startedAt.get(run) ?? 0) - postedAt);
    while (!(await hasEnded(stores, run))) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  stopListening();
  return withoutWarmUp(latencies);
}

async function hasEnded(stores: BenchStores, runId: string): Promise<boolean> {
  const rows = await stores.db.sql.query(
    "SELECT FROM heartbeat_runs WHERE id = $1 AND finished_at IS NOT NULL",
    [runId],
    "bench_has_ended",
  );
  return rows.length > 0;
}

/** Posts one wake; answers the run's id. */
export async function wake(
  fleet: Pick<BenchFleet, "apiUrl" | "adminKey">,
  agentId: string,
  taskKey: string,
): Promise<string> {
  const { status, text } = await postJson(`${fleet.apiUrl}/api/agents/${agentId}/wakeup`, {
    key: fleet.adminKey,
    body: { payload: { taskKey } },
  });
  if (status !== 202) throw new Error(`a wake was answered ${status}: ${text}`);
  return (JSON.parse(text) as { id: string }).id;
}

/** What a wake of a batch asks for. */
export interface BatchItem {
  readonly agentId: string;
  readonly payload: { readonly taskKey: string };
}

const MAX_BATCH = 1_000;

/** Posts wakes by the batch form, as many a post as it takes, one post after the other. */
export async function wakeInBatches(
  fleet: Pick<BenchFleet, "apiUrl" | "adminKey">,
  items: readonly BatchItem[],
): Promise<void> {
  for (let from = 0; from < items.length; from += MAX_BATCH) {
    const { status, text } = await postJson(`${fleet.apiUrl}/api/wakeups/batch`, {
      key: fleet.adminKey,
      body: { items: items.slice(from, from + MAX_BATCH) },
    });
    if (status !== 202) throw new Error(`a batch was answered ${status}: ${text}`);
  }
}

/** `count` wakes of the agents in turn, each of a task of its own. */
export function wakesInTurn(agentIds: readonly string[], count: number, task: string): BatchItem[] {
  return Array.from({ length: count }, (_, index) => ({
    agentId: agentIds[index % agentIds.length] ?? "",
    payload: { taskKey: `${task}-${index}` },
  }));
}

const keptAlive = new Agent({ keepAlive: true });

/** One POST over a kept connection; nothing of the client's own stands between the clock and the wire. */
export function postJson(
  url: string,
  post: { readonly key: string; readonly body: object },
): Promise<{ status: number; text: string }> {
  const body = JSON.stringify(post.body);
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      authorization: `Bearer ${post.key}`,
    };
    const sent = request(url, { method: "POST", agent: keptAlive, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
