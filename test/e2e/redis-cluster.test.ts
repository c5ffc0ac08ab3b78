/** A fleet on a Redis Cluster of three masters (OP-12), and a Cluster of which one master loses its data (RL-5). */
import { afterEach, beforeEach, expect, it } from "vitest";
import { expectEachExecutedOnce, expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { readEventStream, type SseEvent } from "../support/fleet-http.js";
import {
  createAgent,
  createCompany,
  runCounts,
  scanKeys,
  untilEnded,
  untilSettled,
  untilStarted,
  wake,
  wakeMany,
} from "../support/fleet-work.js";

const AGENTS = 12;
const SETTLE_MS = 90_000;

let fleet: Fleet;
let companyId: string;

beforeEach(async () => {
  fleet = await startFleet({ workers: 2, stores: "cluster" });
  companyId = await createCompany(fleet);
});
afterEach(async () => fleet?.stop());

function createAgents(hold: "until_released" | "none"): Promise<string[]> {
  return Promise.all(
    Array.from({ length: AGENTS }, (_, index) =>
      createAgent(fleet, {
        companyId,
        name: `Agent ${index}`,
        adapterConfig: fleet.witness.agentConfig(hold),
        heartbeat: { maxConcurrentRuns: 1 },
      }),
    ),
  );
}

/** How many keys of the fleet each master holds. */
function keysOfNodes(): Promise<number[]> {
  return Promise.all(
    Array.from({ length: fleet.cluster.size }, async (_, index) => {
      const node = fleet.cluster.connectNode(index);
      try {
        return (await node.keys(`${fleet.redisPrefix}:*`)).length;
      } finally {
        node.disconnect();
      }
    }),
  );
}

it("OP-12, RL-1 a fleet works on a Cluster: queues lie on all masters, wakes, cancels and live events come through", async () => {
  const agentIds = await createAgents("none");
  const control = new AbortController();
  const seen: SseEvent[] = [];
  const stream = await fleet.http.open(`/api/companies/${companyId}/events/stream`, { signal: control.signal });
  const listening = (async () => {
    for await (const event of readEventStream(stream)) seen.push(event);
  })().catch((error: unknown) => expect(control.signal.aborted, String(error)).toBe(true));

  const runIds = (await Promise.all(agentIds.map((agentId) => wakeMany(fleet, agentId, 5)))).flat();
  await untilSettled(fleet, SETTLE_MS);
  expectEachExecutedOnce(fleet, runIds);
  expect(await runCounts(fleet)).toEqual({ succeeded: runIds.length });
  for (const count of await keysOfNodes()) expect(count).toBeGreaterThan(0);
  const [first = ""] = agentIds;
  expect(new Set((await scanKeys(fleet, first)).map((key) => /\{(.*?)\}/.exec(key)?.[1]))).toEqual(new Set([first]));

  const [held = ""] = await createAgents("until_released");
  const running = await wake(fleet, held);
  await untilStarted(fleet, running.id);
  expect((await fleet.http.post(`/api/heartbeat-runs/${running.id}/cancel`)).status).toBe(200);
  expect((await untilEnded(fleet, running.id)).status).toBe("cancelled");
  await eventually("the cancel to be told live", () =>
    seen.some(({ data }) => JSON.stringify(data).includes(running.id) && JSON.stringify(data).includes("cancelled")),
  );
  control.abort();
  await listening;
  await expectNothingBroken(fleet, () => 1);
});

it("RL-5, RL-21 one master restarted empty, another flushed: everything that waited is back, once", async () => {
  const agentIds = await createAgents("until_released");
  const runIds = (await Promise.all(agentIds.map((agentId) => wakeMany(fleet, agentId, 3)))).flat();
  await eventually("each agent to run", async () => (await runCounts(fleet)).running === AGENTS);

  await fleet.cluster.stopNode(0, "crash");
  // Meanwhile the API accepts, though a third of the queues cannot be reached.
  const meanwhile = (await Promise.all(agentIds.map((agentId) => wakeMany(fleet, agentId, 1, "away")))).flat();
  await fleet.cluster.startNode(0, { empty: true });
  fleet.witness.release();
  await untilSettled(fleet, SETTLE_MS);
  expectEachExecutedOnce(fleet, [...runIds, ...meanwhile]);

  const late = (await Promise.all(agentIds.map((agentId) => wakeMany(fleet, agentId, 20, "late")))).flat();
  const flushed = fleet.cluster.connectNode(1);
  await flushed.flushall();
  flushed.disconnect();
  await untilSettled(fleet, SETTLE_MS);
  expectEachExecutedOnce(fleet, late);
  await expectNothingBroken(fleet, () => 1);
});
