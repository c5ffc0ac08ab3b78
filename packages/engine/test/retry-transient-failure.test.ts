/** FI-6, RT-1 to RT-5 on a real database: a transient failure comes again by its schedule; time is moved, not waited for. */
import type { AdapterExecutionResult } from "@wakefleet/adapters";
import { DEFAULT_RETRY_TABLE } from "@wakefleet/domain";
import { aCompany, anAgent, anIssue } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { workRun } from "../src/runs/work-run.js";
import { useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const transient: AdapterExecutionResult = {
  exitCode: 1,
  signal: null,
  timedOut: false,
  errorMessage: "529 overloaded",
  errorFamily: "transient_upstream",
};

async function fail(run: { id: string; agentId: string }, result: AdapterExecutionResult = transient): Promise<void> {
  const worker = await world.worker(() => result);
  const retries = { table: DEFAULT_RETRY_TABLE, random: () => 0.5 };
  await workRun({ ...worker.deps, retries }, { runId: run.id, agentId: run.agentId });
}

async function retryOf(runId: string): Promise<string | null> {
  const rows = await world.db.sql.query<{ id: string }>("SELECT id FROM heartbeat_runs WHERE retry_of_run_id = $1", [
    runId,
  ]);
  expect(rows.length).toBeLessThanOrEqual(1);
  return rows[0]?.id ?? null;
}

async function events(runId: string): Promise<string[]> {
  const rows = await world.db.sql.query<{ message: string }>(
    "SELECT message FROM heartbeat_run_events WHERE run_id = $1 ORDER BY seq",
    [runId],
  );
  return rows.map((row) => row.message);
}

const makeDue = (runId: string) =>
  world.db.sql.query("UPDATE heartbeat_runs SET scheduled_retry_at = now() WHERE id = $1", [runId]);

describe("bounded retries", () => {
  it("RT-1, RT-3, RT-5, FI-6, API-175 four attempts at their times, then no further one (04-5)", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const first = await world.wake({ agentId, payload: { taskKey: "k" }, reason: "nightly" });
    let run = await world.run(first.run?.id ?? "");
    for (const [index, delayMs] of DEFAULT_RETRY_TABLE.delaysMs.entries()) {
      await fail(run);
      const failed = await world.run(run.id);
      expect(failed).toMatchObject({ status: "failed", errorCode: "adapter_failed" });
      const retry = await world.run((await retryOf(run.id)) ?? "");
      expect(retry).toMatchObject({
        status: "scheduled_retry",
        scheduledRetryAttempt: index + 1,
        scheduledRetryReason: "transient_failure",
        invocationSource: "automation",
        triggerDetail: "system",
        taskKey: "k",
        contextSnapshot: {
          wakeReason: "transient_failure_retry",
          originalWakeReason: "nightly",
          retryReason: "transient_failure",
          errorFamily: "transient_upstream",
          retryOfRunId: run.id,
        },
      });
      // The instant of the transaction that ended the run is the schedule's now.
      expect((retry.scheduledRetryAt?.getTime() ?? 0) - (failed.finishedAt?.getTime() ?? 0)).toBe(delayMs);
      expect((await events(run.id)).at(-1)).toBe(
        `Scheduled bounded retry ${index + 1}/4 for ${retry.scheduledRetryAt?.toISOString()}`,
      );
      const worker = await world.worker();
      expect(await worker.claim(retry)).toMatchObject({ kind: "not_due" });
      await makeDue(retry.id);
      run = retry;
    }
    await fail(run);
    expect(await retryOf(run.id)).toBeNull();
    expect(await events(run.id)).toEqual([
      "Scheduled retry became due and was promoted to the queued run pool",
      "run started",
      "run failed",
      "Bounded retry exhausted after 4 scheduled attempts; no further automatic retry will be queued",
    ]);
  });

  it("RT-2 the upstream's word is the due time when it is later (04-6)", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const { run } = await world.wake({ agentId });
    const retryNotBefore = "2099-01-01T00:00:00.000Z";
    await fail(run as never, { ...transient, retryNotBefore });
    const retry = await world.run((await retryOf(run?.id ?? "")) ?? "");
    expect(retry.scheduledRetryAt?.toISOString()).toBe(retryNotBefore);
    expect(retry.contextSnapshot).toMatchObject({ transientRetryNotBefore: retryNotBefore });
  });

  it("RT-3 the issue's lock moves to the retry, and what waits behind it goes on waiting", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId, status: "todo" });
    const { run } = await world.wake({ agentId, payload: { issueId } });
    await fail(run as never);
    const retryId = await retryOf(run?.id ?? "");
    const [issue] = await world.db.sql.query<{ lock: string }>(
      "SELECT execution_run_id AS lock FROM issues WHERE id = $1",
      [issueId],
    );
    expect(issue?.lock).toBe(retryId);
  });

  it.each([
    ["another failure", { ...transient, errorFamily: null }],
    ["a timeout", { ...transient, timedOut: true }],
  ])("FI-6 %s is not retried", async (_what, result) => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const { run } = await world.wake({ agentId });
    await fail(run as never, result as AdapterExecutionResult);
    expect(await retryOf(run?.id ?? "")).toBeNull();
  });
});
