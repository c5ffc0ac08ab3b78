/**
 * A private Redis for one data folder (OP-4): loopback only, with a password of its own, append-only file on,
 * `maxmemory-policy noeviction` (an evicted key would be a lost job).
 *
 * What must stay true: two servers never write one append-only file; the server ends with its parent, however that one
 * ends (guarded-process.ts).
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findFreePort, isPortFree } from "./free-port.js";
import { type GuardedProcess, startGuarded } from "./guarded-process.js";
import { ensureRedisServer } from "./redis-server.js";
import { readNumber, readOrCreateSecret, writeFileAtomically } from "./state-files.js";

const START_DEADLINE_MS = 60_000;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;
const DATA_FOLDER = "appendonlydir";

export interface StartRedisOptions {
  /** Folder of this instance's Redis; made when absent. */
  readonly dir: string;
  /** Port on 127.0.0.1. Absent: the one used last time if it is free, else any free one. */
  readonly port?: number;
  /** Lines for redis.conf that win over ours, such as `appendonly no` for tests. */
  readonly settings?: readonly string[];
  /** Told a sentence when something takes a while. */
  readonly onProgress?: (line: string) => void;
}

export interface LocalRedis {
  /** URL with the password: a secret. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly logFile: string;
  /** Settles with the exit code when the server ended, wanted or not. */
  readonly exited: Promise<number>;
  /** Ends the server: `save` writes everything first; `crash` kills it. */
  stop(mode?: "save" | "crash"): Promise<void>;
}

/**
 * Starts the Redis of `dir` and settles when it answers, its data loaded.
 * Rejects with a sentence that quotes the server's log when it does not start, and when the folder's server is already
 * running.
 */
export async function startRedis(options: StartRedisOptions): Promise<LocalRedis> {
  const program = await ensureRedisServer(options.onProgress);
  mkdirSync(options.dir, { recursive: true });
  const password = readOrCreateSecret(join(options.dir, "password"));
  const portFile = join(options.dir, "port");
  const remembered = readNumber(portFile);
  if (remembered !== null) await waitUntilReleased({ dir: options.dir, port: remembered, password });
  for (let attempt = 1; ; attempt++) {
    const port =
      options.port ??
      (attempt === 1 && remembered !== null && (await isPortFree(remembered)) ? remembered : await findFreePort());
    try {
      const server = await startServer({ ...options, program, password, port });
      writeFileAtomically(portFile, `${port}\n`);
      return server;
    } catch (error) {
      const taken = error instanceof Error && /Address already in use|Could not create server TCP/.test(error.message);
      if (!taken || options.port !== undefined || attempt === 5) throw error;
    }
  }
}

/** Throws away the data of a stopped server, as a Redis that lost everything would. */
export function removeRedisData(dir: string): void {
  rmSync(join(dir, DATA_FOLDER), { recursive: true, force: true });
}

type ServerPlace = StartRedisOptions & { readonly program: string; readonly password: string; readonly port: number };

async function startServer(place: ServerPlace): Promise<LocalRedis> {
  const { dir, port, password } = place;
  const logFile = join(dir, "redis.log");
  const pidFile = join(dir, "redis.pid");
  const configFile = join(dir, "redis.conf");
  if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT_BYTES) truncateSync(logFile, 0);
  rmSync(pidFile, { force: true });
  // In a file of mode 0600 and not on the command line, where every user of the machine could read the password.
  writeFileAtomically(
    configFile,
    `${[
      "bind 127.0.0.1",
      `port ${port}`,
      `dir ${JSON.stringify(dir)}`,
      `pidfile ${JSON.stringify(pidFile)}`,
      `requirepass ${password}`,
      "daemonize no",
      "appendonly yes",
      `appenddirname ${DATA_FOLDER}`,
      'save ""',
      "maxmemory-policy noeviction",
      ...(place.settings ?? []),
    ].join("\n")}\n`,
  );
  const logFd = openSync(logFile, "a", 0o600);
  const logStart = statSync(logFile).size;
  const guarded = startGuarded({ command: place.program, args: [configFile], stopSignal: "TERM", logFd });
  closeSync(logFd);
  const deadline = Date.now() + START_DEADLINE_MS;
  while (guarded.isRunning()) {
    const pid = readNumber(pidFile);
    if (pid !== null && (await answers({ port, password }))) return handleOf({ place, pid, guarded, logFile });
    if (Date.now() > deadline) await guarded.stop();
    else await Promise.race([delay(25), guarded.exited]);
  }
  const said = readFileSync(logFile).subarray(logStart).toString("utf8").trim().split("\n").slice(-5).join("\n");
  throw new Error(`Redis did not start on port ${port}; its log (${logFile}) says:\n${said}`);
}

function handleOf(server: { place: ServerPlace; pid: number; guarded: GuardedProcess; logFile: string }): LocalRedis {
  const { place, pid, guarded, logFile } = server;
  return {
    url: `redis://:${place.password}@127.0.0.1:${place.port}`,
    port: place.port,
    pid,
    logFile,
    exited: guarded.exited,
    async stop(mode: "save" | "crash" = "save"): Promise<void> {
      if (mode === "crash" && guarded.isRunning()) process.kill(pid, "SIGKILL");
      await guarded.stop();
    },
  };
}

/** Only this folder's server knows this folder's password: a server that takes it is ours and still there. */
async function waitUntilReleased(server: { dir: string; port: number; password: string }): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (await answers(server)) {
    if (Date.now() > deadline) {
      throw new Error(
        `The Redis of ${server.dir} is already running on port ${server.port}. Stop what started it, or use another data folder.`,
      );
    }
    await delay(100);
  }
}

/** True when a server on this port takes the password and has loaded its data. */
function answers({ port, password }: { port: number; password: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let said = "";
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2_000, () => end(false));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
    socket.once("connect", () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on("data", (chunk) => {
      said += chunk.toString("utf8");
      if (said.includes("+PONG")) end(said.startsWith("+OK"));
      else if (said.includes("-")) end(false);
    });
  });
}
