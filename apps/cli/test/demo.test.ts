/** `demo`, and a fleet put together by hand (OP-2, OP-7), with the real API and the real worker. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort, removePostgresData } from "@wakefleet/local-stores";
import { createTestDatabase, type TestDatabase, testRedisPrefix, testRedisUrl, waitFor } from "@wakefleet/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const PROGRAM = fileURLToPath(new URL("../bin/wakefleet.mjs", import.meta.url));
const DEADLINE = { deadlineMs: 90_000 };

let folder: string;
const started: ChildProcess[] = [];

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "wakefleet-demo-")));
  chmodSync(folder, 0o755);
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  await waitFor(() => processesOf(folder).length === 0, { what: "no process of the fleet", ...DEADLINE });
});

afterAll(() => {
  for (const data of ["data", join("data", "demo-2")]) removePostgresData(join(folder, data, "postgres"));
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  said(): string;
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Runs `wakefleet` with nothing in its environment but what is given. */
function wakefleet(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const clean = { PATH: process.env["PATH"], HOME: folder, WAKEFLEET_TEST_MARK: folder, NO_COLOR: "1", ...env };
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder, env: clean });
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

function processesOf(mark: string): number[] {
  if (!existsSync("/proc/self/environ")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => ["environ", "cmdline"].some((file) => read(`/proc/${pid}/${file}`).includes(mark)))
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // The process has ended since the folder was listed.
    return "";
  }
}

describe("wakefleet demo", () => {
  it("OP-2 shows agents being woken, run and finished, twice in a row, and beside another instance", async () => {
    const first = wakefleet(["demo", "--data", "data"]);
    await waitFor(() => first.said().includes("New runs show here"), { what: "the demonstration", ...DEADLINE });
    expect(first.said()).toMatch(/API +http:\/\/127\.0\.0\.1:\d+/);
    expect(first.said()).toMatch(/Bull Board +http:\/\/127\.0\.0\.1:\d+\/queues/);
    expect(first.said()).toMatch(/Key +wfk_[0-9a-f]{48}/);
    expect(first.said()).toMatch(/\| step 1 of 3/);
    expect(first.said()).toMatch(/: coalesced/);
    expect(first.said()).toContain("6 of 6 runs succeeded.");

    const beside = wakefleet(["demo", "--once", "--data", "data"]);
    expect(await beside.ended, beside.said()).toBe(0);
    expect(beside.said()).toContain(join(folder, "data", "demo-2"));
    // It ends by itself: nothing is left that could be woken.
    expect(beside.said()).not.toContain("curl");

    // The printed line is what a person pastes.
    const [, url = "", body = ""] = /curl -X POST (\S+) .* -d '(.*)'/.exec(first.said()) ?? [];
    const [key = ""] = /wfk_[0-9a-f]{48}/.exec(first.said()) ?? [];
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body });
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string };
    await waitFor(() => first.said().includes(`${id.slice(-8)} succeeded`), {
      what: "the pasted wake's run",
      ...DEADLINE,
    });

    first.child.kill("SIGINT");
    expect(await first.ended).toBe(0);
    expect(processesOf(folder)).toEqual([]);

    const again = wakefleet(["demo", "--once", "--data", "data"]);
    expect(await again.ended, again.said()).toBe(0);
    expect(again.said()).toContain("6 of 6 runs succeeded.");
    expect(processesOf(folder)).toEqual([]);
  });
});

describe("wakefleet api and worker", () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it("OP-7 start single processes against given stores, which SIGTERM ends with exit code 0", async () => {
    const port = await findFreePort();
    const env = {
      DATABASE_URL: database.url,
      REDIS_URL: testRedisUrl(),
      REDIS_PREFIX: testRedisPrefix(),
      AUTH_SECRET: "a secret of at least thirty-two characters",
      WAKEFLEET_HOME: join(folder, "by-hand"),
      DRAIN_TIMEOUT_MS: "1000",
    };
    const api = wakefleet(["api", "--port", String(port)], env);
    const worker = wakefleet(["worker", "--concurrency", "3", "--terminate"], env);
    await waitFor(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200, {
      what: `the API to be ready; it said:\n${api.said()}`,
      ...DEADLINE,
    });
    await waitFor(() => worker.said().includes("worker.started"), { what: "the worker to serve", ...DEADLINE });
    expect(worker.said()).toContain('"capacity":3');
    for (const { child, ended } of [worker, api]) {
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
    }
  });
});
