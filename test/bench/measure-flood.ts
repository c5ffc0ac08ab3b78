/**
 * What a child that prints as fast as it can costs its neighbours on the same worker (LG-8): short runs beside it and
 * without it, in alternating rounds, so that both see the same machine.
 */
import { type BenchFleet, type BenchStores, createAgents, startBenchFleet } from "./fleet.js";
import { postJson, wake } from "./measure-latency.js";
import { withoutWarmUp } from "./statistics.js";

const LINE = "0123456789abcdef".repeat(8);
/** Between looks at a run, milliseconds: far below what a short run takes. */
const LOOK_EVERY_MS = 2;

export interface FloodTimes {
  /** Milliseconds from the post of a wake to the end of its run. */
  readonly alone: number[];
  readonly besideFlood: number[];
}

/** `samples` short runs each way and round, one after the other. */
export async function shortRunsBesideFlood(
  stores: BenchStores,
  options: { readonly rounds: number; readonly samples: number; readonly prefix: string },
): Promise<FloodTimes> {
  const fleet = await startBenchFleet(stores, { workers: 1, prefix: options.prefix });
  const shell = (script: string) => ({ command: "/bin/sh", args: ["-c", script] });
  const short = await oneAgent(stores, shell("for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; done"));
  const flooding = await oneAgent(stores, shell(`exec yes ${LINE}`));
  const times: { alone: number[]; besideFlood: number[] } = { alone: [], besideFlood: [] };
  const measure = async (round: string): Promise<number[]> => {
    const measured: number[] = [];
    for (let index = 0; index < options.samples; index += 1) {
      const postedAt = performance.now();
      await untilEnded(stores, await wake(fleet, short, `short-${round}-${index}`));
      measured.push(performance.now() - postedAt);
    }
    return withoutWarmUp(measured);
  };
  try {
    for (let round = 0; round < options.rounds; round += 1) {
      times.alone.push(...(await measure(`alone-${round}`)));
      const flood = await wake(fleet, flooding, `flood-${round}`);
      await until(stores, "SELECT FROM heartbeat_runs WHERE id = $1 AND last_output_at IS NOT NULL", flood);
      times.besideFlood.push(...(await measure(`beside-${round}`)));
      await cancel(fleet, flood);
      await untilEnded(stores, flood);
    }
  } finally {
    await fleet.stop();
  }
  return times;
}

async function oneAgent(stores: BenchStores, adapterConfig: object): Promise<string> {
  const made = await createAgents(stores.db, { count: 1, adapterType: "process", maxConcurrentRuns: 1, adapterConfig });
  return made.agentIds[0] ?? "";
}

async function cancel(fleet: BenchFleet, runId: string): Promise<void> {
  const { status, text } = await postJson(`${fleet.apiUrl}/api/heartbeat-runs/${runId}/cancel`, {
    key: fleet.adminKey,
    body: {},
  });
  if (status >= 300) throw new Error(`a cancel was answered ${status}: ${text}`);
}

function untilEnded(stores: BenchStores, runId: string): Promise<void> {
  return until(stores, "SELECT FROM heartbeat_runs WHERE id = $1 AND finished_at IS NOT NULL", runId);
}

async function until(stores: BenchStores, statement: string, runId: string): Promise<void> {
  while ((await stores.db.sql.query(statement, [runId])).length === 0) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
