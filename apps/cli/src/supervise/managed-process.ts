/**
 * One process of ours as its supervisor sees it: started, perhaps ready, ended.
 *
 * What must stay true: it has a session of its own, so that Ctrl-C reaches the supervisor alone, which stops the fleet
 * in order; and it ends with the supervisor (process-guard.ts).
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, statSync, truncateSync } from "node:fs";

const LOG_LIMIT_BYTES = 50 * 1024 * 1024;
const GUARD = new URL("./process-guard.js", import.meta.url).href;

export interface ProcessSpec {
  /** For people: `api`, `worker 1`. */
  readonly name: string;
  /** File that Node runs. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Takes what the process prints; emptied at the start when it has grown large. */
  readonly logFile: string;
}

export interface ManagedProcess {
  readonly spec: ProcessSpec;
  readonly pid: number;
  /** Settles when the process says that it serves; never, if it ends before. */
  readonly ready: Promise<void>;
  /** Settles with words for how it ended: `exit code 1`, `signal SIGKILL`. */
  readonly exited: Promise<string>;
  isRunning(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** The end of what it printed since this start, at most 2,000 characters. */
  lastWords(): string;
}

/** Starts `spec`. A script that cannot be started shows as an early end. */
export function startProcess(spec: ProcessSpec): ManagedProcess {
  if (existsSync(spec.logFile) && statSync(spec.logFile).size > LOG_LIMIT_BYTES) truncateSync(spec.logFile, 0);
  const log = openSync(spec.logFile, "a", 0o600);
  const logStart = statSync(spec.logFile).size;
  const child = spawn(process.execPath, ["--import", GUARD, spec.script, ...spec.args], {
    env: spec.env,
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  let running = true;
  const exited = new Promise<string>((resolve) => {
    const end = (how: string): void => {
      running = false;
      resolve(how);
    };
    child.once("exit", (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
    child.once("error", (error) => end(error.message));
  });
  const ready = new Promise<void>((resolve) => {
    child.on("message", (message) => {
      if (typeof message === "object" && message !== null && "type" in message && message.type === "ready") resolve();
    });
  });
  return {
    spec,
    pid: child.pid ?? 0,
    ready,
    exited,
    isRunning: () => running,
    signal: (signal) => void (running && child.kill(signal)),
    lastWords: () => readFileSync(spec.logFile).subarray(logStart).toString("utf8").trim().slice(-2_000),
  };
}
