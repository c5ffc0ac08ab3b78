#!/usr/bin/env node
/**
 * `npm run test:cluster`: the main end-to-end tests, those of queues, crashes and takeovers, against a real Redis Cluster of
 * three masters on loopback (OP-12). What is given is handed to vitest instead of the list:
 *
 *   npm run test:cluster -- --project e2e test/e2e/worker-stopped.test.ts
 */
import { ensureSetup } from "./ensure-setup.mjs";
import { attempt, tool } from "./support/run.mjs";
import { runMain } from "./support/say.mjs";

const FILES = [
  "main-path",
  "wakeups",
  "queues",
  "many-agents",
  "fault-points",
  "worker-killed",
  "workers-replaced",
  "redis-cluster",
].map((name) => `test/e2e/${name}.test.ts`);

await runMain(async () => {
  await ensureSetup();
  const [node, ...vitest] = tool("vitest/vitest.mjs");
  const given = process.argv.slice(2);
  const env = { ...process.env, WAKEFLEET_TEST_REDIS_CLUSTER: "1" };
  const { code } = await attempt(node, [...vitest, "run", ...(given.length > 0 ? given : FILES)], { env });
  return code === 0 ? 0 : 1;
});
