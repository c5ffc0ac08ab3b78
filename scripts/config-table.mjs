#!/usr/bin/env node
/**
 * Keeps README's table of configuration variables equal to the schema (OP-10): writes it between its markers, or with
 * `--check` only says whether it is up to date. Run it after changing packages/config.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./support/run.mjs";
import { runMain, say } from "./support/say.mjs";

const HELP = `Usage: node scripts/config-table.mjs [--check]

Writes the table of configuration variables into README.md, between its two markers.

  --check   change nothing; exit code 1 when the table is out of date
  --help    this text
`;

const README = join(ROOT, "README.md");
const BEGIN = "<!-- config-table:begin (made by scripts/config-table.mjs) -->";
const END = "<!-- config-table:end -->";

await runMain(async () => {
  const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean" } } });
  if (values.help) return void process.stdout.write(HELP);
  const { configTable } = await import("../packages/config/dist/index.js");
  const readme = readFileSync(README, "utf8");
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin === -1 || end < begin)
    throw new Error(`README.md lacks the markers of the configuration table:\n${BEGIN}\n${END}`);
  const updated = `${readme.slice(0, begin + BEGIN.length)}\n${configTable()}\n${readme.slice(end)}`;
  if (updated === readme) return void say("README's configuration table is up to date.");
  if (values.check) throw new Error("README's configuration table is out of date. Run: node scripts/config-table.mjs");
  writeFileSync(README, updated);
  say("README's configuration table was written.");
});
