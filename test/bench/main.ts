/**
 * `npm run bench`: every figure beside bare BullMQ and bare PostgreSQL measured in the same run. Absolute numbers say
 * little on shared machines; the ratios are what to compare (09 "Scale").
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { bareBullmqLatencies, bareHttpPosts, barePostgresTransactions } from "./baselines.js";
import type { Figure } from "./figures.js";
import { type BenchStores, createAgents, startBenchFleet, startBenchStores } from "./fleet.js";
import { type Bench, loadFigures } from "./load-figures.js";
import { countClients, idleCost, queuesAtRest } from "./measure-idle.js";
import { wakeInBatches, wakeToStart } from "./measure-latency.js";
import { parserFigures } from "./measure-parsers.js";
import { countStatements } from "./measure-statements.js";
import { machine, markdownTable, terminalTable } from "./report.js";
import { median, percentile } from "./statistics.js";

const HELP = `Usage: npm run bench -- [options]

Measures Wakefleet beside bare BullMQ and bare PostgreSQL on private stores and prints ratios.

  --part NAME  only these figures: idle (an idle fleet and its latency), load (a busy fleet), output (reading output);
               may be given several times
  --quick      fewer samples and 1,000 instead of 10,000 agents (a few minutes)
  --json       the figures as JSON on standard output, nothing else
  --write      also writes them to docs/performance.md
  --help       this text

Examples:
  npm run bench -- --quick
  npm run bench -- --write
  npm run bench -- --part load --write
`;

/** Each has a table of its own in docs/performance.md. */
const PARTS = ["idle", "load", "output"] as const;
type Part = (typeof PARTS)[number];

const { values: flags } = parseArgs({
  options: {
    part: { type: "string", multiple: true, default: [...PARTS] },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function tell(line: string): void {
  if (!flags.json) process.stderr.write(`${line}\n`);
}

function measure(part: Part, bench: Bench): Promise<Figure[]> {
  switch (part) {
    case "idle":
      return idleFleetFigures(bench);
    case "load":
      return loadFigures(bench);
    case "output":
      tell("reading the output of agents' command lines");
      return parserFigures(bench.quick ? 32 : 256);
  }
}

/** An idle fleet: how soon a wake is a start, what idling costs, and how many statements a wake and a run are. */
async function idleFleetFigures({ stores, quick }: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  const samples = quick ? 200 : 800;
  const agentsWide = quick ? 1_000 : 10_000;

  tell(`bare BullMQ: add → start, ${samples} jobs`);
  const bullmq = await bareBullmqLatencies(stores, samples);
  tell(`bare PostgreSQL: lock, read and write in one transaction, ${samples} times`);
  const transactions = await barePostgresTransactions(stores, samples);
  const oneTransaction = median(transactions);
  tell(`bare node:http: post → answer, ${samples} times`);
  const posts = await bareHttpPosts(samples);
  figures.push(
    { name: "bare PostgreSQL transaction (lock, read, write), p50", value: oneTransaction, unit: "ms" },
    { name: "bare node:http, JSON post → answer, p50", value: median(posts), unit: "ms" },
  );

  for (const count of [10, agentsWide]) {
    tell(`${count.toLocaleString("en-US")} agents, one worker: connections, idle cost, wake → adapter start`);
    const { agentIds } = await createAgents(stores.db, { count, adapterType: "bench_noop", maxConcurrentRuns: 5 });
    const prefix = `idle-${count}`;
    const connectionsBefore = await connectionsOfApi(stores, `${prefix}-api`);
    const fleet = await startBenchFleet(stores, { workers: 1, prefix });
    await fillQueues(fleet, agentIds);
    await queuesAtRest(stores, prefix);
    const cost = await idleCost(stores, { fleet, connectionsBefore, forMs: quick ? 5_000 : 20_000 });
    const latencies = await wakeToStart({ fleet, stores }, agentIds, samples);
    await fleet.stop();
    const name = `${count.toLocaleString("en-US")} agents`;
    const allowed = 3 * median(bullmq) + 2 * oneTransaction;
    figures.push(
      {
        name: `wake → adapter start, ${name}, p50`,
        value: median(latencies),
        unit: "ms",
        baseline: { name: "BullMQ add → start p50", value: median(bullmq) },
        goal: { text: `≤ 3 × BullMQ + 2 transactions (${allowed.toFixed(1)} ms)`, met: median(latencies) <= allowed },
      },
      {
        name: `wake → adapter start, ${name}, p99`,
        value: percentile(latencies, 0.99),
        unit: "ms",
        baseline: { name: "BullMQ add → start p99", value: percentile(bullmq, 0.99) },
      },
      {
        name: `Redis connections of one worker, ${name}`,
        value: cost.redisConnections,
        unit: "connections",
        goal: { text: "≤ 20", met: cost.redisConnections <= 20 },
      },
      {
        name: `idle CPU of one worker, ${name}`,
        value: cost.cpuPercent,
        unit: "% of a core",
        goal: { text: "< 5 %", met: cost.cpuPercent < 5 },
      },
      {
        name: `memory of one worker, ${name}`,
        value: cost.memoryMb,
        unit: "MB",
        goal: { text: "< 400 MB", met: cost.memoryMb < 400 },
      },
      { name: `Redis commands a second of the idle fleet, ${name}`, value: cost.redisCommandsPerSec, unit: "/s" },
    );
  }

  tell(`${agentsWide.toLocaleString("en-US")} agents, four workers: idle cost`);
  figures.push(...(await idleFigures(stores, { prefix: `idle-${agentsWide}`, agents: agentsWide, quick })));

  tell("statements of a wake and of a run, counted by PostgreSQL");
  const statements = await countStatements(stores, { wakes: quick ? 20 : 100, prefix: "statements" });
  figures.push(
    {
      name: "statements of an accepted wake without an issue",
      value: statements.perWake,
      unit: "statements",
      goal: { text: "≤ 6", met: Math.round(statements.perWake) <= 6 },
    },
    {
      name: "statements of claim + start + finish of a process run",
      value: statements.perRun,
      unit: "statements",
      goal: { text: "≤ 12", met: Math.round(statements.perRun) <= 12 },
    },
  );
  return figures;
}

/** How many Redis connections there are with an API and no worker. */
async function connectionsOfApi(stores: BenchStores, prefix: string): Promise<number> {
  const api = await startBenchFleet(stores, { workers: 0, prefix });
  const redis = new Redis(stores.redis.url);
  const connections = (await countClients(redis)) - 1;
  redis.disconnect();
  await api.stop();
  return connections;
}

/** What each of four workers costs that serve the queues left by one. */
async function idleFigures(
  stores: BenchStores,
  of: { prefix: string; agents: number; quick: boolean },
): Promise<Figure[]> {
  const connectionsBefore = await connectionsOfApi(stores, of.prefix);
  const fleet = await startBenchFleet(stores, { workers: 4, prefix: of.prefix });
  await queuesAtRest(stores, of.prefix);
  const cost = await idleCost(stores, { fleet, connectionsBefore, forMs: of.quick ? 5_000 : 20_000 });
  await fleet.stop();
  const name = `each of four idle workers, ${of.agents.toLocaleString("en-US")} agents`;
  return [
    {
      name: `Redis connections, ${name}`,
      value: cost.redisConnections,
      unit: "connections",
      goal: { text: "≤ 20", met: cost.redisConnections <= 20 },
    },
    {
      name: `CPU, ${name}`,
      value: cost.cpuPercent,
      unit: "% of a core",
      goal: { text: "< 3 %", met: cost.cpuPercent < 3 },
    },
    {
      name: `memory, ${name}`,
      value: cost.memoryMb,
      unit: "MB",
      goal: { text: "< 150 MB", met: cost.memoryMb < 150 },
    },
  ];
}

/** Every agent has run once, so that each has its queue in Redis. */
async function fillQueues(fleet: { apiUrl: string; adminKey: string }, agentIds: readonly string[]): Promise<void> {
  await wakeInBatches(
    fleet,
    agentIds.map((agentId) => ({ agentId, payload: { taskKey: "fill" } })),
  );
  for (;;) {
    const response = await fetch(`${fleet.apiUrl}/api/fleet`, {
      headers: { authorization: `Bearer ${fleet.adminKey}` },
    });
    const { totals } = (await response.json()) as { totals: { queued: number; running: number } };
    if (totals.queued + totals.running === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function versionsOf(stores: BenchStores): Promise<{ postgres: string; redis: string }> {
  const [row] = await stores.db.sql.query<{ version: string }>("SELECT current_setting('server_version') AS version");
  const redis = new Redis(stores.redis.url);
  const info = await redis.info("server");
  redis.disconnect();
  return { postgres: row?.version ?? "?", redis: /redis_version:(\S+)/.exec(info)?.[1] ?? "?" };
}

/** Puts the part's table between its markers in docs/performance.md. */
function write(part: Part, table: string): void {
  const [begin, end] = [`<!-- bench:${part} -->`, `<!-- /bench:${part} -->`];
  const file = new URL("../../docs/performance.md", import.meta.url);
  const text = readFileSync(file, "utf8");
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error("docs/performance.md has lost its bench markers");
  writeFileSync(file, `${before}${begin}\n${table}\n${end}${after}`);
}

async function main(): Promise<void> {
  const parts = PARTS.filter((part) => flags.part.includes(part));
  const unknown = flags.part.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) {
    process.stderr.write(`--part ${unknown}: there is no such part. Say one of ${PARTS.join(", ")}.\n`);
    process.exitCode = 2;
    return;
  }
  const stores = await startBenchStores();
  process.once("SIGINT", () => void stores.stop().then(() => process.exit(130)));
  try {
    const on = machine(await versionsOf(stores));
    const date = new Date().toISOString().slice(0, 10);
    const all: Figure[] = [];
    for (const part of parts) {
      const figures = await measure(part, { stores, quick: flags.quick, tell });
      all.push(...figures);
      if (flags.write) {
        const command = `npm run bench -- --part ${part}${flags.quick ? " --quick" : ""} --write`;
        write(part, `\n\`${command}\`, ${date}, ${on}.\n\n${markdownTable(figures)}\n`);
      }
    }
    if (flags.json) process.stdout.write(`${JSON.stringify({ machine: on, figures: all }, null, 2)}\n`);
    else process.stdout.write(`\n${on}\n\n${terminalTable(all)}\n`);
  } finally {
    await stores.stop();
  }
}

if (flags.help) process.stdout.write(HELP);
else await main();
