/** Ends what a killed fleet left running: agents' processes, known by the fleet's folder in their environment. */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Process ids whose environment names `folder`. Empty on systems without /proc: agents of tests end by themselves there. */
export function processesOf(folder: string): number[] {
  if (!existsSync("/proc/self/environ")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => environmentOf(pid).includes(folder))
    .map(Number);
}

export function endLeftovers(folder: string): void {
  for (const pid of processesOf(folder)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    // It ended, or it is somebody else's.
    return "";
  }
}

/** True while a process of this id exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return !existsSync("/proc/self/status");
  }
}

/** True while a process stands still (SIGSTOP). Never on systems without /proc. */
export function isStopped(pid: number): boolean {
  try {
    return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Living processes of a process group. Empty on systems without /proc. */
export function processesInGroup(groupId: number): number[] {
  if (!existsSync("/proc/self/stat")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // After the command's closing bracket: state, parent, group.
        const [state, , group] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
        return Number(group) === groupId && state !== "Z";
      } catch {
        return false;
      }
    })
    .map(Number);
}
