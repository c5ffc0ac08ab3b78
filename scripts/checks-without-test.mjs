#!/usr/bin/env node
/**
 * Names the rows of the specification's tables of outside checks that no test names. A row counts as tried when its number,
 * the file's and the row's as in `08-29`, stands in a text of a test file. That says that somebody meant to try it.
 *
 * Usage: node scripts/checks-without-test.mjs
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./support/run.mjs";
import { runMain, say } from "./support/say.mjs";
import { testTexts } from "./support/test-texts.mjs";

const LIST = join(ROOT, "scripts", "check-rows.txt");
/** Not within a date. */
const ROW = /(?<![\d-])(\d\d)-(\d+[a-z]?)(?![\d-])/g;

/** The rows of the list: `08: 1..3 7a` gives 08-1, 08-2, 08-3 and 08-7a. */
export function rowsOf(text) {
  return text
    .replace(/#.*$/gm, "")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .flatMap((line) => {
      const [, table, rows] = /^(\d\d): (.+)$/.exec(line.trim()) ?? [];
      if (rows === undefined)
        throw new Error(`check-rows.txt: "${line}" names no table and rows, as in "08: 1..3 7a".`);
      return rows.split(/\s+/).flatMap((part) => {
        const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(part) ?? [];
        if (from === undefined) return [`${table}-${part}`];
        return Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => `${table}-${Number(from) + index}`);
      });
    });
}

/** The rows that a text names. */
export function rowsIn(text) {
  return [...text.matchAll(ROW)].map(([, table, row]) => `${table}-${row}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runMain(() => {
    const rows = rowsOf(readFileSync(LIST, "utf8"));
    const tried = new Set([...testTexts()].flatMap(rowsIn));
    const missing = rows.filter((row) => !tried.has(row));
    say(`${missing.length} of ${rows.length} rows without a test`);
    for (const row of missing) say(`  ${row}`);
    if (missing.length === 0) return 0;
    throw new Error("Name each of these rows in the test that tries it.");
  });
}
