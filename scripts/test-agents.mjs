#!/usr/bin/env node
/**
 * `npm run test:agents`: installs the agents' own command lines beside their tests (more than a gigabyte, once) and runs
 * each under a real API and a real worker against a fake model API on loopback. No model is asked and nothing leaves the
 * machine. What is given is handed to vitest; `TEST_AGENTS=claude,pi` chooses agents.
 */
import { ensureSetup } from "./ensure-setup.mjs";
import { installAgents } from "./support/agents.mjs";
import { attempt, tool } from "./support/run.mjs";
import { runMain } from "./support/say.mjs";

await runMain(async () => {
  await ensureSetup();
  await installAgents();
  const [node, ...vitest] = tool("vitest/vitest.mjs");
  const { code } = await attempt(node, [...vitest, "run", "--project", "agents", ...process.argv.slice(2)]);
  return code === 0 ? 0 : 1;
});
