#!/usr/bin/env node
/** `npm run demo`: sets up, then `wakefleet demo` with the same arguments (OP-2). */
import { ensureSetup } from "./ensure-setup.mjs";
import { runMain } from "./support/say.mjs";

await runMain(async () => {
  await ensureSetup();
  const { main } = await import("../apps/cli/dist/main.js");
  return main(["demo", ...process.argv.slice(2)]);
});
