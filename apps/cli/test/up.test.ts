/** `up` as its caller sees it (OP-7): real stores, real processes; stand-ins for the API and the worker. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { chown } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { removePostgresData } from "@wakefleet/local-stores";
import { waitFor } from "@wakefleet/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

const HARNESS = fileURLToPath(new URL("./support/up-with-fakes.mjs", import.meta.url));
const DEADLINE = { deadlineMs: 60_000 };

interface Up {
  readonly child: ChildProcess;
  said(): string;
  /** Exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

interface Ready {
  readonly apiUrl: string;
  readonly adminKey: string;
  readonly pids: { api: number; workers: number[] };
}

let folder: string;
let readyFile: string;
const started: ChildProcess[] = [];

beforeAll(() => {
  folder = makeFolder();
  readyFile = join(folder, "ready.json");
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  await nothingIsLeft(folder);
});

afterAll(() => removeFolder(folder));

// A start of everything takes a second or two, and some of these start it four times.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 90_000 });

/** A folder that the user root steps down to for PostgreSQL can enter. */
function makeFolder(): string {
  const made = realpathSync(mkdtempSync(join(tmpdir(), "wakefleet-up-")));
  chmodSync(made, 0o755);
  return made;
}

function removeFolder(path: string): void {
  removePostgresData(join(path, "postgres"));
  rmSync(path, { recursive: true, force: true });
}

function startUp(options: { flags?: string[]; env?: NodeJS.ProcessEnv; folder?: string; uid?: number } = {}): Up {
  const data = options.folder ?? folder;
  // One that a killed start left would be taken for this one's.
  if (started.length === 0) rmSync(join(data, "ready.json"), { force: true });
  const { DATABASE_URL: _, REDIS_URL: __, PORT: ___, ...env } = process.env;
  const child = spawn(process.execPath, [HARNESS, data, join(data, "ready.json"), ...(options.flags ?? [])], {
    cwd: data,
    env: { ...env, WAKEFLEET_TEST_MARK: data, ...options.env },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  started.push(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      said += chunk.toString("utf8");
    });
  }
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  return { child, said: () => said, ended };
}

/** Processes that carry the folder's name in their environment or command line: everything that was started for it. */
function processesOf(mark: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => ["environ", "cmdline"].some((file) => read(`/proc/${pid}/${file}`).includes(mark)))
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Process id 0 would be this test's whole process group. */
function killOutright(pid: number | undefined): void {
  if (pid === undefined || !(pid > 1)) throw new Error(`${pid} is no process to kill`);
  process.kill(pid, "SIGKILL");
}

async function nothingIsLeft(mark: string): Promise<void> {
  await waitFor(() => processesOf(mark).length === 0, { what: `no process of ${mark}`, ...DEADLINE });
}

async function whenReady(up: Up, file = readyFile): Promise<Ready> {
  let gone = false;
  void up.ended.then(() => {
    gone = true;
  });
  await waitFor(() => gone || existsSync(file), { what: `the ready file; up said:\n${up.said()}`, ...DEADLINE });
  if (!existsSync(file)) throw new Error(`up ended:\n${up.said()}`);
  return JSON.parse(readFileSync(file, "utf8")) as Ready;
}

describe.runIf(existsSync("/proc/self/environ"))("wakefleet up", () => {
  it("OP-7 writes the ready file when everything serves, and SIGTERM stops all of it and exits 0", async () => {
    const up = startUp();
    const ready = await whenReady(up);
    expect(Object.keys(ready)).toEqual(["apiUrl", "adminKey", "databaseUrl", "redisUrl", "redisPrefix", "pids"]);
    expect(statSync(readyFile).mode & 0o777).toBe(0o600);
    expect(ready.adminKey).toMatch(/^wfk_[0-9a-f]{48}$/);
    expect((await fetch(`${ready.apiUrl}/readyz`)).status).toBe(200);
    expect(ready.pids.workers).toHaveLength(2);
    for (const name of ["auth-secret", "secrets-key", "admin-key"]) {
      expect(statSync(join(folder, "secrets", name)).mode & 0o777).toBe(0o600);
    }
    expect(read(join(folder, "logs", "worker-1.log"))).toContain("worker starts --terminate");
    up.child.kill("SIGTERM");
    expect(await up.ended).toBe(0);
    expect(processesOf(folder)).toEqual([]);
    expect(existsSync(readyFile)).toBe(false);

    const again = startUp();
    expect((await whenReady(again)).adminKey).toBe(ready.adminKey);
    again.child.kill("SIGINT");
    expect(await again.ended).toBe(0);
  });

  it("OP-7 restarts a process that died, says so, and the ready file's pids follow", async () => {
    const up = startUp();
    const before = await whenReady(up);
    const [victim, other] = before.pids.workers;
    killOutright(victim);
    const after = await waitFor(
      () => {
        const now = JSON.parse(readFileSync(readyFile, "utf8")) as Ready;
        return now.pids.workers.length === 2 && !now.pids.workers.includes(victim ?? 0) ? now : null;
      },
      { what: "a new worker in the ready file", ...DEADLINE },
    );
    expect(after.pids.workers).toContain(other);
    expect(after.pids.api).toBe(before.pids.api);
    expect(up.said()).toMatch(new RegExp(`process ${victim}\\) ended unexpectedly: signal SIGKILL. Restarting in 1 s`));
  });

  it("OP-7 --no-restart leaves a dead process and keeps the others", async () => {
    const up = startUp({ flags: ["--no-restart"] });
    const { pids } = await whenReady(up);
    const [victim, other] = pids.workers;
    killOutright(victim);
    await waitFor(() => up.said().includes("not restarted"), { what: "the line that says so", ...DEADLINE });
    expect((JSON.parse(readFileSync(readyFile, "utf8")) as Ready).pids).toEqual({ api: pids.api, workers: [other] });
    expect(up.child.exitCode).toBeNull();
  });

  it("OP-7 restarts a store of its own that died, at the same address", async () => {
    const up = startUp();
    const ready = await whenReady(up);
    const redisPid = Number(read(join(folder, "redis", "redis.pid")));
    killOutright(redisPid);
    await waitFor(() => up.said().includes("Redis is back"), { what: "Redis to be back", ...DEADLINE });
    expect(Number(read(join(folder, "redis", "redis.pid")))).not.toBe(redisPid);
    expect(JSON.parse(readFileSync(readyFile, "utf8"))).toEqual(ready);
  });

  it("OP-7 a folder that is in use is not started on twice", async () => {
    const first = startUp();
    await whenReady(first);
    const second = startUp();
    expect(await second.ended).toBe(1);
    expect(second.said()).toContain(
      `The data folder ${folder} is in use by another Wakefleet (process ${first.child.pid})`,
    );
    expect(existsSync(readyFile)).toBe(true);
  });

  it("OP-7 leaves nothing behind when it is killed outright", async () => {
    const up = startUp();
    await whenReady(up);
    expect(processesOf(folder).length).toBeGreaterThan(4);
    up.child.kill("SIGKILL");
    await up.ended;
    await nothingIsLeft(folder);
    const again = startUp();
    await whenReady(again);
  });

  it.each([
    ["PostgreSQL starts", (dir: string) => existsSync(join(dir, "postgres", "postgres.log"))],
    ["Redis starts", (dir: string) => existsSync(join(dir, "redis", "redis.conf"))],
    ["the database is migrated", (dir: string) => existsSync(join(dir, "secrets", "admin-key"))],
    ["the API starts", (dir: string) => existsSync(join(dir, "logs", "api.log"))],
    ["the workers start", (dir: string) => existsSync(join(dir, "logs", "worker-1.log"))],
  ])(
    "OP-7 leaves nothing behind when it is killed or stopped while %s, and starts again after that",
    async (_, reached) => {
      for (const [signal, end] of [
        ["SIGKILL", "SIGKILL"],
        ["SIGTERM", 0],
      ] as const) {
        const fresh = makeFolder();
        const up = startUp({ folder: fresh, env: { FAKE_WORKER: "never-ready" } });
        await waitFor(() => reached(fresh), { what: `the moment; up said:\n${up.said()}`, everyMs: 2, ...DEADLINE });
        up.child.kill(signal);
        expect(await up.ended).toBe(end);
        await nothingIsLeft(fresh);
        const again = startUp({ folder: fresh });
        await whenReady(again, join(fresh, "ready.json"));
        again.child.kill("SIGTERM");
        expect(await again.ended).toBe(0);
        removeFolder(fresh);
      }
    },
  );

  it("OP-7 a part that does not start is told with the end of its log, and nothing is left", async () => {
    const up = startUp({ env: { FAKE_API: "broken" } });
    expect(await up.ended).toBe(1);
    expect(up.said()).toContain("api ended while it was starting");
    expect(up.said()).toContain("the fake API has a reason to fail");
    expect(processesOf(folder)).toEqual([]);
  });

  it("OP-7 a second signal ends it at once although a worker does not stop", async () => {
    const up = startUp({ env: { FAKE_WORKER: "stuck" } });
    await whenReady(up);
    up.child.kill("SIGTERM");
    await waitFor(() => read(join(folder, "logs", "worker-1.log")).includes("worker stops"), {
      what: "the worker to be told",
      ...DEADLINE,
    });
    await waitFor(
      () => {
        up.child.kill("SIGTERM");
        return up.child.exitCode !== null;
      },
      { what: "the end", everyMs: 400, ...DEADLINE },
    );
    expect(await up.ended).toBe(143);
    expect(processesOf(folder)).toEqual([]);
  });

  it("OP-7 leaves nothing behind when the npm that ran it is killed outright", async () => {
    rmSync(readyFile, { force: true });
    // As npm runs a script: through a shell that waits for it.
    const shell = spawn("/bin/sh", ["-c", '"$@" & wait', "sh", process.execPath, HARNESS, folder, readyFile], {
      cwd: folder,
      stdio: "ignore",
      env: { ...process.env, WAKEFLEET_TEST_MARK: folder, npm_lifecycle_event: "up" },
    });
    started.push(shell);
    await waitFor(() => existsSync(readyFile), { what: "the ready file", ...DEADLINE });
    shell.kill("SIGKILL");
    await nothingIsLeft(folder);
  });

  it("OP-1 a port that was asked for and is taken is told, not replaced", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });
    const up = startUp({ flags: [`--port=${port}`] });
    expect(await up.ended).toBe(1);
    expect(up.said()).toContain(`Port ${port} is taken`);
    server.close();
  });

  it.runIf(process.getuid?.() === 0)("OP-1 works for an ordinary user as it does for root", async () => {
    const nobody = 65_534;
    const home = makeFolder();
    await chown(home, nobody, nobody);
    const up = startUp({ folder: home, uid: nobody, env: { HOME: home } });
    await whenReady(up, join(home, "ready.json"));
    up.child.kill("SIGTERM");
    expect(await up.ended).toBe(0);
    // And root goes on with what the ordinary user made.
    const asRoot = startUp({ folder: home });
    await whenReady(asRoot, join(home, "ready.json"));
    asRoot.child.kill("SIGTERM");
    expect(await asRoot.ended).toBe(0);
    removeFolder(home);
  });
});
