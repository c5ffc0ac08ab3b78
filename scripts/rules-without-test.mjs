#!/usr/bin/env node
/**
 * Names the rules that no test mentions. Run it before a set of rules is called done; give it a list of rules, by default
 * that of the first issue. A rule counts as tested when its number stands in a text of a test file (a test's name, a row of
 * its table): that says that somebody meant to test it, not that the test is good.
 *
 * Usage: node scripts/rules-without-test.mjs [LIST]
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { ROOT } from "./support/run.mjs";
import { runMain, say } from "./support/say.mjs";

const DEFAULT_LIST = join(ROOT, "scripts", "rules-of-the-first-issue.txt");
const FOLDERS = ["packages", "apps", "test", "scripts"];
const SKIPPED = new Set(["node_modules", "dist", "generated"]);
const IS_TEST = /(?:\.test\.m?[tj]s|-conformance\.ts)$/;
/** `WK-1`, and a range in any of the ways people write one. */
const RULES = /\b([A-Z]{2,3})-(\d+)[a-z]?(?:\s*(?:\.\.|to|–)\s*(?:\1-)?(\d+))?/g;
/** Comments say what a test is about, but only its texts show up in a report. */
const COMMENTS = /^\s*(?:\/\/|\/\*|\*).*$/gm;

/** Every rule a text names, ranges spelled out. */
function rulesIn(text) {
  const found = [];
  for (const [, family, first, last] of text.matchAll(RULES)) {
    const from = Number(first);
    for (let number = from; number <= Math.max(from, Number(last ?? from)); number += 1)
      found.push(`${family}-${number}`);
  }
  return found;
}

function* testFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* testFiles(path);
    else if (entry.isFile() && IS_TEST.test(entry.name)) yield path;
  }
}

await runMain(() => {
  const list = resolve(process.argv[2] ?? DEFAULT_LIST);
  const wanted = rulesIn(readFileSync(list, "utf8").replace(/#.*$/gm, ""));
  const tested = new Set();
  for (const folder of FOLDERS) {
    for (const file of testFiles(join(ROOT, folder))) {
      for (const rule of rulesIn(readFileSync(file, "utf8").replace(COMMENTS, ""))) tested.add(rule);
    }
  }
  const missing = wanted.filter((rule) => !tested.has(rule));
  for (const rule of missing) say(rule);
  if (missing.length === 0) return 0;
  throw new Error(
    `${missing.length} of ${wanted.length} rules of ${relative(ROOT, list)} stand in no test. Name the rule in the test that tries it.`,
  );
});
