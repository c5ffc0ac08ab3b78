/** A real Redis Cluster under the queues (OP-12): jobs of many agents, and the loss of any one master's keys (RL-21). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestCluster, type TestCluster, waitFor } from "@wakefleet/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openCorner, runJob } from "../test/support.js";
import { watchEpoch } from "./epoch.js";
import { silentLog } from "./log.js";
import { closeRedis, connectRedis, waitUntilReady } from "./redis.js";

const AGENTS = 20;
const RUNS = 60;

let cluster: TestCluster;
const dir = mkdtempSync(join(tmpdir(), "wakefleet-queue-cluster-"));

beforeAll(async () => {
  cluster = await startTestCluster({ dir });
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

it("OP-12 is ready again and again, whoever is asked first", async () => {
  for (let round = 0; round < 20; round += 1) {
    const redis = connectRedis({ url: cluster.url, name: "test", log: silentLog });
    await waitUntilReady(redis, 10_000);
    // No command is refused any more, whichever node it is for.
    await Promise.all(Array.from({ length: 50 }, (_, index) => redis.get(`key-${index}`)));
    await closeRedis(redis);
  }
});

it("OP-12, QU-2 one batch of jobs of many agents reaches all masters, and one consumer serves them", async () => {
  const corner = await openCorner({ url: cluster.url });
  const started: string[] = [];
  await corner.consume({
    onJob: async ({ runId }) => {
      started.push(runId);
      return { kind: "finished", returnValue: { status: "succeeded" } };
    },
  });
  await corner.add(Array.from({ length: RUNS }, (_, index) => runJob(`agent-${index % AGENTS}`, `run-${index}`)));
  await waitFor(() => started.length === RUNS, { what: "all runs" });
  expect(new Set(started).size).toBe(RUNS);
});

it("RL-21 whichever master loses its keys, it is noticed and everything is put back once", async () => {
  const corner = await openCorner({ url: cluster.url });
  let rebuilds = 0;
  const watch = watchEpoch({
    queues: corner.queues,
    expected: async () => "epoch-1",
    withLock: async (work) => {
      await work();
      return true;
    },
    rebuild: async () => {
      rebuilds += 1;
    },
    intervalMs: 50,
  });
  try {
    await waitFor(() => rebuilds === 1, { what: "the first epoch" });
    for (let index = 0; index < cluster.size; index += 1) {
      await watch.check();
      const node = cluster.connectNode(index);
      await node.flushall();
      node.disconnect();
      await waitFor(() => rebuilds === index + 2, { what: `the loss of master ${index} to be noticed` });
      // The look that is under way ends with the rebuild; the next one finds nothing to do.
      await watch.check();
      expect(await watch.check()).toBe(false);
    }
    expect(rebuilds).toBe(cluster.size + 1);
    await cluster.stopNode(0, "crash");
    await cluster.startNode(0);
    await waitFor(() => rebuilds > cluster.size + 1, { what: "a restart to be noticed", deadlineMs: 30_000 });
  } finally {
    await watch.stop();
  }
});
