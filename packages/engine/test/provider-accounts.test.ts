/** Provider accounts and caps on a real database (BY-5), with workers that claim at the same time. */
import type { AdapterExecutionResult } from "@wakefleet/adapters";
import type { JsonObject } from "@wakefleet/contracts";
import { aCompany, anAgent, aRun, waitFor } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { FullCaps } from "../src/accounts/full-caps.js";
import { runNow } from "../src/runs/rerun.js";
import type { JobVerdict } from "../src/runs/work-run.js";
import { whyRun } from "../src/why/why-run.js";
import { countRows, done, type Play, type TestWorker, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeEach(async () => {
  companyId = await aCompany(world.db.sql);
});

const KEY = { env: { ANTHROPIC_API_KEY: "sk-one" } };
const claudeAgent = (adapterConfig: JsonObject = KEY, columns = {}) =>
  anAgent(world.db.sql, { companyId, adapterType: "claude_local", adapterConfig, ...columns });
const run = async (agentId: string, columns = {}) => ({
  id: await aRun(world.db.sql, { companyId, agentId, ...columns }),
  agentId,
});
const limited = (until: Date): AdapterExecutionResult => ({
  ...done,
  exitCode: 1,
  errorMessage: "limit reached",
  errorCode: "claude_transient_upstream",
  errorFamily: "transient_upstream",
  retryNotBefore: until.toISOString(),
});
const accountOf = async (runId: string): Promise<string | null> => (await world.run(runId)).providerAccountId;
const HOUR = 3_600_000;

/** Ends a limit now, as if it had been told that long ago. */
const passTime = (ms: number) =>
  world.db.sql.query(
    `UPDATE provider_accounts SET limited_until = limited_until - make_interval(secs => $2::float8 / 1000)
      WHERE company_id = $1`,
    [companyId, ms],
  );

describe("an account that its provider limits", () => {
  it("BY-5 parks every run of the account until the provider's time and a stagger; others go on", async () => {
    const until = new Date(Date.now() + HOUR);
    const worker = await world.worker(() => limited(until));
    const [teller, sharer, other] = [
      await claudeAgent(),
      await claudeAgent(),
      await claudeAgent({ env: { ANTHROPIC_API_KEY: "sk-two" } }),
    ];
    const told = await run(teller);
    expect((await worker.work(told)).kind).toBe("failed");

    const parked = await Promise.all([0, 1, 2].map(() => run(sharer)));
    const dueAts: number[] = [];
    for (const one of parked) {
      const verdict = (await worker.work(one)) as Extract<JobVerdict, { kind: "notDue" }>;
      expect(verdict.kind).toBe("notDue");
      expect(verdict.dueAtMs).toBeGreaterThanOrEqual(until.getTime());
      expect(verdict.dueAtMs).toBeLessThan(until.getTime() + 60_000);
      dueAts.push(verdict.dueAtMs);
      expect((await world.run(one.id)).status).toBe("queued");
      expect((await world.run(one.id)).receipts.at(-1)).toMatchObject({ rule: "BY-5", outcome: "deferred" });
      // Asked again, it is told the same.
      expect(await worker.claim(one)).toEqual({ kind: "parked", dueAtMs: verdict.dueAtMs });
    }
    expect(new Set(dueAts).size).toBe(3);
    expect((await worker.claim(await run(other))).kind).toBe("claimed");

    const why = await whyRun(world.db.sql, { run: await world.run(parked[0]?.id ?? ""), leaseMs: 30_000 });
    expect(why.reason).toMatchObject({
      rule: "BY-5",
      text: `Its anthropic account is limited by the provider until ${until.toISOString()}.`,
      facts: { provider: "anthropic", dueAt: new Date(dueAts[0] ?? 0).toISOString() },
    });

    await passTime(HOUR + 60_000);
    for (const one of parked) expect((await worker.claim(one)).kind).toBe("claimed");
    expect(await accountOf(parked[0]?.id ?? "")).toBe(await accountOf(told.id));
  });

  it("BY-5, RT-6 the retry of the run that was told waits until then as well, or is run when somebody asks for it", async () => {
    const until = new Date(Date.now() + HOUR);
    const worker = await world.worker(() => limited(until));
    const agentId = await claudeAgent();
    const told = await run(agentId);
    await worker.work(told);
    const [retry] = await world.db.sql.query<{ id: string }>(
      "SELECT id FROM heartbeat_runs WHERE retry_of_run_id = $1 AND status = 'scheduled_retry'",
      [told.id],
    );
    if (retry === undefined) throw new Error("no retry was scheduled");
    expect(await worker.claim({ id: retry.id, agentId })).toEqual({ kind: "not_due", dueAtMs: until.getTime() });
    await runNow({ db: world.db, dispatcher: world.told.dispatcher }, retry.id);
    expect((await worker.claim({ id: retry.id, agentId })).kind).toBe("claimed");
  });

  it("BY-5 the latest word stands, whoever ends first", async () => {
    const [soon, late] = [new Date(Date.now() + HOUR), new Date(Date.now() + 2 * HOUR)];
    const agentId = await claudeAgent();
    for (const until of [late, soon])
      await (await world.worker(() => limited(until))).work(await run(await claudeAgent()));
    const verdict = (await (await world.worker()).work(await run(agentId))) as { dueAtMs: number };
    expect(verdict.dueAtMs).toBeGreaterThanOrEqual(late.getTime());
  });

  it("BY-5 another company's agent with the same key has an account of its own", async () => {
    const worker = await world.worker(() => limited(new Date(Date.now() + HOUR)));
    await worker.work(await run(await claudeAgent()));
    companyId = await aCompany(world.db.sql);
    expect((await worker.claim(await run(await claudeAgent()))).kind).toBe("claimed");
  });

  it("BY-5 an agent follows its credential", async () => {
    const worker = await world.worker(() => limited(new Date(Date.now() + HOUR)));
    const agentId = await claudeAgent();
    await worker.work(await run(agentId));
    await world.db.sql.query("UPDATE agents SET adapter_config = $2 WHERE id = $1", [
      agentId,
      JSON.stringify({ env: { ANTHROPIC_API_KEY: "sk-other" } }),
    ]);
    expect((await worker.claim(await run(agentId))).kind).toBe("claimed");
    expect(await countRows(world.db.sql, "provider_accounts WHERE company_id = $1", [companyId])).toBe(2);
    const keys = "provider_accounts WHERE company_id = $1 AND credential ~ '^key:[0-9a-f]{16}$'";
    expect(await countRows(world.db.sql, keys, [companyId])).toBe(2);
  });

  it("BY-5 an agent that spends on no account has none, and nothing parks it", async () => {
    const worker = await world.worker(() => limited(new Date(Date.now() + HOUR)));
    const agentId = await anAgent(world.db.sql, { companyId, heartbeat: { maxConcurrentRuns: 2 } });
    const one = await run(agentId);
    await worker.work(one);
    expect(await accountOf(one.id)).toBeNull();
    expect((await worker.claim(await run(agentId))).kind).toBe("claimed");
  });
});

/** Works all of `runs` on `workers`, three at once on each; what is put back is tried again. */
async function workAll(
  workers: readonly TestWorker[],
  runs: readonly { id: string; agentId: string }[],
): Promise<void> {
  const waiting = [...runs];
  await Promise.all(
    workers.flatMap((worker) =>
      [0, 1, 2].map(async () => {
        for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
          const verdict = await worker.work(job);
          if (verdict.kind === "putBack") {
            waiting.push(job);
            await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
          }
        }
      }),
    ),
  );
}

describe("caps on running runs", () => {
  /** Runs for a moment, and counts how many of each kind do so at once. */
  function counter() {
    const now = new Map<string, number>();
    const most = new Map<string, number>();
    const enter = (kind: string): void => {
      now.set(kind, (now.get(kind) ?? 0) + 1);
      most.set(kind, Math.max(most.get(kind) ?? 0, now.get(kind) ?? 0));
    };
    const play =
      (...kinds: string[]): Play =>
      async () => {
        kinds.forEach(enter);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
        for (const kind of kinds) now.set(kind, (now.get(kind) ?? 0) - 1);
        return done;
      };
    return { play, most };
  }

  it("BY-5 of account, host and fleet hold however many claim at once, and everything runs", async () => {
    for (let round = 0; round < 3; round += 1) {
      companyId = await aCompany(world.db.sql);
      const { play, most } = counter();
      // Tests before this one left runs running.
      const others = await countRows(world.db.sql, "heartbeat_runs WHERE status = 'running'");
      const caps = { account: 3, host: 4, fleet: others + 6 };
      const hosts = [`a${round}`, `b${round}`];
      const workers = await Promise.all(
        hosts.flatMap((hostname) =>
          [0, 1].map(() => world.worker(play("fleet", hostname), { caps, host: { hostname, bootId: "boot" } })),
        ),
      );
      const agents = await Promise.all(
        ["sk-a", "sk-a", "sk-b", "sk-c"].map((key) =>
          claudeAgent({ env: { ANTHROPIC_API_KEY: key } }, { heartbeat: { maxConcurrentRuns: 10 } }),
        ),
      );
      const runs = await Promise.all(agents.flatMap((agentId) => Array.from({ length: 8 }, () => run(agentId))));
      const watch = watchAccounts();
      try {
        await workAll(workers, runs);
      } finally {
        expect(await watch.stop()).toBeLessThanOrEqual(caps.account);
      }
      expect(most.get("fleet")).toBeLessThanOrEqual(6);
      for (const hostname of hosts) expect(most.get(hostname)).toBeLessThanOrEqual(caps.host);
      for (const { id } of runs) expect((await world.run(id)).status).toBe("succeeded");
    }
  });

  /** Looks again and again at how many runs of one account are running; answers the most it saw. */
  function watchAccounts(): { stop(): Promise<number> } {
    let goesOn = true;
    const seen = (async () => {
      let most = 0;
      while (goesOn) {
        const [row] = await world.db.sql.query<{ most: number | null }>(
          `SELECT max(running)::int AS most FROM (SELECT count(*) AS running FROM heartbeat_runs
            WHERE status = 'running' AND company_id = $1 GROUP BY provider_account_id) by_account`,
          [companyId],
        );
        most = Math.max(most, row?.most ?? 0);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return most;
    })();
    return {
      stop() {
        goesOn = false;
        return seen;
      },
    };
  }

  it("BY-5 an account's own cap comes before the instance's, and why says what it waits for", async () => {
    let finish: (() => void) | null = null;
    const worker = await world.worker(
      () =>
        new Promise((resolve) => {
          finish = () => resolve(done);
        }),
      { caps: { account: 5 } },
    );
    const agentId = await claudeAgent(KEY, { heartbeat: { maxConcurrentRuns: 5 } });
    const first = await run(agentId);
    const working = worker.work(first);
    const end = await waitFor(() => finish, { what: "the tool to run" });
    await world.db.sql.query("UPDATE provider_accounts SET max_concurrent_runs = 1 WHERE company_id = $1", [companyId]);
    const second = await run(agentId);
    expect(await worker.claim(second)).toMatchObject({ kind: "capped", cap: "account" });
    const why = await whyRun(world.db.sql, { run: await world.run(second.id), leaseMs: 30_000 });
    expect(why.reason).toMatchObject({ rule: "BY-5", facts: { cap: "account", running: 1, limit: 1 } });
    end();
    await working;
    expect((await worker.claim(second)).kind).toBe("claimed");
  });

  it("BY-5 what was found full is turned away from memory for a moment, and known to be free at once", () => {
    const full = new FullCaps();
    full.note({ cap: "account", agentId: "a", accountId: "x" }, 1_000);
    expect([full.isFull("a", 1_249), full.isFull("a", 1_250), full.isFull("b", 1_000)]).toEqual([true, false, false]);
    full.note({ cap: "fleet", agentId: "a", accountId: null }, 2_000);
    expect([full.isFull("b", 2_249), full.isFull("b", 2_250)]).toEqual([true, false]);
    full.note({ cap: "host", agentId: "a", accountId: "x" }, 3_000);
    full.clear();
    expect(full.isFull("a", 3_000)).toBe(false);
  });
});
