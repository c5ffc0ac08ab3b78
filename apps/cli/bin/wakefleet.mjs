#!/usr/bin/env node
/** The `wakefleet` command: hands over to the compiled program, or says how to have it compiled. */
import { existsSync } from "node:fs";

const program = new URL("../dist/main.js", import.meta.url);
if (existsSync(program)) {
  const { main } = await import(program.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.stderr.write("Wakefleet is not built yet. Run: npm run build\n");
  process.exitCode = 1;
}
