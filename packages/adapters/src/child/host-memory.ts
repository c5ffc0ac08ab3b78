/**
 * How much memory this process's host still has for more (BY-10): the machine's, or that of the control group around it
 * where that is less (a container, a service). Only where the system says so (Linux).
 *
 * What must stay true: what is only a cache of files counts as available, or a host that reads many files would never
 * start anything.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";

const KIB = 1024;

export interface HostMemory {
  readonly availableBytes: number;
  readonly totalBytes: number;
}

/** Names of one version of control groups. */
interface GroupFiles {
  readonly limit: string;
  readonly used: string;
  /** Of `memory.stat`: pages of files that were not used lately. */
  readonly cache: RegExp;
}
const VERSION_2: GroupFiles = { limit: "memory.max", used: "memory.current", cache: /^inactive_file (\d+)$/m };
const VERSION_1: GroupFiles = {
  limit: "memory.limit_in_bytes",
  used: "memory.usage_in_bytes",
  cache: /^total_inactive_file (\d+)$/m,
};

/** The tightest of what bounds this process; null where nothing is known. `root` is where `/proc` and `/sys` lie. */
export async function readHostMemory(root = "/"): Promise<HostMemory | null> {
  const machine = await readMachine(root);
  if (machine === null) return null;
  const group = await readOwnGroup(root);
  // A group without a limit of its own says an absurdly large number.
  if (group === null || group.totalBytes >= machine.totalBytes) return machine;
  return group.availableBytes < machine.availableBytes ? group : { ...machine, totalBytes: group.totalBytes };
}

/** The share of the memory that is available, 0..1; null where nothing is known. */
export async function availableMemoryShare(root = "/"): Promise<number | null> {
  const memory = await readHostMemory(root);
  return memory === null || memory.totalBytes === 0 ? null : Math.min(1, memory.availableBytes / memory.totalBytes);
}

async function readMachine(root: string): Promise<HostMemory | null> {
  const text = await readOrNothing(path.join(root, "proc/meminfo"));
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN);
  const total = Number(/^MemTotal:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN);
  return Number.isNaN(available + total) ? null : { availableBytes: available * KIB, totalBytes: total * KIB };
}

async function readOwnGroup(root: string): Promise<HostMemory | null> {
  const groups = await readOrNothing(path.join(root, "proc/self/cgroup"));
  const second = /^0::(\/.*)$/m.exec(groups)?.[1];
  const first = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(groups)?.[1];
  if (first !== undefined) return await readGroup(path.join(root, "sys/fs/cgroup/memory"), first, VERSION_1);
  return second === undefined ? null : await readGroup(path.join(root, "sys/fs/cgroup"), second, VERSION_2);
}

/** A container sees its own group as the top one, whatever its path says outside. */
async function readGroup(top: string, own: string, files: GroupFiles): Promise<HostMemory | null> {
  for (const folder of [path.join(top, own), top]) {
    const limit = Number.parseInt(await readOrNothing(path.join(folder, files.limit)), 10);
    const used = Number.parseInt(await readOrNothing(path.join(folder, files.used)), 10);
    if (Number.isNaN(limit + used)) continue;
    const stat = await readOrNothing(path.join(folder, "memory.stat"));
    const cache = Number(files.cache.exec(stat)?.[1] ?? 0);
    return { availableBytes: Math.max(0, limit - used + cache), totalBytes: limit };
  }
  return null;
}

async function readOrNothing(file: string): Promise<string> {
  try {
    return await readFile(file, "latin1");
  } catch {
    // Not this system, or not this version of it.
    return "";
  }
}
