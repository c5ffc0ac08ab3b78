import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AdapterExecutionContext, InvocationMeta } from "@wakefleet/adapters";
import type { JsonObject, LiveEventDraft } from "@wakefleet/contracts";
import { OUTPUT_BURST_BYTES } from "@wakefleet/domain";
import type { Database, Sql } from "@wakefleet/store";
import { aCompany, anAgent, aRun, waitFor } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { countRows, done, endLease, type Play, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

async function working(play: Play, columns: { agent?: object; run?: object } = {}) {
  const agentId = await anAgent(world.db.sql, { companyId, ...columns.agent });
  const id = await aRun(world.db.sql, { companyId, agentId, ...columns.run });
  const worker = await world.worker(play);
  const logFile = () => {
    const location = worker.deps.location.env["WAKEFLEET_HOME"] ?? "";
    return readFileSync(join(location, "logs", companyId, agentId, `${id}.ndjson`), "utf8");
  };
  return { id, agentId, worker, logFile, verdict: worker.work({ id, agentId }) };
}

const META: InvocationMeta = {
  adapterType: "process",
  command: "agent",
  cwd: "/w",
  commandArgs: [],
  commandNotes: [],
  env: { API_KEY: "***REDACTED***" },
  prompt: "x".repeat(20_000),
  promptMetrics: {},
  context: {},
};

describe("executing a claimed run", () => {
  it("EX-1 the agent's runtime state is there when the adapter runs, made empty if it was not", async () => {
    let states = -1;
    const { agentId, verdict } = await working(async ({ agent }) => {
      states = await countRows(world.db.sql, "agent_runtime_state WHERE agent_id = $1 AND state_json = '{}'", [
        agent.id,
      ]);
      return done;
    });
    await verdict;
    expect(states).toBe(1);
    expect(await countRows(world.db.sql, "agent_runtime_state WHERE agent_id = $1", [agentId])).toBe(1);
  });

  it("EX-8 only the worker's own context keys are stored: a wake that joins meanwhile is not overwritten", async () => {
    const { id, agentId, verdict } = await working(
      async ({ agent }) => {
        await world.wake({ agentId: agent.id, payload: { taskKey: "k" }, reason: "joined meanwhile" });
        return done;
      },
      { run: { taskKey: "k", contextSnapshot: { taskKey: "k", mine: 1 } } },
    );
    await verdict;
    const { contextSnapshot } = await world.run(id);
    expect(contextSnapshot).toMatchObject({ mine: 1, wakeReason: "joined meanwhile" });
    expect(contextSnapshot?.["wakefleetWorkspace"]).toMatchObject({ cwd: expect.any(String) });
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE agent_id = $1", [agentId])).toBe(1);
  });

  it("EX-9 warnings collected before are the log's first lines", async () => {
    const { logFile, verdict } = await working(
      async ({ onLog }) => {
        await onLog("stdout", "first of the agent\n");
        return done;
      },
      { run: { contextSnapshot: { projectId: "no-such-project" } } },
    );
    await verdict;
    const chunks = logFile()
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { chunk: string }).chunk);
    const warnings = chunks.slice(0, -1);
    expect(chunks.at(-1)).toBe("first of the agent\n");
    expect(warnings.length).toBeGreaterThan(0);
    for (const warning of warnings) expect(warning).toMatch(/^\[wakefleet\] /);
  });

  it("EX-10 the adapter gets run, agent, runtime, config with plain environment, context and a signal", async () => {
    let seen: JsonObject = {};
    const env = { A: { type: "plain", value: "1" }, B: "2" };
    const { id, agentId, verdict } = await working(
      (context) => {
        const { runId, agent, config, runtime, signal } = context;
        seen = { runId, agentId: agent.id, config, taskKey: runtime.taskKey, aborted: signal.aborted };
        return done;
      },
      { agent: { adapterConfig: { command: "agent", env } }, run: { taskKey: "k" } },
    );
    await verdict;
    expect(seen).toEqual({
      runId: id,
      agentId,
      config: { command: "agent", env: { A: "1", B: "2" } },
      taskKey: "k",
      aborted: false,
    });
  });

  it("EX-11, LG-6 the child is known at once, the invocation is an event with bounded texts", async () => {
    const startedAt = new Date(1_700_000_000_000);
    let stored: unknown;
    const { id, verdict } = await working(async ({ runId, onSpawn, onMeta }) => {
      await onMeta?.(META);
      await onSpawn?.({ pid: 4_711, processGroupId: 4_710, startedAt });
      stored = await world.run(runId);
      return done;
    });
    await verdict;
    expect(stored).toMatchObject({ processPid: 4_711, processGroupId: 4_710, processStartedAt: startedAt });
    const events = await world.db.sql.query<{ type: string; payload: JsonObject }>(
      "SELECT event_type AS type, payload FROM heartbeat_run_events WHERE run_id = $1 ORDER BY seq",
      [id],
    );
    expect(events.map(({ type }) => type)).toEqual(["lifecycle", "adapter.invoke", "lifecycle"]);
    expect(events[1]?.payload).toMatchObject({ command: "agent", env: { API_KEY: "***REDACTED***" } });
    expect(String(events[1]?.payload["prompt"])).toMatch(/\[truncated 3616 chars\]$/);
  });

  it("EX-13 a setting that cannot be resolved ends the run before it starts, with an error event, and frees everything", async () => {
    let started = false;
    const { id, agentId, verdict } = await working(
      () => {
        started = true;
        return done;
      },
      { agent: { adapterConfig: { env: { KEY: { type: "secret_ref", secretId: "s" } } } } },
    );
    expect((await verdict).kind).toBe("failed");
    expect(started).toBe(false);
    expect(await world.run(id)).toMatchObject({ status: "failed", errorCode: "adapter_failed", runSlot: null });
    expect(await countRows(world.db.sql, "heartbeat_run_events WHERE run_id = $1 AND event_type = 'error'", [id])).toBe(
      1,
    );
    expect(await countRows(world.db.sql, "agents WHERE id = $1 AND status = 'error'", [agentId])).toBe(1);
  });

  it("CL-17, EX-11 a child that appears after the run was taken over is told to stop", async () => {
    let aborted = false;
    const { id, verdict } = await working(async ({ runId, onSpawn, signal }) => {
      await world.db.sql.query("UPDATE heartbeat_runs SET claim_token = claim_token + 1 WHERE id = $1", [runId]);
      await onSpawn?.({ pid: 4_711, processGroupId: 4_711, startedAt: new Date() });
      aborted = signal.aborted;
      return done;
    });
    expect(await verdict).toEqual({ kind: "gone" });
    expect(aborted).toBe(true);
    expect(await world.run(id)).toMatchObject({ status: "running", processPid: null });
  });

  it("RL-4, CL-17 a worker that stood still since its claim starts nothing that was given away meanwhile", async () => {
    let aborted = false;
    const { id, verdict } = await working(async ({ runId, onMeta, signal }) => {
      await world.db.sql.query("UPDATE heartbeat_runs SET claim_token = claim_token + 1 WHERE id = $1", [runId]);
      await expect(onMeta?.(META)).rejects.toThrow("taken over before its process was started");
      aborted = signal.aborted;
      signal.throwIfAborted();
      return done;
    });
    expect(await verdict).toEqual({ kind: "gone" });
    expect(aborted).toBe(true);
    expect(await world.run(id)).toMatchObject({ status: "running" });
  });

  it("RL-4 an answer that a worker reads long after it asked, because it stood still, is asked for again", async () => {
    const answers: string[] = [];
    const slow: Database = {
      ...world.db,
      sql: {
        async query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<Row[]> {
          const rows = await world.db.sql.query<Row>(text, values, name);
          if (name !== "append_run_events_if_held") return rows;
          answers.push(rows.length === 0 ? "no" : "yes");
          if (answers.length > 1) return rows;
          // It was the worker's when PostgreSQL answered, and is not any more when the answer is read.
          await world.db.sql.query("UPDATE heartbeat_runs SET claim_token = claim_token + 1 WHERE id = $1", [id]);
          await delay(400);
          return rows;
        },
      },
    };
    const agentId = await anAgent(world.db.sql, { companyId });
    const id = await aRun(world.db.sql, { companyId, agentId });
    const worker = await world.worker(
      async ({ onMeta, signal }) => {
        await expect(onMeta?.(META)).rejects.toThrow("taken over before its process was started");
        signal.throwIfAborted();
        return done;
      },
      { db: slow, leaseMs: 600 },
    );
    expect(await worker.work({ id, agentId })).toEqual({ kind: "gone" });
    expect(answers).toEqual(["yes", "no"]);
  });

  /** Stands still as a whole for longer than what it knows of its claim holds, then starts a process that says so. */
  async function startAfterStandingStill({ onMeta, childHost, signal }: AdapterExecutionContext, file: string) {
    await onMeta?.(META);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    const spec = { command: "sh", executable: "/bin/sh", args: ["-c", `echo started >>"${file}"`], cwd: "/", env: {} };
    const child = await childHost?.start(spec);
    await child?.exited;
    signal.throwIfAborted();
    return done;
  }

  it("RL-4 a worker that stood still after it was told that the run is its own starts nothing when it no longer is", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "wakefleet-start-")), "witness");
    const agentId = await anAgent(world.db.sql, { companyId });
    const id = await aRun(world.db.sql, { companyId, agentId });
    const worker = await world.worker(
      async (context) => {
        const started = startAfterStandingStill(
          {
            ...context,
            async onMeta(meta) {
              await context.onMeta?.(meta);
              await world.db.sql.query("UPDATE heartbeat_runs SET claim_token = claim_token + 1 WHERE id = $1", [id]);
            },
          },
          file,
        );
        await expect(started).rejects.toThrow("taken over before its process was started");
        return started;
      },
      { leaseMs: 600 },
    );
    expect(await worker.work({ id, agentId })).toEqual({ kind: "gone" });
    expect(existsSync(file)).toBe(false);
    expect(await world.run(id)).toMatchObject({ status: "running" });
  });

  it("RL-4 a worker that stood still and still holds the run asks once more, begins its lease anew and starts it once", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "wakefleet-start-")), "witness");
    const agentId = await anAgent(world.db.sql, { companyId });
    const id = await aRun(world.db.sql, { companyId, agentId });
    const worker = await world.worker((context) => startAfterStandingStill(context, file), { leaseMs: 600 });
    await worker.work({ id, agentId });
    expect(readFileSync(file, "utf8")).toBe("started\n");
    expect(await world.run(id)).toMatchObject({ status: "succeeded" });
    const again = "heartbeat_run_events WHERE run_id = $1 AND message LIKE 'The worker stood still%'";
    expect(await countRows(world.db.sql, again, [id])).toBe(1);
  });

  it("RL-4, RL-6 while PostgreSQL is away a process is started as long as the claim is known to hold, and not after", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const id = await aRun(world.db.sql, { companyId, agentId });
    const asked: string[] = [];
    let isAway = true;
    const sql: Sql = {
      query: async (text, values, name) => {
        if (name !== "append_run_events_if_held") return world.db.sql.query(text, values, name);
        asked.push(isAway ? "away" : "yes");
        if (isAway) throw Object.assign(new Error("the database system is starting up"), { code: "57P03" });
        return world.db.sql.query(text, values, name);
      },
    };
    const asksBeforeStart: number[] = [];
    const worker = await world.worker(
      async ({ onMeta }) => {
        await onMeta?.(META);
        asksBeforeStart.push(asked.length);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
        const told = onMeta?.(META);
        await waitFor(() => asked.length >= 3, { what: "the claim to be asked for again" });
        isAway = false;
        await told;
        return done;
      },
      { db: { ...world.db, sql }, leaseMs: 4_000 },
    );
    await worker.work({ id, agentId });
    expect(asksBeforeStart).toEqual([1]);
    expect(asked.at(-1)).toBe("yes");
    expect(await world.run(id)).toMatchObject({ status: "succeeded" });
  });

  it("RL-4 a process is started under a lease that begins anew, so that nobody judges it before it is known", async () => {
    let isOver: boolean | undefined;
    const { verdict } = await working(async ({ runId, onMeta }) => {
      await endLease(world.db.sql, runId);
      await onMeta?.(META);
      const [row] = await world.db.sql.query<{ isOver: boolean }>(
        `SELECT lease_expires_at < clock_timestamp() + interval '20 seconds' AS "isOver" FROM heartbeat_runs WHERE id = $1`,
        [runId],
      );
      isOver = row?.isOver;
      return done;
    });
    await verdict;
    expect(isOver).toBe(false);
  });

  it("EX-11, RL-6 a process that was started while PostgreSQL was away is recorded when it is back, before the end", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const id = await aRun(world.db.sql, { companyId, agentId });
    let failures = 0;
    const sql: Sql = {
      query: async (text, values, name) => {
        if (name !== "store_spawn_if_held" || failures === 2) return world.db.sql.query(text, values, name);
        failures += 1;
        throw Object.assign(new Error("the database system is starting up"), { code: "57P03" });
      },
    };
    const worker = await world.worker(
      async ({ onSpawn }) => {
        await onSpawn?.({ pid: 4_711, processGroupId: 4_711, startedAt: new Date() });
        return done;
      },
      { db: { ...world.db, sql } },
    );
    await worker.work({ id, agentId });
    expect(failures).toBe(2);
    expect(await world.run(id)).toMatchObject({ status: "succeeded", processPid: 4_711 });
  });
});

describe("output", () => {
  it("LG-1, LG-3 the log is kept whole, the run keeps the end of each stream", async () => {
    const { id, logFile, verdict } = await working(async ({ onLog }) => {
      await onLog("stdout", `${"a".repeat(40_000)}\n`);
      await onLog("stdout", "the end\n");
      await onLog("stderr", "a problem\n");
      return done;
    });
    await verdict;
    const run = await world.run(id);
    expect(run.stdoutExcerpt).toMatch(/^a+\nthe end\n$/);
    expect(Buffer.byteLength(run.stdoutExcerpt ?? "")).toBe(32_768);
    expect(run.stderrExcerpt).toBe("a problem\n");
    expect(run).toMatchObject({ logStore: "local_file", logCompressed: false });
    expect(run.logBytes).toBe(Buffer.byteLength(logFile()));
    expect(run.logSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(logFile()).toContain("a".repeat(40_000));
  });

  it("LG-5 progress is written soon after the first chunk, and at the end", async () => {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { id, logFile, verdict } = await working(async ({ onLog }) => {
      await onLog("stdout", "one\n");
      await finished;
      await onLog("stderr", "two\n");
      return done;
    });
    await waitFor(async () => (await world.run(id)).lastOutputSeq >= 1, { what: "the first progress" });
    expect(await world.run(id)).toMatchObject({ lastOutputStream: "stdout", status: "running" });
    finish();
    await verdict;
    const run = await world.run(id);
    const lines = logFile().trim().split("\n").length;
    expect(run).toMatchObject({ lastOutputSeq: lines, lastOutputStream: "stderr", lastOutputBytes: run.logBytes });
  });

  it("LG-4 each chunk goes out as a live event", async () => {
    const { id, verdict } = await working(async ({ onLog }) => {
      await onLog("stdout", "hello\n");
      return done;
    });
    await verdict;
    const sent = world.told.events.flatMap((event) =>
      event.type === "heartbeat.run.log" && event.payload.runId === id ? [event.payload] : [],
    );
    expect(sent.at(-1)).toMatchObject({ stream: "stdout", chunk: "hello\n", truncated: false });
  });

  it.each([true, false])(
    "LG-8 a run beside others (%s) keeps to its share of the worker, one alone does not",
    async (beside) => {
      const agentId = await anAgent(world.db.sql, { companyId });
      const id = await aRun(world.db.sql, { companyId, agentId });
      const waits: number[] = [];
      const worker = await world.worker(async ({ onLog, runId }) => {
        const { held } = worker.deps;
        const neighbour = beside
          ? held.add({ fence: { ...fenceOf(runId), runId: "another" }, agentId, nowMs: 0 })
          : null;
        for (let printed = 0; printed < 40; printed += 1) {
          await onLog("stdout", "x".repeat(65_536));
          waits.push(held.get(runId)?.pace.spareBytes ?? Number.NaN);
        }
        if (neighbour !== null) held.remove(neighbour);
        return done;
      });
      const fenceOf = (runId: string) => worker.deps.held.get(runId)?.fence ?? expect.fail("it is held");
      await worker.work({ id, agentId });
      expect(waits).toHaveLength(40);
      expect(waits.some((spareBytes) => spareBytes < OUTPUT_BURST_BYTES)).toBe(beside);
      // Whoever goes on only after its wait never owes much more than one chunk.
      expect(Math.min(...waits)).toBeGreaterThan(-2 * 65_536);
    },
  );

  it("LG-4, LG-8 no more than a few live events are on their way: the child waits until Redis has taken one", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const id = await aRun(world.db.sql, { companyId, agentId });
    const waiting: (() => void)[] = [];
    let most = 0;
    const publish = async (events: readonly LiveEventDraft[]): Promise<void> => {
      if (events[0]?.type !== "heartbeat.run.log") return;
      await new Promise<void>((resolve) => {
        most = Math.max(most, waiting.push(resolve));
      });
    };
    let handedOn = 0;
    const worker = await world.worker(
      async ({ onLog }) => {
        for (; handedOn < 100; handedOn += 1) await onLog("stdout", `line ${handedOn}\n`);
        return done;
      },
      { events: { publish } },
    );
    const verdict = worker.work({ id, agentId });
    for (let taken = 0; taken < 100; taken += 1) {
      await waitFor(() => waiting.length > 0, { what: "a live event" });
      // One that was handed on and is not told yet, beside those on their way.
      expect(handedOn).toBeLessThanOrEqual(taken + 10);
      waiting.shift()?.();
    }
    await verdict;
    expect(handedOn).toBe(100);
    expect(most).toBeLessThanOrEqual(9);
  });
});

describe("what an agent proves itself with", () => {
  it("BY-8, AD-18 the adapter gets the claim, and a token where it passes tokens on", async () => {
    const seen: { claimToken?: number | undefined; authToken?: string | undefined }[] = [];
    const play: Play = ({ claimToken, authToken }) => {
      seen.push({ claimToken, authToken });
      return done;
    };
    const minted: unknown[] = [];
    const mintRunToken = async (claims: unknown): Promise<string> => `token ${minted.push(claims)}`;
    for (const options of [{ mintRunToken }, { mintRunToken: null }, {}]) {
      const agentId = await anAgent(world.db.sql, { companyId });
      const id = await aRun(world.db.sql, { companyId, agentId });
      await (await world.worker(play, options)).work({ id, agentId });
      expect((await world.run(id)).status).toBe("succeeded");
      if (minted.length === 1 && seen.length === 1) {
        expect(minted[0]).toEqual({ agentId, companyId, adapterType: "process", runId: id, claimToken: 1 });
      }
    }
    expect(seen).toEqual([
      { claimToken: 1, authToken: "token 1" },
      { claimToken: 1, authToken: undefined },
      { claimToken: 1, authToken: undefined },
    ]);
    expect(minted).toHaveLength(1);
  });
});
