/**
 * Ends a child and everything of its group: TERM, grace, KILL (AD-46, AD-48, AD-49, AD-51).
 *
 * Modes: `idle` → (`begin`) → `asked` (TERM sent, grace runs) → `forced` (KILL sent) → `gone`. The first cause stays: a
 * cancel that arrives while a timeout is being carried out changes nothing.
 *
 * What must stay true: nothing is signalled after the group is gone, since its id may belong to a stranger by then; and
 * `gone` is reached even if a member obeys neither signal, so that a run cannot hang on it.
 */
import type { AdapterWarning } from "../contract.js";
import { inspectProcess, KILLED_GROUP_WAIT_MS, signalGroup, waitUntilGone } from "./process-group.js";

/**
 * Why a child was told to stop: its time was up, the run was aborted, its adapter had all it needed, or it ended itself
 * and left others behind who hold its output open.
 */
export type StopCause = "timeout" | "aborted" | "finished" | "lingering";

/** How the stop went; `forceKilled` when it took SIGKILL. */
export interface StopReport {
  readonly cause: StopCause;
  readonly forceKilled: boolean;
}

export interface GroupStopper {
  /** Starts to stop, once; `graceMs` replaces the usual time between TERM and KILL. */
  begin(cause: StopCause, graceMs?: number): void;
  /** The cause, as soon as `begin` was called. */
  readonly cause: StopCause | null;
  /** Resolves, after `begin`, when nobody of the group is left (or nobody can be ended). Never rejects. */
  readonly gone: Promise<StopReport>;
}

export function createGroupStopper(options: {
  readonly pid: number;
  readonly processGroupId: number | null;
  readonly startedAt: Date;
  /** Time between TERM and KILL, milliseconds. */
  readonly graceMs: number;
  /** Resolves when the child itself has ended. */
  readonly exited: Promise<unknown>;
  /** The child is this process's own: its end is an event, and until then its ids are its own. */
  readonly isOwnChild: boolean;
  /** Signals the child alone, for where its group cannot be signalled (AD-46). */
  signalChild(signal: NodeJS.Signals): boolean;
  onWarning(warning: AdapterWarning): void;
}): GroupStopper {
  const { pid, processGroupId, startedAt, graceMs } = options;
  let cause: StopCause | null = null;
  let childEnded = false;
  const noteEnd = (): void => {
    childEnded = true;
  };
  // A child whose end will never be known may be gone too; the process table says so.
  options.exited.then(noteEnd, noteEnd);

  // While a child of ours lives there is nothing to look up.
  const isGone = async (): Promise<boolean> =>
    (childEnded || !options.isOwnChild) && (await inspectProcess({ pid, processGroupId, startedAt })) === "dead";

  const signal = async (name: NodeJS.Signals): Promise<void> => {
    if (await isGone()) return;
    if (processGroupId !== null && signalGroup(processGroupId, name)) return;
    if (!childEnded && !options.signalChild(name)) {
      options.onWarning({ code: "signal_failed", message: `Could not send ${name} to process ${pid}` });
    }
  };

  const stop = async (stopCause: StopCause, timeoutMs: number): Promise<StopReport> => {
    await signal("SIGTERM");
    if (await waitUntilGone({ isGone, timeoutMs })) return { cause: stopCause, forceKilled: false };
    await signal("SIGKILL");
    if (!(await waitUntilGone({ isGone, timeoutMs: KILLED_GROUP_WAIT_MS }))) {
      options.onWarning({
        code: "group_survived",
        message: `Process group ${processGroupId ?? pid} still has members after SIGKILL`,
      });
    }
    return { cause: stopCause, forceKilled: true };
  };

  let resolveGone: (report: StopReport) => void;
  const gone = new Promise<StopReport>((resolve) => {
    resolveGone = resolve;
  });

  return {
    begin(stopCause, ownGraceMs = graceMs) {
      if (cause !== null) return;
      cause = stopCause;
      stop(stopCause, ownGraceMs).then(resolveGone, (error: unknown) => {
        options.onWarning({ code: "signal_failed", message: `Could not stop process ${pid}`, cause: error });
        resolveGone({ cause: stopCause, forceKilled: false });
      });
    },
    get cause() {
      return cause;
    },
    gone,
  };
}
