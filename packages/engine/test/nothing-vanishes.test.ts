/** BY-2 and BY-3 on a real database: no wake vanishes into a run that cannot hear it, and no person waits for a parked retry. */
import type { JsonObject } from "@wakefleet/contracts";
import { causesOf } from "@wakefleet/domain";
import { readRunsForJobs } from "@wakefleet/store";
import { aCompany, anAgent, anIssue } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { runJobOf } from "../src/dispatch/run-job.js";
import { done, spoke, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
let agentId: string;
beforeEach(async () => {
  companyId = await aCompany(world.db.sql);
  agentId = await anAgent(world.db.sql, { companyId });
  world.told.jobs.length = 0;
});

const system = { type: "system", id: "s" } as const;

async function causeIds(runId: string): Promise<unknown[]> {
  return causesOf((await world.run(runId)).contextSnapshot ?? {}).map((cause) => cause["requestId"]);
}

/** A retry that is parked for a while, as RT-3 leaves it. */
async function parkedRetry(wake: { payload: JsonObject; actor?: typeof system }): Promise<string> {
  const worker = await world.worker(() => ({
    ...done,
    exitCode: 1,
    errorCode: "claude_transient_upstream",
    errorMessage: "overloaded",
  }));
  const { run } = await world.wake({ agentId, ...wake });
  await worker.work({ id: run?.id ?? "", agentId });
  const [retry] = await world.db.sql.query<{ id: string }>(
    "SELECT id FROM heartbeat_runs WHERE retry_of_run_id = $1 AND status = 'scheduled_retry'",
    [run?.id],
  );
  if (retry === undefined) throw new Error("no retry was scheduled");
  await world.db.sql.query("UPDATE heartbeat_runs SET dispatched_at = now() WHERE id = $1", [retry.id]);
  world.told.jobs.length = 0;
  return retry.id;
}

describe("BY-2 coalescing loses nothing", () => {
  it("BY-2 a run carries every wake that joined it, in order, with its payload and requester", async () => {
    const first = await world.wake({ agentId, reason: "one", payload: { taskKey: "t", note: 1 } });
    const second = await world.wake({ agentId, reason: "two", payload: { taskKey: "t", note: 2 }, actor: system });
    const run = await world.run(first.run?.id ?? "");
    expect(causesOf(run.contextSnapshot ?? {})).toMatchObject([
      {
        requestId: first.wakeup.id,
        reason: "one",
        payload: { note: 1 },
        requestedByType: "user",
        requestedById: "someone",
      },
      { requestId: second.wakeup.id, reason: "two", payload: { note: 2 }, requestedByType: "system" },
    ]);
    expect((await world.request(second.wakeup.id)).runId).toBe(run.id);
  });

  it("BY-2 its agent is told of all of them", async () => {
    const { run } = await world.wake({ agentId, payload: { taskKey: "t", note: 1 } });
    await world.wake({ agentId, payload: { taskKey: "t", note: 2 } });
    let given: JsonObject = {};
    const worker = await world.worker(({ context }) => {
      given = context;
      return done;
    });
    await worker.work({ id: run?.id ?? "", agentId });
    expect(causesOf(given).map((cause) => cause["payload"])).toEqual([
      { taskKey: "t", note: 1 },
      { taskKey: "t", note: 2 },
    ]);
    expect(given["wakefleetWake"]).toMatchObject({ causes: [{ payload: { note: 1 } }, { payload: { note: 2 } }] });
  });

  it("BY-2, WK-31 what is new to a running run gets a run of its own, what is not joins it", async () => {
    const { run } = await world.wake({ agentId, payload: { taskKey: "t", note: 1 } });
    const worker = await world.worker();
    await worker.mustClaim({ id: run?.id ?? "", agentId });
    const again = await world.wake({ agentId, payload: { taskKey: "t", note: 1 } });
    expect(again).toMatchObject({ outcome: "coalesced", rule: "WK-30", run: { id: run?.id } });
    const news = await world.wake({ agentId, payload: { taskKey: "t", note: 2 } });
    expect(news).toMatchObject({ outcome: "queued", rule: "WK-31" });
    expect(news.run?.id).not.toBe(run?.id);
    expect(news.run?.receipts).toMatchObject([{ facts: { because: "BY-2", besides: { runId: run?.id } } }]);
    const more = await world.wake({ agentId, payload: { taskKey: "t", note: 3 } });
    expect(more).toMatchObject({ outcome: "coalesced", run: { id: news.run?.id } });
  });

  it("BY-2, WK-28, FI-8 on an issue what is new waits for the end and is consumed by the next run", async () => {
    const issueId = await anIssue(world.db.sql, { companyId, status: "todo", assigneeAgentId: agentId });
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const worker = await world.worker(() => spoke);
    const asked = async (note: number) => world.wake({ agentId, payload: { issueId, note } });
    let news: Awaited<ReturnType<typeof asked>>[] = [];
    const busy = await world.worker(async () => {
      news = [await asked(1), await asked(2)];
      return spoke;
    });
    await busy.work({ id: run?.id ?? "", agentId });
    expect(news.map((one) => [one.outcome, one.rule])).toEqual([
      ["deferred", "WK-28"],
      ["deferred", "WK-27"],
    ]);
    const [next] = [...new Set(await Promise.all(news.map(async (one) => (await world.request(one.wakeup.id)).runId)))];
    expect(next).not.toBe(run?.id);
    expect(await causeIds(next ?? "")).toEqual(news.map((one) => one.wakeup.id));
    await worker.work({ id: next ?? "", agentId });
  });

  it("BY-2 200 wakes that join one run at once: every request names it, and the first and newest causes stand in it", async () => {
    const acceptors = [world.acceptor, world.acceptor];
    const wakes = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        world.wake({ agentId, payload: { taskKey: "t", note: n } }).then((one) => ({ n: n % acceptors.length, one })),
      ),
    );
    const runIds = new Set(wakes.map(({ one }) => one.run?.id));
    expect(runIds.size).toBe(1);
    const [runId] = [...runIds];
    const { contextSnapshot } = await world.run(runId ?? "");
    expect(causesOf(contextSnapshot ?? {})).toHaveLength(50);
    expect(contextSnapshot).toMatchObject({ wakeCausesOmitted: 150 });
    const rows = await world.db.sql.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM agent_wakeup_requests WHERE run_id = $1",
      [runId],
    );
    expect(rows[0]?.count).toBe(200);
  });

  it("BY-2, RT-3 a retry carries the causes of the run it repeats", async () => {
    const retry = await parkedRetry({ payload: { taskKey: "t", note: 1 } });
    expect(await causeIds(retry)).toHaveLength(1);
  });
});

describe("BY-3 a person is not kept waiting by a machine", () => {
  it("BY-3, CL-3 somebody's wake starts a parked retry of the same work now", async () => {
    const retry = await parkedRetry({ payload: { taskKey: "t" } });
    const dueBefore = (await world.run(retry)).scheduledRetryAt?.getTime() ?? 0;
    expect(dueBefore).toBeGreaterThan(Date.now() + 60_000);
    const wake = await world.wake({ agentId, payload: { taskKey: "t" } });
    expect(wake).toMatchObject({ outcome: "coalesced", rule: "WK-30", run: { id: retry } });
    const run = await world.run(retry);
    expect(run.scheduledRetryAt?.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
    expect(run.receipts.at(-1)).toMatchObject({
      rule: "BY-3",
      outcome: "hastened",
      facts: { requestId: wake.wakeup.id, wasDueAt: new Date(dueBefore).toISOString() },
    });
    expect(run.dispatchedAt).toBeNull();
    expect(world.told.jobs).toMatchObject([{ data: { runId: retry }, renew: true }]);
    const worker = await world.worker();
    expect((await worker.claim({ id: retry, agentId })).kind).toBe("claimed");
  });

  it("BY-3 a second one does not move it again", async () => {
    const retry = await parkedRetry({ payload: { taskKey: "t" } });
    await world.wake({ agentId, payload: { taskKey: "t" } });
    await world.wake({ agentId, payload: { taskKey: "t" } });
    expect((await world.run(retry)).receipts.filter((one) => one.rule === "BY-3")).toHaveLength(1);
  });

  it("BY-3, CL-2 a machine's wake waits for the due time", async () => {
    const retry = await parkedRetry({ payload: { taskKey: "t" } });
    await world.wake({ agentId, payload: { taskKey: "t" }, actor: system });
    await world.wake({ agentId, payload: { taskKey: "t" }, source: "automation" });
    const worker = await world.worker();
    expect((await worker.claim({ id: retry, agentId })).kind).toBe("not_due");
    expect(world.told.jobs).toEqual([]);
  });

  it("BY-3, WK-28 a person who asks another agent about the issue does not wait for the owner's schedule", async () => {
    const issueId = await anIssue(world.db.sql, { companyId, status: "in_progress", assigneeAgentId: agentId });
    const retry = await parkedRetry({ payload: { issueId } });
    const other = await anAgent(world.db.sql, { companyId });
    const wake = await world.wake({ agentId: other, payload: { issueId } });
    expect(wake).toMatchObject({ outcome: "deferred", rule: "WK-28" });
    const worker = await world.worker();
    expect((await worker.claim({ id: retry, agentId })).kind).toBe("claimed");
  });

  it("BY-3, QU-3 a queued run that a person joins moves ahead of machines' runs, by its job and by the outbox", async () => {
    const machine = await world.wake({ agentId, payload: { taskKey: "1" }, actor: system });
    const joined = await world.wake({ agentId, payload: { taskKey: "2" }, actor: system });
    const places = async () => {
      const facts = await readRunsForJobs(world.db.sql, [machine.run?.id ?? "", joined.run?.id ?? ""]);
      return facts.map((one) => runJobOf(one).priority);
    };
    const [before, equal] = await places();
    expect(before).toBe(equal);
    await world.db.sql.query("UPDATE heartbeat_runs SET dispatched_at = now() WHERE agent_id = $1", [agentId]);
    world.told.jobs.length = 0;
    await world.wake({ agentId, payload: { taskKey: "2" } });
    const [of, ahead] = await places();
    expect(ahead ?? 0).toBeLessThan(of ?? 0);
    expect(world.told.jobs).toMatchObject([{ data: { runId: joined.run?.id }, renew: true, priority: ahead }]);
    expect((await world.run(joined.run?.id ?? "")).dispatchedAt).toBeNull();
    world.told.jobs.length = 0;
    await world.wake({ agentId, payload: { taskKey: "2" } });
    expect(world.told.jobs).toEqual([]);
  });
});
