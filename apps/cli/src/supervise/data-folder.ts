/**
 * The data folder of one instance: where its stores, secrets, run logs and process logs live.
 *
 * What must stay true: one `up` or `demo` at a time works on a folder. The lock names its holder by process id and start
 * time, so that a lock left by a killed process is taken over and a reused process id is not mistaken for the holder.
 */
import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

export interface DataFolder {
  readonly path: string;
  readonly postgres: string;
  readonly redis: string;
  readonly secrets: string;
  /** `WAKEFLEET_HOME` of the fleet's processes (WS-1). */
  readonly home: string;
  /** What the API and the workers print, one file each. */
  readonly logs: string;
  /** Lets others have the folder. */
  release(): void;
}

/** Another living process has the folder. */
export class DataFolderInUseError extends Error {
  override readonly name = "DataFolderInUseError";
  constructor(path: string, holder: number) {
    super(
      `The data folder ${path} is in use by another Wakefleet (process ${holder}). ` +
        "Stop that one, or use another folder: --data DIR",
    );
  }
}

interface Holder {
  readonly pid: number;
  /** Start time as the kernel tells it, or null where it does not. */
  readonly startedAt: string | null;
}

/**
 * Makes the folder if need be and takes its lock.
 * @throws DataFolderInUseError, or an error that names the folder when it cannot be written.
 */
export function openDataFolder(folder: string): DataFolder {
  const path = resolve(folder);
  const inFolder = (name: string): string => join(path, name);
  try {
    for (const name of ["postgres", "redis", "home", "logs"]) mkdirSync(inFolder(name), { recursive: true });
    mkdirSync(inFolder("secrets"), { recursive: true, mode: 0o700 });
    takeLock(path, inFolder("up.lock"));
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    throw new Error(
      `The data folder ${path} cannot be written by this user (${(error as Error).message}). ` +
        "Run as the user it belongs to, or use another folder: --data DIR",
      { cause: error },
    );
  }
  return {
    path,
    postgres: inFolder("postgres"),
    redis: inFolder("redis"),
    secrets: inFolder("secrets"),
    home: inFolder("home"),
    logs: inFolder("logs"),
    release: () => rmSync(inFolder("up.lock"), { force: true }),
  };
}

function takeLock(path: string, lock: string): void {
  const draft = `${lock}.${randomBytes(6).toString("hex")}`;
  const self: Holder = { pid: process.pid, startedAt: startTimeOf(process.pid) };
  writeFileSync(draft, JSON.stringify(self), { mode: 0o600 });
  try {
    for (;;) {
      if (tryLink(draft, lock)) return;
      const holder = readHolder(lock);
      if (holder === null) continue;
      if (isAlive(holder)) throw new DataFolderInUseError(path, holder.pid);
      // Of several that find it dead one renames it away; the others go round and find it gone or newly taken.
      const dead = `${draft}.dead`;
      if (existsSync(lock)) renameIfThere(lock, dead);
      const moved = readHolder(dead);
      // Somebody took the lock between our look and the rename: give it back.
      if (moved !== null && isAlive(moved)) tryLink(dead, lock);
      rmSync(dead, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function readHolder(lock: string): Holder | null {
  try {
    return JSON.parse(readFileSync(lock, "utf8")) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const now = startTimeOf(holder.pid);
  return now === null || holder.startedAt === null || now === holder.startedAt;
}

/** Field 22 of /proc/PID/stat; the command's name before it may hold blanks and parentheses. */
function startTimeOf(pid: number): string | null {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return null;
  const text = readFileSync(file, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}
