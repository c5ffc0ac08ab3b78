#!/usr/bin/env node
/** `npm run up`: sets up, then `wakefleet up` with the same arguments (OP-7). */
import { ensureSetup } from "./ensure-setup.mjs";
import { runMain } from "./support/say.mjs";

await runMain(async () => {
  await ensureSetup();
  const { main } = await import("../apps/cli/dist/main.js");
  return main(["up", ...process.argv.slice(2)]);
});
