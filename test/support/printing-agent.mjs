/**
 * An agent that prints numbered lines, 200 a second, on both streams, until a file appears (or for five minutes at most).
 * What it prints it also writes into `OUT.stdout` and `OUT.stderr`, line by line, before it prints it.
 * Usage: printing-agent.mjs OUT RELEASE
 */
import { appendFileSync, existsSync, writeSync } from "node:fs";

const [out = "", release = ""] = process.argv.slice(2);
const LINES_A_TURN = 4;
const TURN_MS = 20;
const LONGEST_MS = 280_000;
const began = Date.now();
let line = 0;

function print(fd, name, text) {
  appendFileSync(`${out}.${name}`, text);
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

function turn() {
  for (let count = 0; count < LINES_A_TURN; count += 1) {
    line += 1;
    print(1, "stdout", `line ${line} ${"äöü€😀".repeat(line % 7)}\n`);
    if (line % 10 === 0) print(2, "stderr", `remark ${line}\n`);
  }
  if (!existsSync(release) && Date.now() - began < LONGEST_MS) setTimeout(turn, TURN_MS);
  else print(1, "stdout", "All of it is done.\n");
}
turn();
