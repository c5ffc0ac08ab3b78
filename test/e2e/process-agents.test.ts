/** Agents that are programs, at their worst (AD-, LG-, EX-): every end of a child process, seen over HTTP. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import {
  type AgentOptions,
  createAgent,
  createCompany,
  type RunAnswer,
  readEvents,
  readOutput,
  readRun,
  scanKeys,
  untilEnded,
  untilSpawnStored,
  wake,
} from "../support/fleet-work.js";
import { isAlive, processesInGroup } from "../support/leftovers.js";

const MIB = 1024 * 1024;

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ workers: 2 });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

const shell = (script: string, config: object = {}): Record<string, unknown> => ({
  command: "/bin/sh",
  args: ["-c", script],
  ...config,
});
const node = (script: string, config: object = {}): Record<string, unknown> => ({
  command: process.execPath,
  args: ["-e", script],
  ...config,
});

async function runOf(adapterConfig: AgentOptions["adapterConfig"]): Promise<RunAnswer> {
  const agentId = await createAgent(fleet, { companyId, adapterConfig });
  return untilEnded(fleet, (await wake(fleet, agentId)).id);
}

describe("the end of a child", () => {
  const ENDS: readonly {
    readonly rule: string;
    readonly config: () => Record<string, unknown>;
    readonly run: object;
    /** What the log holds of the child. */
    readonly printed?: string;
  }[] = [
    {
      rule: "07-1 (AD-80, AD-82) exit 0 succeeds and keeps its output in the result",
      config: () => shell("echo hi; exit 0"),
      run: { status: "succeeded", exitCode: 0, resultJson: { stdout: "hi\n" } },
      printed: "hi\n",
    },
    {
      rule: "07-2 (AD-30, AD-82) exit 7 fails with its code",
      config: () => shell("exit 7"),
      run: { status: "failed", error: "Process exited with code 7", errorCode: "adapter_failed", exitCode: 7 },
    },
    {
      rule: "07-3 (AD-29) a child that ends by SIGKILL failed",
      config: () => shell("kill -KILL $$"),
      run: { status: "failed", signal: "SIGKILL" },
    },
    {
      rule: "07-4 (AD-80) no command",
      config: () => ({}),
      run: { status: "failed", error: "Process adapter missing command" },
    },
    {
      rule: "07-5 (AD-42) a command that does not exist is named",
      config: () => ({ command: "no-such-command-anywhere" }),
      run: { status: "failed", error: expect.stringContaining("no-such-command-anywhere") },
    },
    {
      rule: "AD-43 a child that never reads and prints a lot",
      config: () => shell("head -c 300000 /dev/zero | tr '\\0' x; exit 4"),
      run: { status: "failed", exitCode: 4 },
    },
  ];
  it.each(ENDS)("$rule", async ({ config, run, printed }) => {
    const ended = await runOf(config());
    expect(ended).toMatchObject(run);
    if (printed !== undefined) expect(await readOutput(fleet, ended.id)).toBe(printed);
    expect(fleet.workers.every((worker) => worker.isRunning())).toBe(true);
  });

  it("AD-46, AD-82 longer than its timeout: nothing of its group is left (04-3, 07-7)", async () => {
    const run = await runOf(shell("sleep 60 & sleep 60; echo too late", { timeoutSec: 1 }));
    expect(run).toMatchObject({ status: "timed_out", errorCode: "timeout", error: "Timed out after 1s" });
    expect(run.processGroupId).toBeGreaterThan(1);
    await eventually("the group to be gone", () => processesInGroup(run.processGroupId ?? 0).length === 0);
    expect(await readOutput(fleet, run.id)).toBe("");
  });

  it("AD-46, AD-51 a child and a grandchild that ignore TERM get KILL after the grace (04-4, 07-8)", async () => {
    const run = await runOf(
      node(
        `process.on("SIGTERM", () => console.log("TERM is ignored"));
         const { spawn } = require("node:child_process");
         spawn("/bin/sh", ["-c", "trap '' TERM; sleep 60; sleep 60"], { stdio: "inherit" });
         setInterval(() => 0, 1000);`,
        { timeoutSec: 1, graceSec: 1 },
      ),
    );
    expect(run).toMatchObject({ status: "timed_out", errorCode: "timeout", signal: "SIGKILL" });
    // It was asked first, and lived on.
    expect(await readOutput(fleet, run.id)).toBe("TERM is ignored\n");
    expect(run.processGroupId).toBeGreaterThan(1);
    await eventually("the group to be gone", () => processesInGroup(run.processGroupId ?? 0).length === 0);
  });

  it("07-9, 07-11 (AD-17, AD-48, AD-81) while it runs its pid and group are stored; a cancel ends child and grandchild", async () => {
    const agentId = await createAgent(fleet, { companyId, adapterConfig: shell("sleep 90 & wait") });
    const { id } = await wake(fleet, agentId);
    const pid = await untilSpawnStored(fleet, id);
    const run = await readRun(fleet, id);
    expect(isAlive(pid)).toBe(true);
    await eventually(
      "child and grandchild in the stored group",
      () => processesInGroup(run.processGroupId ?? 0).length >= 2,
    );
    expect(run).toMatchObject({ processPid: pid, processGroupId: pid });
    await fleet.http.post(`/api/heartbeat-runs/${id}/cancel`);
    expect(await untilEnded(fleet, id)).toMatchObject({ status: "cancelled", errorCode: "cancelled" });
    await eventually("the group to be gone", () => processesInGroup(pid).length === 0);
  });

  it("07-10 (AD-49) a grandchild that keeps stdout open does not keep the run open", async () => {
    const run = await runOf(shell("sleep 600 & exit 5", { graceSec: 1 }));
    expect(run).toMatchObject({ status: "failed", exitCode: 5 });
  });
});

describe("what a child is given and what it prints", () => {
  it("07-6 (AD-52, AD-53) it sees who it is under both names, and no address of a store", async () => {
    const run = await runOf(shell("env"));
    const env = new Map(
      String(run.resultJson?.["stdout"])
        .split("\n")
        .map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]),
    );
    for (const prefix of ["WAKEFLEET", "PAPERCLIP"]) {
      expect(env.get(`${prefix}_RUN_ID`)).toBe(run.id);
      expect(env.get(`${prefix}_AGENT_ID`)).toBe(run.agentId);
      expect(env.get(`${prefix}_COMPANY_ID`)).toBe(companyId);
      expect(env.get(`${prefix}_API_URL`)).toMatch(/^http/);
    }
    for (const name of ["DATABASE_URL", "REDIS_URL", "AUTH_SECRET"]) expect([...env.keys()]).not.toContain(name);
  });

  it("07-14 (AD-16, AD-54, AD-56) a secret reaches the child and no reader; the run's id cannot be forged", async () => {
    const secret = "not-to-be-shown-anywhere-42";
    const run = await runOf(
      shell(`test \${#SERVICE_API_KEY} = ${secret.length} && echo "run $WAKEFLEET_RUN_ID"`, {
        env: { SERVICE_API_KEY: secret, WAKEFLEET_RUN_ID: "forged" },
      }),
    );
    expect(run).toMatchObject({ status: "succeeded", resultJson: { stdout: `run ${run.id}\n` } });
    const events = await readEvents(fleet, run.id);
    const invoke = events.find((event) => event.eventType === "adapter.invoke");
    expect(invoke?.payload).toMatchObject({ env: { SERVICE_API_KEY: "***REDACTED***" } });
    const readers = {
      run,
      events,
      log: await readOutput(fleet, run.id),
      activity: await fleet.http.read(`/api/companies/${companyId}/activity`),
      metrics: await fleet.http.readText("/metrics"),
      jobs: await jobsOf(run.agentId),
    };
    for (const [name, read] of Object.entries(readers)) expect(JSON.stringify(read), name).not.toContain(secret);
  });

  it("07-12 (AD-44, AD-45) 10 MiB of cut-up multi-byte characters: the log is whole, the result keeps the end", async () => {
    const run = await runOf(
      node(`
        const all = Buffer.from("é漢🚀".repeat(Math.ceil(${10 * MIB} / 9)) + "THE END");
        const write = (from) => {
          if (from >= all.length) return;
          const to = from + 1 + (from * 7919) % 40000;
          if (process.stdout.write(all.subarray(from, to))) setImmediate(write, to);
          else process.stdout.once("drain", () => write(to));
        };
        write(0);`),
    );
    expect(run.status).toBe("succeeded");
    const stdout = String(run.resultJson?.["stdout"]);
    expect(Buffer.byteLength(stdout)).toBeLessThanOrEqual(4 * MIB);
    expect(stdout.endsWith("é漢🚀THE END")).toBe(true);
    expect(run.logBytes).toBeGreaterThan(10 * MIB);
    const { damaged, end } = await scanLog(run.id);
    expect(damaged).toBe(0);
    expect(end.endsWith("THE END")).toBe(true);
  });

  it("LG-2, DM-8 split UTF-8, NUL bytes, ANSI codes and a line of 10 MB are stored and read back (04-10)", async () => {
    const run = await runOf(
      node(`
        process.stdout.write(Buffer.from([0xf0, 0x9f]));
        setTimeout(() => {
          process.stdout.write(Buffer.from([0x9a, 0x80]));
          process.stdout.write("\\u0000nul\\u001b[31mred\\u001b[0m\\n");
          process.stdout.write("y".repeat(10_000_000) + "\\n");
        }, 50);`),
    );
    expect(run.status).toBe("succeeded");
    const output = await readOutput(fleet, run.id);
    expect(output.startsWith("🚀")).toBe(true);
    expect(output.slice(2, 6)).toMatch(/^.nul/s);
    expect(output).toContain("\u001b[31mred\u001b[0m");
    expect(output.isWellFormed()).toBe(true);
    expect(output.match(/y/g)).toHaveLength(10_000_000);
    expect(fleet.workers.map((worker) => worker.lastWords(1_000_000)).join()).not.toContain("invalid byte sequence");
    const rows = await fleet.db.sql.query("SELECT to_jsonb(r.*) FROM heartbeat_runs r WHERE id = $1", [run.id]);
    expect(JSON.stringify(rows)).not.toContain("\\u0000");
  });

  it("RL-1 to RL-4 nothing is left behind", async () => {
    await expectNothingBroken(fleet, () => 5);
  });
});

/** Everything that Redis holds of an agent's jobs. */
async function jobsOf(agentId: string): Promise<unknown[]> {
  const jobs: unknown[] = [];
  const keys = await scanKeys(fleet, agentId);
  for (const key of keys) {
    if ((await fleet.redis.type(key)) === "hash") jobs.push(await fleet.redis.hgetall(key));
  }
  expect(jobs.length).toBeGreaterThan(0);
  return jobs;
}

/** Reads a whole log page by page (API-123). */
async function scanLog(runId: string): Promise<{ damaged: number; end: string }> {
  let damaged = 0;
  let end = "";
  for (let offset: number | undefined = 0; offset !== undefined; ) {
    const page: { content: string; nextOffset?: number } = await fleet.http.read(
      `/api/heartbeat-runs/${runId}/log?offset=${offset}&limitBytes=${MIB}`,
    );
    for (const line of page.content.split("\n").filter((text) => text !== "")) {
      const { chunk } = JSON.parse(line) as { chunk: string };
      damaged += chunk.split("\ufffd").length - 1;
      end = (end + chunk).slice(-64);
    }
    offset = page.nextOffset;
  }
  return { damaged, end };
}
