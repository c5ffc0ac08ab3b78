/**
 * Runs one child process from start to end (AD-41 to AD-51): the only place that spawns for a run.
 *
 * What must stay true:
 * - the call settles only when the child has ended and its output was delivered, and then nothing that was told to stop
 *   is left of its group;
 * - the exit status is the child's own, whoever else had to be stopped;
 * - memory is bounded by the two tails and a pipe's worth of text, whatever the child prints;
 * - everything else (where output goes, who is told of the pid) comes in through the options, so that a child whose
 *   output goes to a spool and outlives its worker (BY-9) can be watched by the same rules.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { OutputStream } from "@wakefleet/contracts";
import type { AdapterWarning, SpawnInfo } from "../contract.js";
import { createGroupStopper, type GroupStopper, type StopReport } from "./group-stopper.js";
import { type OutputPump, pumpOutput } from "./output-pump.js";
import { CAPTURE_LIMIT_BYTES, OutputTail } from "./output-tail.js";
import { hasProcessTable, readProcess } from "./process-table.js";

/** Node's timers take no more; beyond it they fire at once. About 24.8 days. */
const LONGEST_TIMER_MS = 2_147_483_647;

export interface SuperviseChildOptions {
  /** The command as configured, for messages. */
  readonly command: string;
  /** What `resolveCommand` made of it. */
  readonly executable: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  /** Written to stdin, which is then closed; without it the child's stdin is empty (AD-41). */
  readonly stdin?: string;
  /** Seconds until the child is stopped; 0 or less is never (AD-46). */
  readonly timeoutSec: number;
  /** Seconds between TERM and KILL, at least 1 (AD-46). Also how long the output may stay open after the end (AD-49). */
  readonly graceSec: number;
  /** Stops the child (AD-48). */
  readonly signal: AbortSignal;
  /** Stops the child as one that is done: the adapter saw its terminal event (AD-120). */
  readonly finished?: AbortSignal;
  /** Seconds between TERM and KILL for `finished`. Default `graceSec`. */
  readonly finishedGraceSec?: number;
  /** Bytes kept of each stream. Default 4 MiB (AD-45). */
  readonly captureBytes?: number;
  onLog(stream: OutputStream, chunk: string): Promise<void>;
  onSpawn?(spawned: SpawnInfo): Promise<void>;
  onWarning?(warning: AdapterWarning): void;
}

/** How a child ended. */
export interface ChildOutcome extends SpawnInfo {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  /** Set when the child or what it left behind had to be stopped. */
  readonly stop: StopReport | null;
  readonly stdout: OutputTail;
  readonly stderr: OutputTail;
}

/**
 * Starts the child and resolves when it is over.
 * @throws Error with the texts of AD-42 when it cannot be started; the signal's reason when it was aborted before.
 */
export async function superviseChild(options: SuperviseChildOptions): Promise<ChildOutcome> {
  options.signal.throwIfAborted();
  const warn = (warning: AdapterWarning): void => options.onWarning?.(warning);
  const child = await startChild(options);
  const spawned = describe(child);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.process.once("exit", (code, signal) => resolve({ code, signal }));
  });
  child.process.on("error", (cause) => warn({ code: "signal_failed", message: cause.message, cause }));

  const graceMs = timerMs(Math.max(1, Number.isFinite(options.graceSec) ? options.graceSec : 1));
  const stopper = createGroupStopper({
    ...spawned,
    graceMs,
    exited,
    signalChild: (name) => child.process.kill(name),
    onWarning: warn,
  });

  // Listeners and readers stand before the first await: a child may be over within a millisecond.
  const announced = announce(options.onSpawn, spawned, warn);
  const deliver = inOneLine(options.onLog, warn);
  const tails = { stdout: new OutputTail(limitOf(options)), stderr: new OutputTail(limitOf(options)) };
  const pumps = (["stdout", "stderr"] as const).map((name) =>
    pumpOutput({
      stream: child[name],
      tail: tails[name],
      startWhen: announced,
      deliver: (text) => deliver(name, text),
      onError: (cause) => warn({ code: "output_failed", message: `Reading ${name} failed`, cause }),
    }),
  );
  const disarm = armStops({ options, stopper });
  void announced.then(() => writeStdin(child.stdin, options.stdin, warn));

  const status = await exited;
  disarm.timeout();
  await outputEnd({ pumps, stopper, graceMs });
  // Asked again after the output ended: an abort may have come while it was being delivered.
  const stop = stopper.cause === null ? null : await stopper.gone;
  disarm.all();
  return {
    ...spawned,
    exitCode: status.code,
    signal: status.signal,
    timedOut: stop?.cause === "timeout",
    stop,
    stdout: tails.stdout,
    stderr: tails.stderr,
  };
}

interface StartedChild {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

async function startChild(options: SuperviseChildOptions): Promise<StartedChild> {
  let child: ChildProcess;
  try {
    child = spawn(options.executable, [...options.args], {
      cwd: options.cwd,
      env: options.env,
      // Its own group and session: signals reach everything it starts, and a Ctrl-C at the worker does not (AD-41).
      detached: process.platform !== "win32",
      stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      windowsHide: true,
    });
  } catch (error) {
    throw startError(options, error);
  }
  if (child.pid === undefined) {
    const error = await new Promise<unknown>((resolve) => child.once("error", resolve));
    throw startError(options, error);
  }
  if (child.stdout === null || child.stderr === null) throw new Error("The child has no output pipes");
  return { process: child, pid: child.pid, stdin: child.stdin, stdout: child.stdout, stderr: child.stderr };
}

/** AD-42. The reason is the system's code alone: Node's own text may quote an argument or a variable's value. */
function startError(options: SuperviseChildOptions, cause: unknown): Error {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  const start = `Failed to start command "${options.command}" in "${options.cwd}"`;
  if (code === "ENOENT") {
    const searched = options.env["PATH"] ?? "";
    return new Error(`${start}. Verify adapter command, working directory, and PATH (${searched}).`, { cause });
  }
  if (code === "E2BIG") {
    return new Error(`${start}: E2BIG: its arguments and environment are longer than the system allows`, { cause });
  }
  if (code?.startsWith("ERR_INVALID_ARG")) {
    return new Error(`${start}: an argument or a variable holds a NUL character`);
  }
  return new Error(`${start}: ${code === undefined ? String(cause) : `spawn ${code}`}`, { cause });
}

function describe(child: StartedChild): SpawnInfo {
  const { pid } = child;
  // Read at once: until the event loop turns, even a child that has ended is still in the table.
  const entry = hasProcessTable ? readProcess(pid) : null;
  return {
    pid,
    processGroupId: process.platform === "win32" ? null : pid,
    startedAt: entry?.startedAt ?? new Date(),
  };
}

/** Resolves when `onSpawn` settled, either way: the child runs already, and only the host can judge (AD-43). */
async function announce(
  onSpawn: SuperviseChildOptions["onSpawn"],
  spawned: SpawnInfo,
  warn: (warning: AdapterWarning) => void,
): Promise<void> {
  try {
    await onSpawn?.(spawned);
  } catch (cause) {
    warn({ code: "on_spawn_failed", message: `The start of process ${spawned.pid} could not be recorded`, cause });
  }
}

/** One call of `onLog` at a time, in the order the chunks came; a throwing one is told once and ignored (AD-44). */
function inOneLine(
  onLog: SuperviseChildOptions["onLog"],
  warn: (warning: AdapterWarning) => void,
): (stream: OutputStream, text: string) => Promise<void> {
  let last = Promise.resolve();
  let told = false;
  const deliver = async (stream: OutputStream, text: string): Promise<void> => {
    try {
      await onLog(stream, text);
    } catch (cause) {
      if (told) return;
      told = true;
      warn({ code: "on_log_failed", message: "Output of the run could not be stored; the run goes on", cause });
    }
  };
  return (stream, text) => {
    last = last.then(() => deliver(stream, text));
    return last;
  };
}

/** A child may end without reading its stdin; the broken pipe is then no more than a remark (AD-43). */
function writeStdin(stdin: Writable | null, text: string | undefined, warn: (warning: AdapterWarning) => void): void {
  if (stdin === null) return;
  stdin.on("error", (cause: Error) => {
    warn({ code: "stdin_failed", message: "The child did not read all of its stdin", cause });
  });
  stdin.end(text ?? "");
}

/** Arms what can stop the child from outside: its time limit, the run's abort, the adapter's "finished". */
function armStops(input: { readonly options: SuperviseChildOptions; readonly stopper: GroupStopper }): {
  /** A child that has ended cannot time out any more. */
  timeout(): void;
  all(): void;
} {
  const { options, stopper } = input;
  const timer =
    options.timeoutSec > 0 ? setTimeout(() => stopper.begin("timeout"), timerMs(options.timeoutSec)) : undefined;
  const abort = (): void => stopper.begin("aborted");
  const { finishedGraceSec } = options;
  const finish = (): void =>
    stopper.begin("finished", finishedGraceSec === undefined ? undefined : timerMs(finishedGraceSec));
  options.signal.addEventListener("abort", abort, { once: true });
  options.finished?.addEventListener("abort", finish, { once: true });
  // It may have been aborted while the child was being started.
  if (options.signal.aborted) abort();
  if (options.finished?.aborted === true) finish();
  return {
    timeout: () => clearTimeout(timer),
    all() {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", abort);
      options.finished?.removeEventListener("abort", finish);
    },
  };
}

/**
 * Waits for the output to be delivered to its end. Who still holds the pipes open after the grace is stopped (AD-49);
 * who left the group and cannot be reached is let go of.
 */
async function outputEnd(input: {
  readonly pumps: readonly OutputPump[];
  readonly stopper: GroupStopper;
  readonly graceMs: number;
}): Promise<void> {
  const lingering = setTimeout(() => input.stopper.begin("lingering"), input.graceMs);
  void input.stopper.gone.then(() => {
    for (const pump of input.pumps) pump.finishLeftovers();
  });
  await Promise.all(input.pumps.map((pump) => pump.done));
  clearTimeout(lingering);
}

function timerMs(seconds: number): number {
  return Math.min(seconds * 1000, LONGEST_TIMER_MS);
}

function limitOf(options: SuperviseChildOptions): number {
  return options.captureBytes ?? CAPTURE_LIMIT_BYTES;
}
