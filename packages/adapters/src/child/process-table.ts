/**
 * What the operating system tells about processes, read from /proc where there is one (Linux).
 *
 * What must stay true: a zombie counts as dead. In a container whose first process does not reap, a killed grandchild
 * stays in the table for ever; waiting for it would hold the run open for ever.
 */
import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import type { SpawnInfo } from "../contract.js";

/** Linux reports times in this unit to programs whatever the kernel was built with. */
const CLOCK_TICKS_PER_SECOND = 100;

/** One line of the table. */
export interface ProcessEntry {
  readonly pid: number;
  /** Who started it; the process that takes in orphans once that one has ended. */
  readonly parentPid: number;
  readonly processGroupId: number;
  readonly isZombie: boolean;
  readonly startedAt: Date;
  /** The same as the system counts it: equal in every reading, so that it tells a pid that was given away again. */
  readonly startTicks: string;
  /** Processor time of the process and of the children it waited for, milliseconds. */
  readonly cpuMs: number;
}

/** True where processes can be looked up. */
export const hasProcessTable: boolean = existsSync("/proc/self/stat");

/** One process; null when it does not exist (or there is no table). Zombies are found. */
export function readProcess(pid: number): ProcessEntry | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"), systemStartMs());
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** A child that was just started, as it is recorded (AD-17). */
export function describeProcess(pid: number): SpawnInfo {
  // Read at once: until the event loop turns, even a child that has ended is still in the table.
  const entry = hasProcessTable ? readProcess(pid) : null;
  return {
    pid,
    processGroupId: process.platform === "win32" ? null : pid,
    startedAt: entry?.startedAt ?? new Date(),
  };
}

/** Living members of a process group, zombies left out; empty without a table. */
export async function readGroupMembers(processGroupId: number): Promise<ProcessEntry[]> {
  return (await scanProcesses(1)).filter((entry) => entry.processGroupId === processGroupId);
}

/** All living processes with this pid or a greater one, zombies left out; empty without a table. */
export async function scanProcesses(lowestPid: number): Promise<ProcessEntry[]> {
  if (!hasProcessTable) return [];
  const systemStart = systemStartMs();
  const entries: ProcessEntry[] = [];
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid < lowestPid) continue;
    try {
      const entry = parseStat(await readFile(`/proc/${name}/stat`, "utf8"), systemStart);
      if (!entry.isZombie) entries.push(entry);
    } catch (error) {
      // Processes end while we look.
      if (!isGone(error)) throw error;
    }
  }
  return entries;
}

/** When the machine started, by today's clock, milliseconds since 1970. */
function systemStartMs(): number {
  const uptimeSeconds = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  return Date.now() - uptimeSeconds * 1000;
}

/** proc(5): the command name, in parentheses, may itself hold blanks and parentheses; the fields follow the last one. */
function parseStat(line: string, systemStart: number): ProcessEntry {
  const pid = Number.parseInt(line, 10);
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const state = fields[0] ?? "";
  const startTicks = fields[19] ?? "";
  const cpuTicks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return {
    pid,
    parentPid: Number(fields[1]),
    processGroupId: Number(fields[2]),
    isZombie: state === "Z" || state === "X" || state === "x",
    startedAt: new Date(systemStart + (Number(startTicks) * 1000) / CLOCK_TICKS_PER_SECOND),
    startTicks,
    cpuMs: (cpuTicks * 1000) / CLOCK_TICKS_PER_SECOND,
  };
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === "ENOENT" || code === "ESRCH";
}
