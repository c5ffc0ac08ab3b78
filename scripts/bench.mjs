#!/usr/bin/env node
/** `npm run bench`: sets up, then measures (test/bench). `--help` says what. */
import { ensureSetup } from "./ensure-setup.mjs";
import { attempt, ROOT, tool } from "./support/run.mjs";
import { runMain } from "./support/say.mjs";

await runMain(async () => {
  await ensureSetup();
  const [node] = tool("tsx");
  const { code } = await attempt(node, ["--import", "tsx", `${ROOT}test/bench/main.ts`, ...process.argv.slice(2)]);
  process.exitCode = typeof code === "number" ? code : 1;
});
