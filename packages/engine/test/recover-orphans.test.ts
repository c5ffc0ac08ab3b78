import { spawn } from "node:child_process";
import { once } from "node:events";
import { inspectProcess } from "@wakefleet/adapters";
import { aCompany, anAgent, anIssue, aRun, aWorker, waitFor } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { AdoptedRuns } from "../src/runs/adopted-runs.js";
import { createLeaseKeeper } from "../src/runs/lease-keeper.js";
import { handOver, recoverOrphansOfFleet, recoverOrphansOfHost } from "../src/runs/recover-orphans.js";
import { countRows, endLease, HOST, silentLog, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

/** A pid that no process has: it is above the greatest pid Linux gives out. */
const NO_PID = 2 ** 30;
const LOST = `Process lost -- child pid ${NO_PID} is no longer running`;

/** A running run whose worker died a minute ago. */
async function orphan(columns: Record<string, unknown> = {}, worker = HOST) {
  const agentId = (columns["agentId"] as string) ?? (await anAgent(world.db.sql, { companyId, status: "running" }));
  const workerId = await aWorker(world.db.sql, worker);
  const id = await aRun(world.db.sql, {
    companyId,
    agentId,
    status: "running",
    workerId,
    processPid: NO_PID,
    processGroupId: NO_PID,
    processStartedAt: new Date(0),
    ...columns,
  });
  await endLease(world.db.sql, id, 60_000);
  return { id, agentId, workerId };
}

const retryOf = async (runId: string) => {
  const [row] = await world.db.sql.query<{ id: string }>("SELECT id FROM heartbeat_runs WHERE retry_of_run_id = $1", [
    runId,
  ]);
  return row === undefined ? null : world.run(row.id);
};
const messages = async (runId: string) =>
  (
    await world.db.sql.query<{ message: string }>(
      "SELECT message FROM heartbeat_run_events WHERE run_id = $1 ORDER BY seq",
      [runId],
    )
  ).map(({ message }) => message);

describe("a lost child", () => {
  it("PL-3, PL-4, API-175 the run fails, one retry is queued with its context, the job is freed (04-12)", async () => {
    const contextSnapshot = { taskKey: "k", wakeReason: "issue_assigned", mine: 1 };
    const run = await orphan({ contextSnapshot, taskKey: "k" });
    await recoverOrphansOfHost((await world.worker()).recovery);
    const row = await world.run(run.id);
    expect(row).toMatchObject({
      status: "failed",
      errorCode: "process_lost",
      error: `${LOST}; retrying once`,
      claimToken: 2,
      startToken: null,
      resultJson: { stopReason: "process_lost" },
    });
    expect(await world.request(row.wakeupRequestId ?? "")).toMatchObject({ status: "failed" });
    const retry = await retryOf(run.id);
    expect(retry).toMatchObject({
      status: "queued",
      invocationSource: "automation",
      triggerDetail: "system",
      processLossRetryCount: 1,
      taskKey: "k",
      contextSnapshot: {
        mine: 1,
        retryOfRunId: run.id,
        wakeReason: "process_lost_retry",
        retryReason: "process_lost",
      },
    });
    expect(await world.request(retry?.wakeupRequestId ?? "")).toMatchObject({
      status: "queued",
      reason: "process_lost_retry",
    });
    expect(await messages(run.id)).toEqual([`${LOST}; queued retry ${retry?.id}`, "run failed"]);
    expect(await messages(retry?.id ?? "")).toEqual([
      "Queued automatic retry after orphaned child process was confirmed dead",
    ]);
    expect(world.told.released).toContainEqual({ runId: run.id, outcome: "failed" });
    expect(world.told.jobs.some((job) => job.data.runId === retry?.id)).toBe(true);
  });

  it("PL-4 a second loss is not retried (04-12)", async () => {
    const run = await orphan({ processLossRetryCount: 1 });
    await recoverOrphansOfHost((await world.worker()).recovery);
    expect(await world.run(run.id)).toMatchObject({ status: "failed", error: LOST });
    expect(await messages(run.id)).toEqual([LOST, "run failed"]);
    expect(await retryOf(run.id)).toBeNull();
  });

  it("PL-3, PL-4 without a known child there is no retry", async () => {
    const run = await orphan({ processPid: null, processGroupId: null, processStartedAt: null });
    await recoverOrphansOfHost((await world.worker()).recovery);
    expect(await world.run(run.id)).toMatchObject({ error: "Process lost -- server may have restarted" });
    expect(await retryOf(run.id)).toBeNull();
  });

  it("PL-4 the issue's lock moves to the retry; what waits goes on waiting for it", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const run = await orphan({ agentId, issueId, lockIssueId: issueId });
    await world.db.sql.query("UPDATE issues SET execution_run_id = $2 WHERE id = $1", [issueId, run.id]);
    const { wakeup } = await world.wake({ agentId, payload: { issueId, commentId: "c" } });
    await recoverOrphansOfHost((await world.worker()).recovery);
    const retry = await retryOf(run.id);
    expect(await countRows(world.db.sql, "issues WHERE id = $1 AND execution_run_id = $2", [issueId, retry?.id])).toBe(
      1,
    );
    expect(await world.request(wakeup.id)).toMatchObject({ status: "deferred_issue_execution" });
  });

  it("PL-4, FI-8 without a retry the issue is released and what waits is promoted", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const run = await orphan({ agentId, issueId, lockIssueId: issueId, processLossRetryCount: 1 });
    await world.db.sql.query("UPDATE issues SET execution_run_id = $2 WHERE id = $1", [issueId, run.id]);
    const { wakeup } = await world.wake({ agentId, payload: { issueId, commentId: "c" } });
    await recoverOrphansOfHost((await world.worker()).recovery);
    expect(await world.request(wakeup.id)).toMatchObject({ status: "queued", reason: "issue_execution_promoted" });
  });

  it("DM-35 one that was asked to cancel ends cancelled, not lost, and is not retried (01 check 21)", async () => {
    const run = await orphan({ cancelRequestedAt: new Date(), cancelReason: "enough", cancelKind: "pause" });
    await recoverOrphansOfHost((await world.worker()).recovery);
    expect(await world.run(run.id)).toMatchObject({
      status: "cancelled",
      errorCode: "cancelled",
      error: "enough",
      resultJson: { stopReason: "paused" },
    });
    expect(await retryOf(run.id)).toBeNull();
    expect(world.told.released).toContainEqual({ runId: run.id, outcome: "completed" });
  });

  it("RL-2, CN-2 a cancelled one keeps its slot until its living process is gone", async () => {
    const child = spawn("/bin/sh", ["-c", "trap 'sleep 0.5; exit 0' TERM; echo ready; while :; do sleep 0.05; done"], {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(child.stdout, "data");
    const pid = child.pid ?? 0;
    const processStartedAt = new Date();
    const stored = { pid, processGroupId: pid, startedAt: processStartedAt };
    const run = await orphan({
      processPid: pid,
      processGroupId: pid,
      processStartedAt,
      cancelRequestedAt: new Date(),
      cancelReason: "enough",
    });
    let isOver = false;
    const recovering = recoverOrphansOfHost((await world.worker()).recovery).then(() => {
      isOver = true;
    });
    const seen = new Set<string>();
    while (!isOver) {
      const { status } = await world.run(run.id);
      if ((await inspectProcess(stored)) === "alive") seen.add(status);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await recovering;
    expect([...seen]).toEqual(["running"]);
    expect(await inspectProcess(stored)).toBe("dead");
    expect(await world.run(run.id)).toMatchObject({ status: "cancelled", error: "enough", runSlot: null });
  });

  it("PL-1 of ten workers that notice at once exactly one acts", async () => {
    const run = await orphan();
    const workers = await Promise.all(Array.from({ length: 10 }, () => world.worker()));
    const counts = await Promise.all(workers.map(({ recovery }) => recoverOrphansOfFleet(recovery)));
    expect(counts.reduce((sum, { ended }) => sum + ended, 0)).toBe(1);
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE retry_of_run_id = $1", [run.id])).toBe(1);
  });

  it("CL-17, PL-4 nothing its old worker does afterwards changes anything (check 18)", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    let release: () => void = () => undefined;
    const hung = new Promise<void>((resolve) => {
      release = resolve;
    });
    const old = await world.worker(async ({ onLog, onSpawn }) => {
      await onSpawn?.({ pid: NO_PID, processGroupId: NO_PID, startedAt: new Date(0) });
      await hung;
      await onLog("stdout", "late\n");
      return { exitCode: 0, signal: null, timedOut: false, usage: { inputTokens: 5, outputTokens: 5 } };
    });
    const id = await aRun(world.db.sql, { companyId, agentId });
    const working = old.work({ id, agentId });
    await waitFor(async () => (await world.run(id)).processPid !== null, { what: "the child to be known" });
    await endLease(world.db.sql, id);
    await recoverOrphansOfHost((await world.worker()).recovery);
    const before = await world.run(id);
    expect(before.status).toBe("failed");
    release();
    expect(await working).toEqual({ kind: "gone" });
    expect(await world.run(id)).toEqual(before);
    expect(await countRows(world.db.sql, "cost_events WHERE heartbeat_run_id = $1", [id])).toBe(0);
  });
});

describe("hosts", () => {
  const away = { hostname: "elsewhere", bootId: "boot" };

  it("PL-2 another host's child is waited for until the grace is over", async () => {
    const run = await orphan({}, away);
    const { recovery } = await world.worker();
    expect(await recoverOrphansOfHost(recovery)).toMatchObject({ looked: 0 });
    await recoverOrphansOfFleet(recovery);
    expect((await world.run(run.id)).status).toBe("running");
    await endLease(world.db.sql, run.id, 121_000);
    await recoverOrphansOfFleet({ ...recovery, databaseReachableForMs: () => 119_000 });
    expect((await world.run(run.id)).status).toBe("running");
    await recoverOrphansOfFleet(recovery);
    expect(await world.run(run.id)).toMatchObject({
      status: "failed",
      error: "Process lost -- server may have restarted; retrying once",
    });
  });

  it("PL-2 another boot of the same host is another host", async () => {
    const run = await orphan({}, { ...HOST, bootId: "before" });
    await recoverOrphansOfFleet((await world.worker()).recovery);
    expect((await world.run(run.id)).status).toBe("running");
    await endLease(world.db.sql, run.id, 121_000);
    await recoverOrphansOfFleet((await world.worker()).recovery);
  });

  it("PL-2 an adapter without a local child needs no waiting", async () => {
    const agentId = await anAgent(world.db.sql, { companyId, adapterType: "http" });
    const run = await orphan({ agentId }, away);
    await recoverOrphansOfFleet((await world.worker()).recovery);
    expect(await world.run(run.id)).toMatchObject({ status: "failed", errorCode: "process_lost" });
  });
});

describe("a living child", () => {
  async function livingOrphan(columns: Record<string, unknown> = {}) {
    const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore" });
    const gone = once(child, "exit");
    const pid = child.pid ?? 0;
    const run = await orphan({ processPid: pid, processGroupId: pid, processStartedAt: new Date(), ...columns });
    return { ...run, pid, child, gone };
  }

  it("PL-2 is adopted: still running, detached, watched; and lost when it goes (04-11)", async () => {
    const run = await livingOrphan();
    const { recovery } = await world.worker();
    const adopted = new AdoptedRuns({ ...recovery });
    const deps = { ...recovery, onAdopted: (one: Parameters<AdoptedRuns["add"]>[0]) => adopted.add(one) };
    expect(await recoverOrphansOfHost(deps)).toMatchObject({ adopted: 1 });
    const text = `Lost in-memory process handle, but child pid ${run.pid} is still alive`;
    expect(await world.run(run.id)).toMatchObject({
      status: "running",
      errorCode: "process_detached",
      error: text,
      workerId: recovery.workerId,
      claimToken: 2,
      startToken: 1,
    });
    expect(await messages(run.id)).toEqual([text]);
    await adopted.look();
    expect((await world.run(run.id)).status).toBe("running");
    run.child.kill("SIGKILL");
    await run.gone;
    await adopted.look();
    expect(await world.run(run.id)).toMatchObject({
      status: "failed",
      error: `Process lost -- child pid ${run.pid} is no longer running; retrying once`,
    });
    expect(adopted.size).toBe(0);
  });

  it("PL-2, CN-2 an adopted run that is cancelled is terminated and ends cancelled; renewals keep it until then", async () => {
    const run = await livingOrphan();
    const worker = await world.worker();
    const adopted = new AdoptedRuns(worker.recovery);
    await recoverOrphansOfHost({ ...worker.recovery, onAdopted: (one) => adopted.add(one) });
    const keeper = createLeaseKeeper({
      db: world.db,
      held: worker.deps.held,
      adopted,
      workerId: worker.id,
      leaseMs: 30_000,
      renewEveryMs: 60_000,
      adoptGraceMs: 120_000,
      faults: worker.deps.faults,
      log: silentLog,
    });
    await endLease(world.db.sql, run.id);
    await keeper.renewOnce();
    expect((await world.run(run.id)).leaseExpiresAt?.getTime()).toBeGreaterThan(Date.now());
    await world.db.sql.query(
      "UPDATE heartbeat_runs SET cancel_requested_at = now(), cancel_reason = 'enough', cancel_kind = 'person' WHERE id = $1",
      [run.id],
    );
    await keeper.renewOnce();
    await run.gone;
    await waitFor(async () => (await world.run(run.id)).status === "cancelled", { what: "the run to end" });
    expect(await world.run(run.id)).toMatchObject({ error: "enough", errorCode: "cancelled" });
  });

  it("PL-2 a run taken over after the renewal was sent is not judged by its answer", async () => {
    const run = await livingOrphan();
    const { recovery } = await world.worker();
    const adopted = new AdoptedRuns(recovery);
    const asked = adopted.runIds();
    await recoverOrphansOfHost({ ...recovery, onAdopted: (one) => adopted.add(one) });
    adopted.heed([], asked);
    expect(adopted.runIds()).toContain(run.id);
    run.child.kill("SIGKILL");
    await run.gone;
    await adopted.look();
  });

  it("PL-2 a pid that another process has by now is not the child", async () => {
    const run = await livingOrphan({ processStartedAt: new Date(Date.now() - 3_600_000) });
    await recoverOrphansOfHost((await world.worker()).recovery);
    expect((await world.run(run.id)).status).toBe("failed");
    expect(await inspectProcess({ pid: run.pid, processGroupId: null, startedAt: null })).toBe("alive");
    run.child.kill("SIGKILL");
    await run.gone;
  });

  it("PL-5 a run that a stopping worker hands over is ended at once", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const worker = await world.worker();
    const id = await aRun(world.db.sql, { companyId, agentId });
    await worker.mustClaim({ id, agentId });
    expect(await handOver(worker.recovery, id)).toBe("Process lost -- server may have restarted");
    expect(await world.run(id)).toMatchObject({ status: "failed", errorCode: "process_lost" });
    expect(await handOver(worker.recovery, id)).toBeNull();
  });
});
