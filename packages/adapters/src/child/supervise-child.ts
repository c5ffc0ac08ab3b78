/**
 * Runs one child process from start to end (AD-41 to AD-51): the only place that starts one for a run.
 *
 * What must stay true:
 * - the call settles only when the child has ended and its output was delivered, and then nothing that was told to stop
 *   is left of its group;
 * - the exit status is the child's own, whoever else had to be stopped;
 * - memory is bounded by the two tails and a pipe's worth of text, whatever the child prints;
 * - everything else (what its life hangs on, where output goes, who is told of the pid) comes in through the options, so
 *   that a child whose output goes to a spool and outlives its worker (BY-9) is watched by the same rules, by whoever
 *   started it and by whoever took it over.
 */
import type { JsonObject, OutputStream } from "@wakefleet/contracts";
import { type AdapterWarning, abortReasonOf, type SpawnInfo } from "../contract.js";
import type { ChildExit, ChildHost, ChildSpec, OutputCarrier, StartedChild } from "./child-host.js";
import { createGroupStopper, type GroupStopper, type StopReport } from "./group-stopper.js";
import { CAPTURE_LIMIT_BYTES, OutputTail } from "./output-tail.js";
import { pipeHost } from "./pipe-host.js";

/** Node's timers take no more; beyond it they fire at once. About 24.8 days. */
const LONGEST_TIMER_MS = 2_147_483_647;

export interface SuperviseChildOptions extends ChildSpec {
  /** Starts the child. Default: as a child of this process. */
  readonly host?: ChildHost | undefined;
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
  /** `memo` the child was started with, by whichever worker started it. */
  readonly memo: JsonObject | null;
  readonly stdout: OutputTail;
  readonly stderr: OutputTail;
}

/**
 * Starts the child and resolves when it is over.
 * @throws Error with the texts of AD-42 when it cannot be started; the signal's reason when it was aborted before, or
 * told to let go of a child that goes on without this process; `ChildLost` when its end will never be known.
 */
export async function superviseChild(options: SuperviseChildOptions): Promise<ChildOutcome> {
  options.signal.throwIfAborted();
  const warn = (warning: AdapterWarning): void => options.onWarning?.(warning);
  const child = await (options.host ?? pipeHost).start(options);
  const { pid, processGroupId, startedAt, exited } = child;
  const spawned = { pid, processGroupId, startedAt };

  const graceMs = timerMs(Math.max(1, Number.isFinite(options.graceSec) ? options.graceSec : 1));
  const stopper = createGroupStopper({
    ...spawned,
    graceMs,
    exited,
    isOwnChild: child.letGo === null,
    signalChild: (name) => child.signalChild(name),
    onWarning: warn,
  });

  // Listeners and readers stand before the first await: a child may be over within a millisecond.
  const announced = child.isTakenOver ? Promise.resolve() : announce(options.onSpawn, spawned, warn);
  const deliver = inOneLine(options.onLog, warn);
  const tails = { stdout: new OutputTail(limitOf(options)), stderr: new OutputTail(limitOf(options)) };
  const carrier = child.carry({
    startWhen: announced,
    tails,
    deliver,
    onError: (name, cause) => warn({ code: "output_failed", message: `Reading ${name} failed`, cause }),
  });
  const stops = armStops({ options, stopper, child });
  if (!child.isTakenOver) {
    void announced.then(() => child.begin((cause) => warn(stdinFailed(cause))));
  }

  try {
    const status = await Promise.race([exited, stops.letGo]);
    stops.disarmTimeout();
    await Promise.race([outputEnd({ carrier, stopper, graceMs }), stops.letGo]);
    // Asked again after the output ended: an abort may have come while it was being delivered.
    const stop = stopper.cause === null ? null : await stopper.gone;
    return { ...spawned, ...outcomeOf(status), timedOut: stop?.cause === "timeout", stop, memo: child.memo, ...tails };
  } catch (error) {
    // What was read is delivered first; then nobody reads for this run any more.
    child.letGo?.();
    await carrier.done;
    if (!stops.hasLetGo()) {
      stopper.begin("aborted");
      await stopper.gone;
    }
    throw error;
  } finally {
    stops.disarm();
  }
}

function outcomeOf({ code, signal }: ChildExit): Pick<ChildOutcome, "exitCode" | "signal"> {
  return { exitCode: code, signal };
}

/** A child may end without reading its stdin; the broken pipe is then no more than a remark (AD-43). */
function stdinFailed(cause: Error): AdapterWarning {
  return { code: "stdin_failed", message: "The child did not read all of its stdin", cause };
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

interface ArmedStops {
  /** Rejects with the signal's reason once the child is to be let go; never settles otherwise. */
  readonly letGo: Promise<never>;
  hasLetGo(): boolean;
  /** A child that has ended cannot time out any more. */
  disarmTimeout(): void;
  disarm(): void;
}

/** Arms what can stop the child from outside: its time limit, the run's abort, the adapter's "finished". */
function armStops(input: {
  readonly options: SuperviseChildOptions;
  readonly stopper: GroupStopper;
  readonly child: StartedChild;
}): ArmedStops {
  const { options, stopper, child } = input;
  let released = false;
  let reject: (reason: unknown) => void;
  const letGo = new Promise<never>((_resolve, fail) => {
    reject = fail;
  });
  // Nobody may be waiting for it any more.
  letGo.catch(() => undefined);

  const expire = (): void => {
    child.noteTimeout();
    stopper.begin("timeout");
  };
  const timer = options.timeoutSec > 0 ? setTimeout(expire, leftMs(options.timeoutSec, child)) : undefined;
  const abort = (): void => {
    const reason = abortReasonOf(options.signal);
    if (reason.kind === "handed_over" && child.letGo !== null && stopper.cause === null) {
      released = true;
      reject(reason);
    } else stopper.begin("aborted");
  };
  const { finishedGraceSec } = options;
  const finish = (): void =>
    stopper.begin("finished", finishedGraceSec === undefined ? undefined : timerMs(finishedGraceSec));
  options.signal.addEventListener("abort", abort, { once: true });
  options.finished?.addEventListener("abort", finish, { once: true });
  // It may have been aborted while the child was being started.
  if (options.signal.aborted) abort();
  if (options.finished?.aborted === true) finish();
  if (child.stoppedForTimeout) stopper.begin("timeout");
  return {
    letGo,
    hasLetGo: () => released,
    disarmTimeout: () => clearTimeout(timer),
    disarm() {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", abort);
      options.finished?.removeEventListener("abort", finish);
    },
  };
}

/** A child that was taken over has used up some of its time. */
function leftMs(timeoutSec: number, child: StartedChild): number {
  const usedMs = child.isTakenOver ? Date.now() - child.startedAt.getTime() : 0;
  return Math.max(1, timerMs(timeoutSec - Math.max(0, usedMs) / 1000));
}

/**
 * Waits for the output to be delivered to its end. Who still holds the pipes open after the grace is stopped (AD-49);
 * who left the group and cannot be reached is let go of.
 */
async function outputEnd(input: {
  readonly carrier: OutputCarrier;
  readonly stopper: GroupStopper;
  readonly graceMs: number;
}): Promise<void> {
  const lingering = setTimeout(() => input.stopper.begin("lingering"), input.graceMs);
  void input.stopper.gone.then(() => input.carrier.finishLeftovers());
  await input.carrier.done;
  clearTimeout(lingering);
}

function timerMs(seconds: number): number {
  return Math.min(seconds * 1000, LONGEST_TIMER_MS);
}

function limitOf(options: SuperviseChildOptions): number {
  return options.captureBytes ?? CAPTURE_LIMIT_BYTES;
}
