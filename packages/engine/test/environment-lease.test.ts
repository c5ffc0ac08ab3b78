/** The lease of a run on its company's local environment (EN-2, EN-21, EN-31, EN-33, EN-40, FI-13; 05 checks 46 to 49). */
import { type AdapterExecutionContext, RunAborted } from "@wakefleet/adapters";
import type { JsonObject } from "@wakefleet/contracts";
import { aCompany, anAgent, anIssue } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import { cancelRun } from "../src/runs/cancel-run.js";
import { recoverOrphansOfHost } from "../src/runs/recover-orphans.js";
import { countRows, done, endLease, type Play, useWorld } from "./support.js";

const world = useWorld();

async function anAgentOfANewCompany() {
  const companyId = await aCompany(world.db.sql);
  return { companyId, agentId: await anAgent(world.db.sql, { companyId }) };
}

const leasesOf = (runId: string) =>
  world.db.sql.query<{
    id: string;
    status: string;
    releasedAt: Date | null;
    metadata: JsonObject;
    issueId: string | null;
  }>(
    `SELECT id, status, released_at AS "releasedAt", metadata, issue_id AS "issueId", provider, lease_policy AS policy
       FROM environment_leases WHERE heartbeat_run_id = $1`,
    [runId],
  );
const activityOf = (runId: string) =>
  world.db.sql.query<{ action: string; entity: string; actor: string; details: JsonObject }>(
    `SELECT action, entity_id AS entity, actor_type AS actor, details FROM activity_log
      WHERE run_id = $1 AND action LIKE 'environment.%' ORDER BY created_at, action`,
    [runId],
  );

describe("the lease of a run", () => {
  it("EN-2, EN-20, EN-21, EN-31, EN-33, EN-40, FI-13, AC-42 (05-46) is active while it runs and released after, both told", async () => {
    const { companyId, agentId } = await anAgentOfANewCompany();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    let seen: AdapterExecutionContext | null = null;
    let during: Awaited<ReturnType<typeof leasesOf>> = [];
    const worker = await world.worker(async (context) => {
      seen = context;
      await expect.poll(async () => (await leasesOf(context.runId)).length).toBe(1);
      during = await leasesOf(context.runId);
      return done;
    });
    const { run } = await world.wake({ agentId, reason: "asked", payload: { issueId } });
    await worker.work({ id: run?.id ?? "", agentId });
    const [environment] = await world.db.sql.query<{ id: string; name: string; metadata: JsonObject }>(
      "SELECT id, name, metadata FROM environments WHERE company_id = $1",
      [companyId],
    );
    expect(environment).toMatchObject({
      name: "Local",
      metadata: { managedByWakefleet: true, defaultForCompany: true },
    });
    const leaseId = during[0]?.id;
    const realization = { version: 1, transport: "local", leaseId, sync: { strategy: "none" } };
    expect(during).toMatchObject([
      {
        status: "active",
        issueId,
        provider: "local",
        policy: "ephemeral",
        metadata: { driver: "local", executionWorkspaceMode: null, workspaceRealization: realization },
      },
    ]);
    expect(seen).toMatchObject({
      executionTarget: { kind: "local", environmentId: environment?.id, leaseId },
      context: { wakefleetEnvironment: { id: environment?.id, leaseId, workspaceRealization: realization } },
    });
    expect(await leasesOf(run?.id ?? "")).toMatchObject([{ status: "released", releasedAt: expect.any(Date) }]);
    const about = { environmentId: environment?.id, driver: "local", leasePolicy: "ephemeral", issueId };
    expect(await activityOf(run?.id ?? "")).toMatchObject([
      { action: "environment.lease_acquired", entity: leaseId, actor: "agent", details: about },
      {
        action: "environment.lease_released",
        entity: leaseId,
        details: { ...about, status: "released", cleanupStatus: null, failureReason: null },
      },
    ]);
    const told = world.told.events.flatMap((event) =>
      event.type === "activity.logged" && event.payload.runId === run?.id ? [event.payload.action] : [],
    );
    expect(told).toEqual(expect.arrayContaining(["environment.lease_acquired", "environment.lease_released"]));
  });

  const boom: Play = () => {
    throw new Error("boom");
  };
  it.each<[string, Play, string, string]>([
    ["failed", () => ({ ...done, exitCode: 1 }), "failed", "failed"],
    ["timed out", () => ({ ...done, timedOut: true }), "timed_out", "failed"],
    ["thrown", boom, "failed", "failed"],
  ])("EN-40 (05-47) a run that %s", async (_, play, status, lease) => {
    const { agentId } = await anAgentOfANewCompany();
    const { run } = await world.wake({ agentId });
    await (await world.worker(play)).work({ id: run?.id ?? "", agentId });
    expect((await world.run(run?.id ?? "")).status).toBe(status);
    expect(await leasesOf(run?.id ?? "")).toMatchObject([{ status: lease }]);
    expect((await activityOf(run?.id ?? "")).at(-1)?.details).toMatchObject({ failureReason: expect.any(String) });
  });

  it("EN-40 (05-47) a run that is cancelled", async () => {
    const { agentId } = await anAgentOfANewCompany();
    const { run } = await world.wake({ agentId });
    const id = run?.id ?? "";
    const worker = await world.worker(async ({ signal }) => {
      await cancelRun(world.cancelDeps(), { runId: id, actor: { type: "user", id: "someone" } });
      worker.deps.held.abort(id, new RunAborted("cancelled", "Cancelled by control plane"));
      return { ...done, exitCode: null, signal: signal.aborted ? "SIGTERM" : null };
    });
    await worker.work({ id, agentId });
    expect((await world.run(id)).status).toBe("cancelled");
    expect(await leasesOf(id)).toMatchObject([{ status: "released" }]);
  });

  it("EN-43 (05-48) a run whose worker died gives its lease back when it is ended as lost", async () => {
    const { agentId } = await anAgentOfANewCompany();
    const { run } = await world.wake({ agentId });
    const id = run?.id ?? "";
    let die: (error: Error) => void = () => undefined;
    const worker = await world.worker(() => new Promise((_, reject) => (die = reject)));
    const working = worker.work({ id, agentId });
    await expect.poll(async () => (await leasesOf(id)).length).toBe(1);
    await endLease(world.db.sql, id, 600_000);
    const other = await world.worker();
    await recoverOrphansOfHost(other.recovery);
    expect((await world.run(id)).status).toBe("failed");
    expect(await leasesOf(id)).toMatchObject([{ status: "failed" }]);
    die(new Error("its worker was dead"));
    await working;
    expect(await leasesOf(id)).toHaveLength(1);
  });

  it("EN-2 (05-49) fifty first runs at once make one local environment", async () => {
    const companyId = await aCompany(world.db.sql);
    const worker = await world.worker();
    const runs = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const agentId = await anAgent(world.db.sql, { companyId });
        const { run } = await world.wake({ agentId });
        return { id: run?.id ?? "", agentId };
      }),
    );
    await Promise.all(runs.map((run) => worker.work(run)));
    expect(await countRows(world.db.sql, "environments WHERE company_id = $1", [companyId])).toBe(1);
    const released = "environment_leases WHERE company_id = $1 AND status = 'released'";
    expect(await countRows(world.db.sql, released, [companyId])).toBe(50);
  });
});
