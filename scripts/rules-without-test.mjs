#!/usr/bin/env node
/**
 * Names the rules that no test mentions. Run it before a set of rules is called done; give it lists of rules, by default
 * those that are complete. A rule counts as tested when its number stands in a text of a test file (a test's name, a row of
 * its table): that says that somebody meant to test it, not that the test is good.
 *
 * Usage: node scripts/rules-without-test.mjs [LIST…]
 */
import { readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./support/run.mjs";
import { runMain, say } from "./support/say.mjs";
import { testTexts } from "./support/test-texts.mjs";

const list = (name) => join(ROOT, "scripts", name);

/** Lists that have a test for every rule; `npm run check` holds them to it. */
export const COMPLETE_LISTS = [
  list("rules-of-the-first-issue.txt"),
  list("rules-of-wakeups.txt"),
  list("rules-of-secrets-and-places.txt"),
  list("rules-of-run-life.txt"),
  list("rules-of-decisions.txt"),
];
/** `WK-1`, `CO-21a`, `BU-15.3`, `W9b`, and a range in any of the ways people write one. */
const RULES = /\b(?:([A-Z]{2,3})-|(W)(?=\d))(\d+)([a-z]\b|\.\d+(?!\d*\.))?(?:\s*(?:\.\.|to|–)\s*(?:\1-|\2)?(\d+))?/g;

/** Every rule a text names, ranges spelled out; a part of a rule (`BU-15.3`) names the rule, too. */
function rulesIn(text) {
  const found = [];
  for (const [, dashed, plain, first, part = "", last] of text.matchAll(RULES)) {
    const family = dashed === undefined ? plain : `${dashed}-`;
    const from = Number(first);
    for (let number = from; number <= Math.max(from, Number(last ?? from)); number += 1) found.push(family + number);
    if (part !== "") found.push(family + first + part);
  }
  return found;
}

/** The rules of a list: what a line names and nothing beside it. */
function rulesOf(list) {
  const lines = readFileSync(list, "utf8").replace(/#.*$/gm, "").split("\n");
  return lines.flatMap((line) => {
    const named = rulesIn(line);
    // A line for a part of a rule asks for a test of that part.
    return /^\s*[A-Z]+-?\d+(?:[a-z]|\.\d+)\s*$/.test(line) ? named.slice(-1) : named;
  });
}

/** Rules that a text of some test names. */
export function testedRules() {
  return new Set([...testTexts()].flatMap(rulesIn));
}

/** The rules of a list that no test names, in the list's order. */
export function rulesWithoutTest(list, tested = testedRules()) {
  return rulesOf(list).filter((rule) => !tested.has(rule));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runMain(() => {
    const lists = process.argv.slice(2);
    const tested = testedRules();
    let missing = 0;
    for (const list of lists.length === 0 ? COMPLETE_LISTS : lists.map((path) => resolve(path))) {
      const found = rulesWithoutTest(list, tested);
      missing += found.length;
      say(`${relative(ROOT, list)}: ${found.length} of ${rulesOf(list).length} rules without a test`);
      for (const rule of found) say(`  ${rule}`);
    }
    if (missing === 0) return 0;
    throw new Error("Name each of these rules in the test that tries it.");
  });
}
