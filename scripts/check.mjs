#!/usr/bin/env node
/**
 * Everything that can be said about the code without running it, and that the migrations make the schema: format, lint,
 * import direction, the tests' types, purity of the decisions, unused code, README's table, rules and rows of checks without a test, drift. `npm test` runs it first.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureSetup } from "./ensure-setup.mjs";
import { attempt, ROOT, tool } from "./support/run.mjs";
import { complain, paint, runMain, say, step } from "./support/say.mjs";

const script = (name) => [process.execPath, join(ROOT, "scripts", name)];

const CHECKS = [
  ["Format and lint", [...tool("@biomejs/biome/bin/biome"), "check", "--error-on-warnings"]],
  [
    "Import direction",
    [
      ...tool("dependency-cruiser/bin/dependency-cruise.mjs"),
      "--config",
      ".dependency-cruiser.cjs",
      "packages",
      "apps",
    ],
  ],
  ["Types of the tests", [...tool("typescript/bin/tsc"), "--project", "tsconfig.tests.json"]],
  ["Purity of packages/domain", script("purity.mjs")],
  ["Unused files, exports and dependencies", [...tool("knip/bin/knip.js"), "--no-progress", "--no-config-hints"]],
  ["README's configuration table", [...script("config-table.mjs"), "--check"]],
  ["A test for every rule of the complete lists", script("rules-without-test.mjs")],
  ["A test for every row of the tables of outside checks", script("checks-without-test.mjs")],
];

/** Runs all checks, shows what the failing ones say, and answers whether all passed. */
export async function check() {
  let passed = true;
  const judge = (title, problem) => {
    say(`${problem === null ? paint("green", "ok  ") : paint("red", "FAIL")} ${title}`);
    if (problem === null) return;
    complain(problem);
    passed = false;
  };
  for (const [title, [command, ...args]] of CHECKS) {
    const { code, said } = await step(title, () => attempt(command, args, { quiet: true }));
    judge(title, code === 0 ? null : said.trimEnd());
  }
  judge("Schema, migrations and database agree", await step("Checking for drift", drift));
  return passed;
}

/** Differences between schema.prisma, the migrations and a freshly migrated database, or null. */
async function drift() {
  const { default: setUpStores } = await import("../packages/testkit/dist/global-setup.js");
  const { createTestDatabase } = await import("../packages/testkit/dist/index.js");
  const { checkDrift, explainDrift } = await import("../packages/store/dist/index.js");
  const tearDown = await setUpStores();
  try {
    const database = await createTestDatabase();
    const report = await checkDrift({ databaseUrl: database.url });
    await database.drop();
    return report.clean ? null : explainDrift(report).join("\n");
  } catch (error) {
    return error.message;
  } finally {
    await tearDown();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runMain(async () => {
    await ensureSetup();
    return (await check()) ? 0 : 1;
  });
}
