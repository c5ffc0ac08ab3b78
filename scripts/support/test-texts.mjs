/** The texts of all test files, for the checks that hold lists of rules and rows to tests. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./run.mjs";

const FOLDERS = ["packages", "apps", "test", "scripts"];
const SKIPPED = new Set(["node_modules", "dist", "generated"]);
const IS_TEST = /(?:\.test\.m?[tj]s|-conformance\.ts)$/;
/** Comments say what a test is about, but only its texts show up in a report. */
const COMMENTS = /^\s*(?:\/\/|\/\*|\*).*$/gm;

function* testFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* testFiles(path);
    else if (entry.isFile() && IS_TEST.test(entry.name)) yield path;
  }
}

/** Each test file's text, without its comments. */
export function* testTexts() {
  for (const folder of FOLDERS) {
    for (const file of testFiles(join(ROOT, folder))) yield readFileSync(file, "utf8").replace(COMMENTS, "");
  }
}
