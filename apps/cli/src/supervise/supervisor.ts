/**
 * Keeps processes running: starts each, starts it again after an unexpected death, stops all in order (OP-7).
 *
 * What must stay true: after `stop` or `kill` nothing is started any more; a start that never became ready is a failure
 * of the whole, not something to try again for ever.
 */
import { setTimeout as delay } from "node:timers/promises";
import { backoffMs, countDeaths } from "./backoff.js";
import { type ManagedProcess, type ProcessSpec, startProcess } from "./managed-process.js";

const READY_DEADLINE_MS = 60_000;

export interface SupervisorOptions {
  /** False leaves a process that died where it lies (`--no-restart`). */
  readonly restart: boolean;
  /** Told a line for people. */
  readonly say: (line: string) => void;
  /** Told after a process began or ended: process ids have changed. */
  readonly onChange: () => void;
}

interface Slot {
  readonly spec: ProcessSpec;
  current: ManagedProcess | null;
  /** Settles when nobody looks after the slot any more. */
  watched: Promise<void>;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: Slot[] = [];
  readonly #stopping = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /**
   * Starts a process and settles when it is ready; from then on it is restarted when it dies.
   * Rejects with its last words when it ends first or takes too long, and when `signal` aborts.
   */
  async start(spec: ProcessSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const slot: Slot = { spec, current: startProcess(spec), watched: Promise.resolve() };
    this.#slots.push(slot);
    const first = slot.current as ManagedProcess;
    const outcome = await firstOf(first, AbortSignal.any([signal, this.#stopping.signal]));
    if (outcome !== "ready") throw new Error(describeFailure(first, outcome));
    slot.watched = this.#watch(slot);
    this.#options.onChange();
  }

  /** Process id of the named process; null while it is down. */
  pidOf(name: string): number | null {
    const current = this.#slots.find(({ spec }) => spec.name === name)?.current;
    return current?.isRunning() ? current.pid : null;
  }

  /**
   * Stops the processes whose names `choose` accepts, together: SIGTERM, and SIGKILL after `deadlineMs`.
   * From the first call on nothing is restarted.
   */
  async stop(choose: (name: string) => boolean, deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    const chosen = this.#slots.filter(({ spec }) => choose(spec.name));
    await Promise.all(chosen.map((slot) => endProcess(slot.current, deadlineMs)));
    await Promise.all(chosen.map(({ watched }) => watched));
  }

  /** Ends everything without waiting: a second signal, which processes of ours take as "now", then SIGKILL. */
  async kill(): Promise<void> {
    this.#stopping.abort();
    for (const { current } of this.#slots) current?.signal("SIGTERM");
    await Promise.all(this.#slots.map(({ current }) => endProcess(current, 1_500)));
  }

  async #watch(slot: Slot): Promise<void> {
    const { say, onChange, restart } = this.#options;
    let deaths = 0;
    while (slot.current !== null) {
      const started = performance.now();
      const how = await slot.current.exited;
      const dead = slot.current;
      if (this.#stopping.signal.aborted) return;
      onChange();
      if (!restart) {
        say(`${slot.spec.name} (process ${dead.pid}) ended unexpectedly: ${how}. It is not restarted (--no-restart).`);
        return;
      }
      const waitMs = backoffMs(deaths);
      deaths = countDeaths(deaths, performance.now() - started);
      say(
        `${slot.spec.name} (process ${dead.pid}) ended unexpectedly: ${how}. Restarting in ${waitMs / 1_000} s. Its log: ${slot.spec.logFile}`,
      );
      await delay(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      slot.current = startProcess(slot.spec);
      if ((await firstOf(slot.current, this.#stopping.signal)) === "ready") {
        say(`${slot.spec.name} is back (process ${slot.current.pid}).`);
        onChange();
      }
    }
  }
}

type Outcome = "ready" | "ended" | "stopped" | "late";

/** What comes first: ready, the end, the wish to stop, or too long a wait (which ends the process). */
async function firstOf(child: ManagedProcess, stop: AbortSignal): Promise<Outcome> {
  const timer = new AbortController();
  try {
    const outcome = await Promise.race<Outcome>([
      child.ready.then(() => "ready" as const),
      child.exited.then(() => "ended" as const),
      new Promise((resolve) => {
        if (stop.aborted) resolve("stopped");
        stop.addEventListener("abort", () => resolve("stopped"), { once: true, signal: timer.signal });
      }),
      delay(READY_DEADLINE_MS, "late" as const, { signal: timer.signal }),
    ]);
    if (outcome === "late") child.signal("SIGKILL");
    return outcome;
  } finally {
    timer.abort();
  }
}

function describeFailure(child: ManagedProcess, outcome: Exclude<Outcome, "ready">): string {
  if (outcome === "stopped") return `${child.spec.name} was stopped while it was starting.`;
  const what =
    outcome === "late" ? `was not ready after ${READY_DEADLINE_MS / 1_000} s` : "ended while it was starting";
  return `${child.spec.name} ${what}. The end of its log (${child.spec.logFile}):\n${child.lastWords()}`;
}

async function endProcess(child: ManagedProcess | null, deadlineMs: number): Promise<void> {
  if (child === null || !child.isRunning()) return;
  child.signal("SIGTERM");
  const timer = setTimeout(() => child.signal("SIGKILL"), deadlineMs);
  await child.exited;
  clearTimeout(timer);
}
