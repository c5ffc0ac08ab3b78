#!/usr/bin/env node
/**
 * Checks that decisions take time and chance as parameters: packages/domain may not look at the clock or throw dice.
 * (That it does no I/O is checked by its imports, .dependency-cruiser.cjs.)
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "./support/run.mjs";
import { runMain } from "./support/say.mjs";

const FOLDER = join(ROOT, "packages", "domain", "src");
const FORBIDDEN = [
  [/\bnew Date\(\s*\)/, "new Date() reads the clock: take the instant as a parameter"],
  [/\bDate\.now\b/, "Date.now reads the clock: take the instant as a parameter"],
  [/\bperformance\.now\b/, "performance.now reads the clock: take the instant as a parameter"],
  [/\bMath\.random\b/, "Math.random is chance: take a random number as a parameter"],
  [/\bcrypto\.(randomUUID|getRandomValues)\b/, "random ids are chance: take them as a parameter"],
  [/\bprocess\.\w/, "process is the outside: take the fact as a parameter"],
];

await runMain(() => {
  const problems = [];
  for (const entry of readdirSync(FOLDER, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts") || entry.name.endsWith(".test.ts")) continue;
    const file = join(entry.parentPath, entry.name);
    readFileSync(file, "utf8")
      .split("\n")
      .forEach((line, index) => {
        if (/^\s*(\*|\/\/|\/\*)/.test(line)) return;
        for (const [pattern, why] of FORBIDDEN) {
          if (pattern.test(line)) problems.push(`${relative(ROOT, file)}:${index + 1}: ${why}`);
        }
      });
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
});
