/**
 * `wakefleet demo`: a fleet, a company with agents, wakeups over HTTP, and what becomes of them (OP-2).
 *
 * What must stay true: it works beside another instance (a data folder and ports of its own) and any number of times on
 * the same folder; `--once` tells by its exit code whether every run succeeded.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEnvironment, readDraftConfig } from "@wakefleet/config";
import { sayWhereItIs } from "../commands/up.js";
import { listenForStop } from "../stop-signals.js";
import { type DataFolder, DataFolderInUseError, openDataFolder } from "../supervise/data-folder.js";
import { type FleetState, startFleet } from "../supervise/fleet.js";
import { say, sayProgress } from "../terminal.js";
import { type DemoRun, demoApi } from "./api.js";
import { type DemoAgent, demoWakeups, makeCompany } from "./company.js";
import { followRuns, hasEnded } from "./follow.js";

const WORKERS = 2;
const ONCE_DEADLINE_MS = 180_000;
const INTERRUPTED = 130;

/** Answers the exit code: with `once` 0 only if every run succeeded; without, 0 after an orderly stop. */
export async function demo(options: { readonly once: boolean; readonly data: string }): Promise<number> {
  const env = loadEnvironment();
  const config = readDraftConfig(env);
  const stop = listenForStop(say);
  const folder = openFreeDataFolder(options.data);
  try {
    for (const warning of config.warnings) say(`Warning: ${warning}`);
    const port = env["PORT"]?.trim() ? config.port : null;
    const fleet = await startFleet(
      { folder, env, config, workers: WORKERS, port, restart: true, readyFile: null, say: sayProgress },
      stop.signal,
    );
    stop.onSecond(() => fleet.kill());
    try {
      return await showWork({ state: fleet.state(), folder, once: options.once, signal: stop.signal });
    } finally {
      await fleet.stop();
      if (stop.signal.aborted) say("Stopped.");
    }
  } catch (error) {
    if (stop.signal.aborted) return options.once ? INTERRUPTED : 0;
    throw error;
  } finally {
    folder.release();
    stop.release();
  }
}

async function showWork(demo: {
  state: FleetState;
  folder: DataFolder;
  once: boolean;
  signal: AbortSignal;
}): Promise<number> {
  const { state, signal } = demo;
  sayWhereItIs(state, demo.folder.path);
  const api = demoApi(state.apiUrl, state.adminKey);
  const { companyId, agents } = await makeCompany(api);
  say(`\nA company with ${agents.length} agents: ${agents.map(({ name }) => name).join(", ")}. Waking them:`);
  const runIds = new Set<string>();
  for (const { agent, body } of demoWakeups(agents)) {
    const { answer, headers } = await api.call<{ id?: string }>("POST", `/api/agents/${agent.id}/wakeup`, body);
    say(`  woke ${agent.name} for "${body.reason}": ${headers.get("x-wakeup-outcome")}`);
    if (answer.id !== undefined) runIds.add(answer.id);
  }
  say("");
  const deadline = performance.now() + ONCE_DEADLINE_MS;
  let told = false;
  const runs = await followRuns({
    api,
    companyId,
    agents,
    say,
    signal,
    until(seen): boolean {
      const woken = seen.filter(({ id }) => runIds.has(id));
      const over = woken.length === runIds.size && woken.every(hasEnded);
      if (over && !told) {
        told = true;
        sayOutcome({ state, woken, agent: agents[0], once: demo.once });
      }
      return demo.once && (over || performance.now() > deadline);
    },
  });
  if (!demo.once) return 0;
  if (signal.aborted) return INTERRUPTED;
  if (!told) say(`\nNot all runs had ended after ${ONCE_DEADLINE_MS / 1_000} s. The logs are in ${demo.folder.logs}.`);
  return exitCodeOf(runs, runIds);
}

function exitCodeOf(runs: readonly DemoRun[], runIds: ReadonlySet<string>): number {
  const succeeded = new Set(runs.filter(({ status }) => status === "succeeded").map(({ id }) => id));
  return runIds.size > 0 && [...runIds].every((id) => succeeded.has(id)) ? 0 : 1;
}

function sayOutcome(outcome: {
  state: FleetState;
  woken: readonly DemoRun[];
  agent: DemoAgent | undefined;
  once: boolean;
}): void {
  const { state, woken, agent, once } = outcome;
  const succeeded = woken.filter(({ status }) => status === "succeeded").length;
  say(`\n${succeeded} of ${woken.length} runs succeeded.`);
  // With `once` everything stops now: there would be nothing to wake.
  if (once || agent === undefined) return;
  say(`\nWake ${agent.name} yourself:`);
  say(
    `  curl -X POST ${state.apiUrl}/api/agents/${agent.id}/wakeup -H 'Authorization: Bearer ${state.adminKey}' -H 'Content-Type: application/json' -d '{"reason":"hello"}'`,
  );
  say("\nNew runs show here. Ctrl-C stops everything.\n");
}

/** The asked folder, or another one when that is in use by another instance or belongs to somebody else. */
function openFreeDataFolder(asked: string): DataFolder {
  const others = Array.from({ length: 8 }, (_, index) => join(asked, `demo-${index + 2}`));
  const candidates = [
    asked,
    ...others,
    join(tmpdir(), `wakefleet-demo-${process.getuid?.() ?? "user"}-${process.pid}`),
  ];
  let last: unknown;
  for (const candidate of candidates) {
    try {
      const folder = openDataFolder(candidate);
      if (candidate !== asked) say(`Using the data folder ${folder.path}, since ${asked} cannot be used.`);
      return folder;
    } catch (error) {
      last = error;
      if (!(error instanceof DataFolderInUseError) && !/cannot be written/.test((error as Error).message)) throw error;
    }
  }
  throw last;
}
