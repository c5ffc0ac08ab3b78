/**
 * A private PostgreSQL for one data folder (OP-3): made on first use, loopback only, with a password of its own.
 *
 * What must stay true:
 * - nothing outside the data folder and the places named in postgres-binaries.ts is touched (OP-5);
 * - the server ends with its parent, however that one ends (guarded-process.ts);
 * - a cluster that was half made by a start that was killed is never used: it gets its name only when it is whole.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { findFreePort, isPortFree } from "./free-port.js";
import { type GuardedProcess, type ProcessIdentity, startGuarded } from "./guarded-process.js";
import { copyFolder, type PostgresBinaries, postgresBinaries } from "./postgres-binaries.js";
import { readNumber, readOrCreateSecret, writeFileAtomically } from "./state-files.js";
import { canEnter, isRoot, postgresIdentity } from "./unprivileged-user.js";

const SUPERUSER = "wakefleet";
const START_DEADLINE_MS = 60_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

export interface StartPostgresOptions {
  /** Folder of this instance's PostgreSQL; made when absent. */
  readonly dataDir: string;
  /** Port on 127.0.0.1. Absent: the one used last time if it is free, else any free one. */
  readonly port?: number;
  /** Database that must exist once started. */
  readonly database?: string;
  /** Server settings (`-c name=value`), such as `fsync: "off"` for tests. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told a sentence when something takes a while. */
  readonly onProgress?: (line: string) => void;
}

export interface LocalPostgres {
  /** URL of the asked database with user and password: a secret. */
  readonly url: string;
  readonly port: number;
  /** Process id of the server (the postmaster). */
  readonly pid: number;
  /** The server's own log. */
  readonly logFile: string;
  /** Settles with the exit code when the server ended, wanted or not. */
  readonly exited: Promise<number>;
  /**
   * Ends the server. `fast` rolls back what is open and closes cleanly; `immediate` is a crash that the next start
   * recovers from.
   */
  stop(mode?: "fast" | "immediate"): Promise<void>;
}

/**
 * Starts the PostgreSQL of `dataDir` and settles when it accepts connections.
 * Rejects with a sentence that quotes the server's log when it does not start, and when the folder's server is already
 * running.
 */
export async function startPostgres(options: StartPostgresOptions): Promise<LocalPostgres> {
  const progress = options.onProgress ?? (() => undefined);
  const cluster = join(options.dataDir, "cluster");
  const isNew = !existsSync(join(cluster, "PG_VERSION"));
  const identity = isNew ? postgresIdentity() : (ownerForRoot(cluster) ?? postgresIdentity());
  const binaries = postgresBinaries(identity, progress);
  mkdirSync(options.dataDir, { recursive: true });
  const password = readOrCreateSecret(join(options.dataDir, "password"));
  if (isNew) {
    progress("Making a PostgreSQL data folder");
    createCluster({ dataDir: options.dataDir, cluster, password, binaries, identity });
  }
  await waitUntilReleased(cluster);
  const server = await startOnSomePort({ ...options, cluster, binaries, identity });
  const database = options.database ?? "postgres";
  const urlOf = (name: string): string => `postgresql://${SUPERUSER}:${password}@127.0.0.1:${server.port}/${name}`;
  try {
    await ensureDatabase(urlOf("postgres"), database);
  } catch (error) {
    await server.guarded.stop();
    throw error;
  }
  return {
    url: urlOf(database),
    port: server.port,
    pid: server.pid,
    logFile: server.logFile,
    exited: server.guarded.exited,
    async stop(mode: "fast" | "immediate" = "fast"): Promise<void> {
      if (mode === "immediate" && server.guarded.isRunning()) process.kill(server.pid, "SIGQUIT");
      await server.guarded.stop();
    },
  };
}

/** Removes what {@link startPostgres} made for `dataDir`, wherever it is. The server must not be running. */
export function removePostgresData(dataDir: string): void {
  const cluster = join(dataDir, "cluster");
  if (lstatSync(cluster, { throwIfNoEntry: false })?.isSymbolicLink() && existsSync(cluster)) {
    rmSync(realpathSync(cluster), { recursive: true, force: true });
  }
  rmSync(dataDir, { recursive: true, force: true });
}

/** Root goes on as the user a cluster belongs to: an ordinary user may have made it. */
function ownerForRoot(cluster: string): ProcessIdentity | undefined {
  const { uid, gid } = statSync(cluster);
  return isRoot() && uid !== 0 ? { uid, gid } : undefined;
}

interface Place {
  readonly dataDir: string;
  readonly cluster: string;
  readonly password: string;
  readonly binaries: PostgresBinaries;
  readonly identity: ProcessIdentity | undefined;
}

function createCluster({ dataDir, cluster, password, binaries, identity }: Place): void {
  const reachable = canEnter(dataDir, identity);
  const parent = reachable ? dataDir : copyFolder();
  if (!reachable) mkdirSync(parent, { recursive: true, mode: 0o755 });
  const suffix = randomBytes(6).toString("hex");
  const draft = join(parent, `cluster.${suffix}`);
  const passwordFile = join(parent, `cluster.${suffix}.password`);
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  try {
    if (identity !== undefined) for (const path of [draft, passwordFile]) chownSync(path, identity.uid, identity.gid);
    const { status, stderr, error } = spawnSync(
      binaries.initdb,
      [
        ...["--pgdata", draft, "--username", SUPERUSER, "--pwfile", passwordFile, "--auth", "scram-sha-256"],
        // The built-in provider sorts alike on every machine, whatever locales it has.
        ...["--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"],
        ...["--no-instructions"],
      ],
      { cwd: "/", encoding: "utf8", ...identity },
    );
    if (error !== undefined || status !== 0) {
      throw new Error(`PostgreSQL's data folder could not be made in ${parent}: ${error?.message ?? stderr.trim()}`);
    }
    rmSync(cluster, { recursive: true, force: true });
    // A folder the unprivileged user cannot reach gets a link to one that it can.
    if (reachable) renameSync(draft, cluster);
    else symlinkSync(draft, cluster);
  } catch (failure) {
    rmSync(draft, { recursive: true, force: true });
    throw failure;
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** A server whose parent was killed needs a moment to stop; one that stays is somebody else's and is not touched. */
async function waitUntilReleased(cluster: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const pid = livePostmaster(cluster);
    if (pid === null) return;
    if (Date.now() > deadline) {
      throw new Error(
        `The PostgreSQL of ${cluster} is already running as process ${pid}. Stop it first: kill -INT ${pid}`,
      );
    }
    await delay(100);
  }
}

/** The process id in postmaster.pid if that process lives and works on this very folder. */
function livePostmaster(cluster: string): number | null {
  const pid = readNumber(join(cluster, "postmaster.pid"));
  if (pid === null) return null;
  try {
    process.kill(pid, 0);
  } catch {
    return null;
  }
  const real = realpathSync(cluster);
  const commandLine = existsSync(`/proc/${pid}/cmdline`)
    ? readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
    : spawnSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).stdout;
  return commandLine?.includes(real) ? pid : null;
}

interface StartedServer {
  readonly port: number;
  readonly pid: number;
  readonly logFile: string;
  readonly guarded: GuardedProcess;
}

type ServerPlace = StartPostgresOptions & {
  readonly cluster: string;
  readonly binaries: PostgresBinaries;
  readonly identity: ProcessIdentity | undefined;
};

async function startOnSomePort(place: ServerPlace): Promise<StartedServer> {
  const portFile = join(place.dataDir, "port");
  for (let attempt = 1; ; attempt++) {
    const port = place.port ?? (await choosePort(attempt === 1 ? readNumber(portFile) : null));
    try {
      const server = await startServer(place, port);
      writeFileAtomically(portFile, `${port}\n`);
      return server;
    } catch (error) {
      const taken = error instanceof Error && /could not bind|Address already in use/.test(error.message);
      if (!taken || place.port !== undefined || attempt === 5) throw error;
    }
  }
}

async function choosePort(remembered: number | null): Promise<number> {
  return remembered !== null && (await isPortFree(remembered)) ? remembered : findFreePort();
}

async function startServer(place: ServerPlace, port: number): Promise<StartedServer> {
  const logFile = join(place.dataDir, "postgres.log");
  if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT_BYTES) truncateSync(logFile, 0);
  const logFd = openSync(logFile, "a", 0o600);
  const logStart = statSync(logFile).size;
  const cluster = realpathSync(place.cluster);
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    // No socket file: loopback with a password is the only way in, and no folder has to be found for it.
    unix_socket_directories: "",
    max_connections: "200",
    ...place.settings,
  };
  const guarded = startGuarded({
    command: place.binaries.postgres,
    args: ["-D", cluster, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    stopSignal: "INT",
    logFd,
    identity: place.identity,
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" },
  });
  closeSync(logFd);
  const deadline = Date.now() + START_DEADLINE_MS;
  while (guarded.isRunning()) {
    const pid = readyPostmaster(cluster, port);
    if (pid !== null) return { port, pid, logFile, guarded };
    if (Date.now() > deadline) await guarded.stop();
    else await Promise.race([delay(50), guarded.exited]);
  }
  const said = readFileSync(logFile).subarray(logStart).toString("utf8").trim().split("\n").slice(-5).join("\n");
  throw new Error(`PostgreSQL did not start on port ${port}; its log (${logFile}) says:\n${said}`);
}

/** The server's process id once its status line in postmaster.pid says that it is ready. */
function readyPostmaster(cluster: string, port: number): number | null {
  const file = join(cluster, "postmaster.pid");
  if (!existsSync(file)) return null;
  let lines: string[];
  try {
    lines = readFileSync(file, "utf8").split("\n");
  } catch {
    // Removed between the two calls: the server ended.
    return null;
  }
  return lines[3] === String(port) && lines[7]?.trim() === "ready" ? Number(lines[0]) : null;
}

async function ensureDatabase(adminUrl: string, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [database]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}
