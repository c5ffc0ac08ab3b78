/**
 * Signals process groups and finds out whether they still live (AD-46, AD-48, PL-2, PL-3).
 *
 * What must stay true: nobody else's processes are ever signalled. A group id is free for strangers only once the group
 * is empty, so a living process whose pid is the group id but which is not ours proves that the group is gone.
 */
import { hasProcessTable, readGroupMembers, readProcess } from "./process-table.js";

/** How far two readings of one start time may lie apart, milliseconds: clocks are slewed, pids do not wrap that fast. */
const START_TIME_TOLERANCE_MS = 5_000;
/** Longest wait for a killed group to vanish, milliseconds. A process stuck in the kernel may outlive SIGKILL. */
export const KILLED_GROUP_WAIT_MS = 5_000;
const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 200;

/** A process as it was stored at its start (AD-17). */
export interface StoredProcess {
  readonly pid: number | null;
  readonly processGroupId: number | null;
  /** As reported by `onSpawn`; null when unknown, then a reused pid cannot be told. */
  readonly startedAt: Date | null;
}

/**
 * - `alive`: the process itself lives.
 * - `group_only`: it ended, but others of its group live (PL-3).
 * - `dead`: nobody is left.
 */
export type ProcessState = "alive" | "group_only" | "dead";

/** Sends a signal to a group. False when there is no such group or it may not be signalled. */
export function signalGroup(processGroupId: number, signal: NodeJS.Signals): boolean {
  // 0, 1 and -1 mean "my own group", init and "everybody" to kill(2).
  if (!Number.isSafeInteger(processGroupId) || processGroupId <= 1 || process.platform === "win32") return false;
  return trySignal(-processGroupId, signal);
}

/** Looks a stored process up on this host (PL-2, PL-3). */
export async function inspectProcess(stored: StoredProcess): Promise<ProcessState> {
  const { pid, processGroupId } = stored;
  if (pid !== null) {
    const found = lookUp(pid);
    if (found === "unlisted") return "alive";
    if (found !== null && !found.isZombie) {
      if (isSameStart(found.startedAt, stored.startedAt)) return "alive";
      // The pid was given to a stranger; while our group had members it could not have been.
      if (pid === processGroupId) return "dead";
    }
  }
  return processGroupId !== null && (await isGroupAlive(processGroupId)) ? "group_only" : "dead";
}

/** True while this very process lives; a stranger with its pid is not it. */
export function isProcessAlive(stored: { readonly pid: number; readonly startedAt: Date }): boolean {
  const found = lookUp(stored.pid);
  if (found === null) return false;
  return found === "unlisted" || (!found.isZombie && isSameStart(found.startedAt, stored.startedAt));
}

/** Sends a signal to this very process alone. False when it does not live or may not be signalled. */
export function signalProcess(
  stored: { readonly pid: number; readonly startedAt: Date },
  signal: NodeJS.Signals,
): boolean {
  return stored.pid > 1 && isProcessAlive(stored) && trySignal(stored.pid, signal);
}

/** True while a living process belongs to the group; zombies do not count. */
async function isGroupAlive(processGroupId: number): Promise<boolean> {
  if (processGroupId <= 1 || process.platform === "win32") return false;
  if (!canSignal(-processGroupId)) return false;
  return !hasProcessTable || (await readGroupMembers(processGroupId)).length > 0;
}

/** What became of a group that was told to end. */
export type TerminationResult = "already_gone" | "terminated" | "killed" | "survived";

/**
 * Ends a stored process and its whole group: TERM, up to `graceMs` milliseconds for it to go, then KILL (AD-48, PL-3).
 * For processes that are not children of ours. `survived` means that not even KILL ended it in time (or it belongs to
 * another user).
 */
export async function terminateProcessGroup(
  target: StoredProcess & { readonly graceMs: number },
): Promise<TerminationResult> {
  if ((await inspectProcess(target)) === "dead") return "already_gone";
  signalStored(target, "SIGTERM");
  if (
    await waitUntilGone({ isGone: async () => (await inspectProcess(target)) === "dead", timeoutMs: target.graceMs })
  ) {
    return "terminated";
  }
  signalStored(target, "SIGKILL");
  const gone = await waitUntilGone({
    isGone: async () => (await inspectProcess(target)) === "dead",
    timeoutMs: KILLED_GROUP_WAIT_MS,
  });
  return gone ? "killed" : "survived";
}

/**
 * Asks again and again, at growing intervals, whether something is gone; false when `timeoutMs` milliseconds passed.
 * There is no event for a process that is not our child.
 */
export async function waitUntilGone(options: {
  isGone(): Promise<boolean>;
  readonly timeoutMs: number;
}): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs;
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, LONGEST_POLL_MS)) {
    if (await options.isGone()) return true;
    const left = deadline - performance.now();
    if (left <= 0) return false;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)));
  }
}

function signalStored(target: StoredProcess, signal: NodeJS.Signals): void {
  if (target.processGroupId !== null && signalGroup(target.processGroupId, signal)) return;
  // AD-46: if the group cannot be signalled, the process alone.
  if (target.pid !== null && target.pid > 1) trySignal(target.pid, signal);
}

/** The entry, null when there is no such process, or `unlisted` where it lives but there is no table to read. */
function lookUp(pid: number): ReturnType<typeof readProcess> | "unlisted" {
  if (hasProcessTable) return readProcess(pid);
  return canSignal(pid) ? "unlisted" : null;
}

function isSameStart(actual: Date, stored: Date | null): boolean {
  return stored === null || Math.abs(actual.getTime() - stored.getTime()) <= START_TIME_TOLERANCE_MS;
}

function trySignal(target: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

/** Signal 0 asks without signalling; EPERM means that it lives and belongs to somebody else. */
function canSignal(target: number): boolean {
  try {
    process.kill(target, 0);
    return true;
  } catch (error) {
    if (isRefusal(error)) return (error as NodeJS.ErrnoException).code === "EPERM";
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === "ESRCH" || code === "EPERM";
}
