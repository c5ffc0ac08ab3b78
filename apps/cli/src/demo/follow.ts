/** Shows the runs of a company as they go: a line for each change of status and each line an agent prints. */
import { setTimeout as delay } from "node:timers/promises";
import pc from "picocolors";
import { type DemoApi, type DemoLog, type DemoRun, RefusedError } from "./api.js";
import type { DemoAgent } from "./company.js";

const POLL_MS = 250;
const ENDED = ["succeeded", "failed", "cancelled", "timed_out"];

export interface FollowOptions {
  readonly api: DemoApi;
  readonly companyId: string;
  readonly agents: readonly DemoAgent[];
  readonly say: (line: string) => void;
  /** Looked at after each round: true ends the following. Gets every run seen so far, newest state. */
  readonly until: (runs: readonly DemoRun[]) => boolean;
  readonly signal: AbortSignal;
}

interface Followed {
  run: DemoRun;
  logOffset: number;
  /** The log was read to its end after the run had ended. */
  complete: boolean;
  /** What an agent printed after its last line break. */
  rest: string;
}

/** Settles with the runs seen when `until` says so or `signal` aborts. An API that is away is asked again. */
export async function followRuns(options: FollowOptions): Promise<DemoRun[]> {
  const { api, companyId, signal } = options;
  const names = new Map(options.agents.map(({ id, name }) => [id, name]));
  const width = Math.max(...options.agents.map(({ name }) => name.length));
  const label = (run: DemoRun): string =>
    `${pc.cyan((names.get(run.agentId) ?? "agent").padEnd(width))} ${pc.dim(run.id.slice(-8))}`;
  const followed = new Map<string, Followed>();
  while (!signal.aborted) {
    try {
      const { answer } = await api.call<DemoRun[]>("GET", `/api/companies/${companyId}/heartbeat-runs?limit=100`);
      for (const run of answer.toReversed()) {
        const known = followed.get(run.id);
        const changed = known?.run.status !== run.status;
        const entry = known ?? { run, logOffset: 0, complete: false, rest: "" };
        entry.run = run;
        followed.set(run.id, entry);
        // What an agent printed comes before the line that says how it ended.
        if (changed && !hasEnded(run)) options.say(`${label(run)} ${describe(run)}`);
        // A run that was cancelled before it began has no log.
        if (!entry.complete && run.startedAt !== null) await showLog(entry, options, label(run));
        else if (run.startedAt === null) entry.complete = hasEnded(run);
        if (changed && hasEnded(run)) options.say(`${label(run)} ${describe(run)}`);
      }
    } catch (error) {
      // A refusal is a mistake of ours; a connection that failed is an API that is being restarted.
      if (error instanceof RefusedError && error.status < 500) throw error;
    }
    const entries = [...followed.values()];
    if (options.until(entries.filter(({ complete, run }) => complete || !hasEnded(run)).map(({ run }) => run))) break;
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return [...followed.values()].map(({ run }) => run);
}

async function showLog(entry: Followed, { api, say }: FollowOptions, label: string): Promise<void> {
  const ended = hasEnded(entry.run);
  for (;;) {
    const log = await readLog(api, entry);
    for (const line of log === null ? [] : log.content.split("\n").filter((text) => text !== "")) {
      const { chunk } = JSON.parse(line) as { chunk: string };
      const texts = `${entry.rest}${chunk}`.split("\n");
      entry.rest = texts.pop() ?? "";
      for (const text of texts) say(`${label} ${pc.dim("|")} ${text}`);
    }
    if (log !== null) entry.logOffset = log.nextOffset ?? log.totalBytes;
    if (log?.nextOffset === undefined) break;
  }
  entry.complete = ended;
}

async function readLog(api: DemoApi, { run, logOffset }: Followed): Promise<DemoLog | null> {
  try {
    return (await api.call<DemoLog>("GET", `/api/heartbeat-runs/${run.id}/log?offset=${logOffset}`)).answer;
  } catch (error) {
    // The run has begun and its log not yet.
    if (error instanceof RefusedError && error.status === 404) return null;
    throw error;
  }
}

function describe(run: DemoRun): string {
  switch (run.status) {
    case "queued":
      return "waits";
    case "running":
      return pc.yellow("runs");
    case "succeeded":
      return pc.green(`succeeded in ${seconds(run)} s`);
    default:
      return pc.red([run.status, run.errorCode, run.error].filter((part) => part !== null).join(": "));
  }
}

function seconds({ startedAt, finishedAt }: DemoRun): string {
  if (startedAt === null || finishedAt === null) return "?";
  return ((Date.parse(finishedAt) - Date.parse(startedAt)) / 1_000).toFixed(1);
}

/** True for a status that a run never leaves. */
export function hasEnded(run: DemoRun): boolean {
  return ENDED.includes(run.status);
}
