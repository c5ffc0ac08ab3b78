/**
 * `npm run bench`: every figure beside bare BullMQ and bare PostgreSQL measured in the same run. Absolute numbers say
 * little on shared machines; the ratios are what to compare (09 "Scale").
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import type { Bench, Measurement } from "./bench.js";
import type { Figure } from "./figures.js";
import { type BenchStores, killBenchProcesses, startBenchStores } from "./fleet.js";
import { idleMeasurements } from "./idle-figures.js";
import { loadMeasurements } from "./load-figures.js";
import { parserFigures } from "./measure-parsers.js";
import { plotOf } from "./plot.js";
import { machine, markdownTable, terminalTable } from "./report.js";
import { widthMeasurements } from "./width-figures.js";

const HELP = `Usage: npm run bench -- [options]

Measures Wakefleet beside bare BullMQ and bare PostgreSQL on private stores and prints ratios.

  --part NAME  only these figures: idle (an idle fleet and its latency), load (a busy fleet), width (10,000 agents, 100,000
               waiting runs, four workers, and recovery), output (reading output); may be given several times
  --quick      fewer samples, and a tenth of the agents and runs (some minutes)
  --json       the figures as JSON on standard output, nothing else
  --write      also writes them to docs/performance.md, as a table and a plot, each as soon as it is measured
  --help       this text

A figure that could not be measured is told and left out, and the command fails at its end; the others are kept.

Examples:
  npm run bench -- --quick
  npm run bench -- --write
  npm run bench -- --part load --write
`;

/** Each has a table and a plot of its own in docs/performance.md. */
const PARTS = {
  idle: idleMeasurements,
  load: loadMeasurements,
  width: widthMeasurements,
  output: [
    async ({ quick, tell, note }) => {
      tell("reading the output of agents' command lines");
      note(...(await parserFigures(quick ? 32 : 256)));
    },
  ],
} as const satisfies Record<string, readonly Measurement[]>;
type Part = keyof typeof PARTS;
const PART_NAMES = Object.keys(PARTS) as Part[];

const { values: flags } = parseArgs({
  options: {
    part: { type: "string", multiple: true, default: PART_NAMES },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function tell(line: string): void {
  if (!flags.json) process.stderr.write(`${line}\n`);
}

async function versionsOf(stores: BenchStores): Promise<{ postgres: string; redis: string }> {
  const [row] = await stores.db.sql.query<{ version: string }>("SELECT current_setting('server_version') AS version");
  const redis = new Redis(stores.redis.url);
  const info = await redis.info("server");
  redis.disconnect();
  return { postgres: row?.version ?? "?", redis: /redis_version:(\S+)/.exec(info)?.[1] ?? "?" };
}

/** Puts the part's table and plot between its markers in docs/performance.md. */
function write(part: Part, figures: readonly Figure[], on: string): void {
  const command = `npm run bench -- --part ${part}${flags.quick ? " --quick" : ""} --write`;
  const date = new Date().toISOString().slice(0, 10);
  const said = [`\`${command}\`, ${date}, ${on}.`, markdownTable(figures)];
  const plot = plotOf(`What each figure of the part "${part}" must reach, and how far it came`, figures);
  if (plot !== null) {
    const image = `images/bench-${part}.svg`;
    mkdirSync(new URL("../../docs/images", import.meta.url), { recursive: true });
    writeFileSync(new URL(`../../docs/${image}`, import.meta.url), plot);
    said.push(`![How far each of these figures came](${image})`);
  }
  const [begin, end] = [`<!-- bench:${part} -->`, `<!-- /bench:${part} -->`];
  const file = new URL("../../docs/performance.md", import.meta.url);
  const text = readFileSync(file, "utf8");
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error("docs/performance.md has lost its bench markers");
  writeFileSync(file, `${before}${begin}\n\n${said.join("\n\n")}\n\n${end}${after}`);
}

async function main(): Promise<void> {
  const parts = PART_NAMES.filter((part) => flags.part.includes(part));
  const unknown = flags.part.find((name) => !PART_NAMES.some((part) => part === name));
  if (unknown !== undefined) {
    process.stderr.write(`--part ${unknown}: there is no such part. Say one of ${PART_NAMES.join(", ")}.\n`);
    process.exitCode = 2;
    return;
  }
  const stores = await startBenchStores();
  process.once("SIGINT", () => void stores.stop().then(() => process.exit(130)));
  try {
    const on = machine(await versionsOf(stores));
    const all: Figure[] = [];
    for (const part of parts) {
      const figures: Figure[] = [];
      const bench: Bench = {
        stores,
        quick: flags.quick,
        tell,
        note(...found) {
          figures.push(...found);
          if (flags.write) write(part, figures, on);
        },
      };
      for (const measure of PARTS[part]) await attempt(part, () => measure(bench));
      all.push(...figures);
    }
    if (flags.json) process.stdout.write(`${JSON.stringify({ machine: on, figures: all }, null, 2)}\n`);
    else process.stdout.write(`\n${on}\n\n${terminalTable(all)}\n`);
  } finally {
    await stores.stop();
  }
}

/** A measurement that fails costs its own figures, not those of others. */
async function attempt(part: Part, measure: () => Promise<void>): Promise<void> {
  try {
    await measure();
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(
      `A figure of the part ${part} could not be measured: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    await killBenchProcesses();
  }
}

if (flags.help) process.stdout.write(HELP);
else await main();
