#!/usr/bin/env node
/** `npm run torture`: sets up, then breaks whatever can be broken (test/torture). `--help` says what. */
import { ensureSetup } from "./ensure-setup.mjs";
import { attempt, ROOT, tool } from "./support/run.mjs";
import { runMain } from "./support/say.mjs";

await runMain(async () => {
  await ensureSetup();
  const [node] = tool("tsx");
  const { code } = await attempt(node, ["--import", "tsx", `${ROOT}test/torture/main.ts`, ...process.argv.slice(2)]);
  return typeof code === "number" ? code : 1;
});
