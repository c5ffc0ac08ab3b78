/**
 * One process of ours under test: started, watched, paused, killed.
 *
 * What must stay true: it never outlives the test run. It ends by itself when its channel to the test closes, whatever
 * ended the test; while it is paused (SIGSTOP) and could not, a shell watches in its stead.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { waitFor } from "@wakefleet/testkit";

export interface FleetProcessSpec {
  /** For messages: `worker 2`. */
  readonly name: string;
  /** File that Node runs. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Takes what the process prints. */
  readonly logFile: string;
}

/** How a process ended: its exit code, or the signal that ended it. */
export type ProcessEnd = { readonly code: number } | { readonly signal: NodeJS.Signals };

const READY_DEADLINE_MS = 60_000;
/** Reads until the test is gone (or lets go), then ends the paused process. */
const WATCH_PAUSED = 'cat >/dev/null; kill -KILL "$1" 2>/dev/null';

const living = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

export class FleetProcess {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process ended, wanted or not. */
  readonly ended: Promise<ProcessEnd>;
  private end: ProcessEnd | null = null;
  private isReady = false;
  private watcher: ChildProcess | null = null;

  private constructor(
    private readonly spec: FleetProcessSpec,
    private readonly child: ChildProcess,
  ) {
    this.name = spec.name;
    this.pid = child.pid ?? 0;
    living.add(child);
    child.on("message", (message) => {
      if (typeof message === "object" && message !== null && "type" in message && message.type === "ready") {
        this.isReady = true;
      }
    });
    this.ended = new Promise((resolve) => {
      const settle = (end: ProcessEnd): void => {
        living.delete(child);
        this.end = end;
        this.letGoOfWatcher();
        resolve(end);
      };
      child.once("exit", (code, signal) => settle(signal === null ? { code: code ?? 1 } : { signal }));
      child.once("error", () => settle({ code: 127 }));
    });
  }

  /** Spawns the process; {@link untilReady} waits for it. */
  static start(spec: FleetProcessSpec): FleetProcess {
    const log = openSync(spec.logFile, "a");
    const child = spawn(process.execPath, [spec.script, ...spec.args], {
      env: spec.env,
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    return new FleetProcess(spec, child);
  }

  /** Settles when the process said that it serves. Rejects with its last words, the process gone, when it did not. */
  async untilReady(): Promise<void> {
    try {
      await waitFor(() => this.isReady || this.end !== null, {
        what: `${this.name} to serve`,
        deadlineMs: READY_DEADLINE_MS,
      });
    } catch (error) {
      await this.kill();
      throw new Error(`${this.name} did not come to serve; it said:\n${this.lastWords()}`, { cause: error });
    }
    if (!this.isReady) throw new Error(`${this.name} ended before it served; it said:\n${this.lastWords()}`);
  }

  isRunning(): boolean {
    return this.end === null;
  }

  /** Sends a signal; a process that has ended ignores it. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning()) this.child.kill(signal);
  }

  /** SIGSTOP: the process stands still until {@link resume}. */
  pause(): void {
    this.watcher = spawn("/bin/sh", ["-c", WATCH_PAUSED, "watch-paused", String(this.pid)], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    this.watcher.stdin?.on("error", () => undefined);
    this.watcher.unref();
    this.signal("SIGSTOP");
  }

  /** SIGCONT. */
  resume(): void {
    this.letGoOfWatcher();
    this.signal("SIGCONT");
  }

  /** SIGKILL; settles when the process is gone. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /** The end of what it printed. */
  lastWords(chars = 4_000): string {
    return readFileSync(this.spec.logFile, "utf8").trim().slice(-chars);
  }

  private letGoOfWatcher(): void {
    this.watcher?.kill("SIGKILL");
    this.watcher = null;
  }
}
