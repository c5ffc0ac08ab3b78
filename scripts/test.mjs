#!/usr/bin/env node
/**
 * `npm test`: sets up what is missing, runs the static checks, then all tests against a PostgreSQL and a Redis of their
 * own (OP-1). `--quick` leaves the static checks out; everything else is handed to vitest:
 *
 *   npm test -- --quick packages/queue
 *   npm test -- --quick -t "QU-4"
 *
 * Agents' own command lines are tested by `npm run test:agents`; here only two of them, and only where \`CI\` is
 * set or they are installed already, because they are more than half a gigabyte.
 */
import { check } from "./check.mjs";
import { ensureSetup } from "./ensure-setup.mjs";
import { AGENTS_IN_CI, installAgentsOfCi } from "./support/agents.mjs";
import { attempt, tool } from "./support/run.mjs";
import { complain, runMain, say } from "./support/say.mjs";

await runMain(async () => {
  const args = process.argv.slice(2);
  const quick = args.includes("--quick");
  await ensureSetup();
  const checked = quick || (await check());
  if (process.env.CI)
    await installAgentsOfCi().catch((error) => complain(`${error.message}\nTheir tests are left out.`));
  const [node, ...vitest] = tool("vitest/vitest.mjs");
  const env = { TEST_AGENTS: AGENTS_IN_CI, ...process.env };
  const { code } = await attempt(node, [...vitest, "run", ...args.filter((arg) => arg !== "--quick")], { env });
  if (!checked) complain("The static checks found problems: see above, or run npm run check.");
  if (code === 0 && checked) say("All checks and tests passed.");
  return code === 0 && checked ? 0 : 1;
});
