/** `npm run torture`: breaks everything that can be broken around a loaded fleet, and proves that no promise was. */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { faultList, hasHeld, report, reportJson } from "./report.js";
import { FAULT_KINDS, type FaultKind } from "./schedule.js";
import { torture } from "./torture.js";

const HELP = `Usage: npm run torture -- [options]

Starts a real PostgreSQL, a real Redis, two APIs and three workers, wakes agents over HTTP, and for some minutes kills,
pauses, blocks, cuts off and fills up whatever there is, by a plan made of a seed. Then it lets the fleet come to rest and
proves the promises RL-1 to RL-10 from what the agents wrote down themselves, outside the system, and from the database.

  --seed N         plan of faults and load; a random one when absent, printed either way
  --minutes M      how long faults go on, 0.1 to 600 (default 3)
  --faults A,B     only these kinds of faults; the times of the others stay as they were
  --json           the result as JSON on standard output, progress on standard error
  --quiet          no progress
  --help           this text

Faults:
${faultList()}

Exit code: 0 all promises held; 1 one was broken, with the shortest command that may show it again; 2 wrong options.
Ctrl-C ends the faults, lets the fleet come to rest and judges what happened so far; a second one ends at once.

Examples:
  npm run torture
  npm run torture -- --seed 7 --minutes 60
  npm run torture -- --seed 7 --minutes 3 --faults kill-worker,redis-flush
`;

const SAME_SIGNAL_MS = 500;

interface Asked {
  readonly seed: number;
  readonly minutes: number;
  readonly kinds: readonly FaultKind[];
  readonly json: boolean;
  readonly quiet: boolean;
}

class WrongOption extends Error {}

function readOptions(): Asked | "help" {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      minutes: { type: "string", default: "3" },
      faults: { type: "string" },
      json: { type: "boolean", default: false },
      quiet: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const seed = values.seed === undefined ? randomInt(1, 1_000_000) : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0) {
    throw new WrongOption(`--seed must be a whole number such as 7, but is "${values.seed}".`);
  }
  const minutes = Number(values.minutes);
  if (!(minutes >= 0.1 && minutes <= 600)) {
    throw new WrongOption(`--minutes must be a number from 0.1 to 600, but is "${values.minutes}".`);
  }
  return { seed, minutes, kinds: readKinds(values.faults), json: values.json, quiet: values.quiet };
}

function readKinds(text: string | undefined): readonly FaultKind[] {
  if (text === undefined) return FAULT_KINDS;
  return text.split(",").map((name) => {
    const kind = FAULT_KINDS.find((known) => known === name.trim());
    if (kind === undefined) throw new WrongOption(`--faults names "${name.trim()}", which is none; --help lists them.`);
    return kind;
  });
}

async function main(): Promise<number> {
  const asked = readOptions();
  if (asked === "help") {
    process.stdout.write(HELP);
    return 0;
  }
  const started = performance.now();
  const tell = (line: string): void => {
    if (!asked.quiet)
      process.stderr.write(`${((performance.now() - started) / 1_000).toFixed(1).padStart(7)} s  ${line}\n`);
  };
  const abort = new AbortController();
  let askedAtMs = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // What lives ends with this process: the processes by their channel, the stores by their guard.
      // A terminal's Ctrl-C comes twice: from the terminal, and from the script that waits for us.
      if (abort.signal.aborted && performance.now() - askedAtMs > SAME_SIGNAL_MS) process.exit(130);
      askedAtMs = performance.now();
      tell("ending; once more to end at once");
      abort.abort();
    });
  }
  tell(`seed ${asked.seed}, ${asked.minutes} minutes`);
  const result = await torture({ ...asked, onProgress: tell, signal: abort.signal });
  process.stdout.write(`${asked.json ? reportJson(result) : report(result)}\n`);
  return hasHeld(result) ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const isWrongOption =
      error instanceof WrongOption ||
      (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"));
    process.stderr.write(`${error instanceof Error ? (isWrongOption ? error.message : error.stack) : String(error)}\n`);
    process.exit(isWrongOption ? 2 : 1);
  },
);
