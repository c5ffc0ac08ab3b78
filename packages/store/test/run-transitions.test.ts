/** Each transition of a run moves from the right status, is lost from every other, and has one winner among twenty. */
import { randomUUID } from "node:crypto";
import { RUN_STATUSES } from "@wakefleet/contracts";
import { anIssue } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import {
  adoptRunIfOrphaned,
  findOrphanedRun,
  listOrphanedRuns,
  releaseLeases,
  renewLeases,
} from "../src/fleet/workers.js";
import { findRunCancel, requestCancelOfRunning } from "../src/runs/cancel-run.js";
import { type ClaimInput, claimRunIfWaiting } from "../src/runs/claim-run.js";
import { type EndGuard, endRunIf } from "../src/runs/end-run.js";
import { ending, useFixture } from "./support.js";

const fixture = useFixture();
const twenty = Array.from({ length: 20 }, (_, index) => index);
const past = new Date(Date.now() - 60_000);

describe("queued, scheduled_retry → running", () => {
  const claim = (runId: string, input: Partial<ClaimInput> = {}) =>
    claimRunIfWaiting(fixture.db.sql, {
      runId,
      workerId: randomUUID(),
      slot: 2,
      leaseMs: 30_000,
      lockIssueId: null,
      agentNameKey: "ann",
      adapterType: "process",
      logStore: "local_file",
      logRef: "c/a/r.ndjson",
      accountId: null,
      ...input,
    });

  it.each(RUN_STATUSES)("CL-13 a run that is %s is claimed, or lost and left as it was", async (status) => {
    const { id } = await fixture.run(status);
    const before = await fixture.row(id);
    const moved = await claim(id);
    if (status === "queued" || status === "scheduled_retry") {
      expect(moved).toMatchObject({
        kind: "moved",
        row: { run: { id, status: "running", claimToken: 1, runSlot: 2 } },
      });
    } else {
      expect(moved).toEqual({ kind: "lost" });
      expect(await fixture.row(id)).toEqual(before);
    }
  });

  it("CL-13 one of twenty wins", async () => {
    const { id } = await fixture.run();
    const moved = await Promise.all(twenty.map(() => claim(id)));
    expect(moved.filter(({ kind }) => kind === "moved")).toHaveLength(1);
    expect(await fixture.row(id)).toMatchObject({ claim_token: 1, event_seq: 1 });
  });

  it("CL-14 the issue's lock is stamped by the same statement", async () => {
    const { companyId } = fixture;
    const issueId = await anIssue(fixture.db.sql, { companyId });
    const { id } = await fixture.run("queued", { issueId });
    await claim(id, { lockIssueId: issueId });
    const [lock] = await fixture.db.sql.query(
      "SELECT execution_run_id AS run, execution_agent_name_key AS key FROM issues WHERE id = $1",
      [issueId],
    );
    expect(lock).toEqual({ run: id, key: "ann" });
  });
});

describe("→ terminal", () => {
  const end = (runId: string, guard: EndGuard) => endRunIf(fixture.db.sql, ending({ runId, guard }));

  it.each(RUN_STATUSES)("CN-1 a run that is %s ends as waiting, or is left as it was", async (status) => {
    const { id } = await fixture.run(status);
    const before = await fixture.row(id);
    const ended = await end(id, { kind: "waiting" });
    if (status === "queued" || status === "scheduled_retry") expect(ended?.run.status).toBe("succeeded");
    else {
      expect(ended).toBeNull();
      expect(await fixture.row(id)).toEqual(before);
    }
  });

  it.each(RUN_STATUSES)("FI-1 a run that is %s ends by its holder's hand, or is left as it was", async (status) => {
    const { id, workerId } = await fixture.run(status);
    const before = await fixture.row(id);
    const ended = await end(id, { kind: "held", workerId, claimToken: 1, cancelSeen: false });
    if (status === "running") expect(ended?.run.status).toBe("succeeded");
    else {
      expect(ended).toBeNull();
      expect(await fixture.row(id)).toEqual(before);
    }
  });

  it.each<[string, (workerId: string) => EndGuard]>([
    ["another worker", () => ({ kind: "held", workerId: randomUUID(), claimToken: 1, cancelSeen: true })],
    ["an older token", (workerId) => ({ kind: "held", workerId, claimToken: 0, cancelSeen: true })],
    ["a later token", (workerId) => ({ kind: "held", workerId, claimToken: 2, cancelSeen: true })],
    ["a recovery while the lease runs", () => ({ kind: "orphaned", claimToken: 1 })],
    ["a cancel of a waiting run", () => ({ kind: "waiting" })],
  ])("CL-17, DM-33 %s ends nothing and writes no event", async (_, guard) => {
    const { id, workerId } = await fixture.run("running");
    const before = await fixture.row(id);
    expect(await end(id, guard(workerId))).toBeNull();
    expect(await fixture.row(id)).toEqual(before);
  });

  it("DM-35 a run that was asked to cancel is not ended by an outcome that has not seen it", async () => {
    const { id, workerId } = await fixture.run("running");
    await requestCancelOfRunning(fixture.db.sql, [id], { reason: "why", kind: "person", recover: false });
    expect(await end(id, { kind: "held", workerId, claimToken: 1, cancelSeen: false })).toBeNull();
    expect(await findRunCancel(fixture.db.sql, { runId: id, workerId, claimToken: 1 })).toMatchObject({
      reason: "why",
    });
    expect(await end(id, { kind: "held", workerId, claimToken: 1, cancelSeen: true })).not.toBeNull();
  });

  it.each<[string, EndGuard["kind"]]>([
    ["queued", "waiting"],
    ["running", "held"],
    ["running", "orphaned"],
  ])("FI-1 from %s, guard %s: one of twenty wins, one event is written", async (status, kind) => {
    const leaseExpiresAt = kind === "orphaned" ? { leaseExpiresAt: past } : {};
    const { id, workerId } = await fixture.run(status as "queued", leaseExpiresAt);
    const guard: EndGuard =
      kind === "waiting"
        ? { kind }
        : kind === "held"
          ? { kind, workerId, claimToken: 1, cancelSeen: false }
          : { kind, claimToken: 1 };
    const ends = await Promise.all(twenty.map(() => end(id, guard)));
    expect(ends.filter((ended) => ended !== null)).toHaveLength(1);
    expect(await fixture.row(id)).toMatchObject({ event_seq: 1, run_slot: null, lease_expires_at: null });
  });

  it("DM-33, DM-30 a recovery takes the token away and the start token with it; the owner's own end keeps both", async () => {
    const orphan = await fixture.run("running", { leaseExpiresAt: past });
    await end(orphan.id, { kind: "orphaned", claimToken: 1 });
    expect(await fixture.row(orphan.id)).toMatchObject({ claim_token: 2, start_token: null });
    const own = await fixture.run("running");
    await end(own.id, { kind: "held", workerId: own.workerId, claimToken: 1, cancelSeen: false });
    expect(await fixture.row(own.id)).toMatchObject({ claim_token: 1, start_token: 1, worker_id: own.workerId });
  });

  it("01 check 15 the end sets finished_at and finalized_at and clears lease, slot and mark", async () => {
    const { id, workerId } = await fixture.run("running");
    await end(id, { kind: "held", workerId, claimToken: 1, cancelSeen: false });
    const row = await fixture.row(id);
    expect(row).toMatchObject({ lease_expires_at: null, run_slot: null, lock_issue_id: null, end_state: null });
    expect(row["finished_at"]).not.toBeNull();
    expect(row["finalized_at"]).not.toBeNull();
  });
});

describe("asking a running run to stop", () => {
  it("DM-35 the first request wins", async () => {
    const { id } = await fixture.run("running");
    await Promise.all(
      twenty.map((n) =>
        requestCancelOfRunning(fixture.db.sql, [id], {
          reason: `r${n}`,
          kind: n % 2 ? "pause" : "person",
          recover: n % 2 === 1,
        }),
      ),
    );
    const first = await fixture.row(id);
    await requestCancelOfRunning(fixture.db.sql, [id], { reason: "late", kind: "budget", recover: true });
    const { cancel_reason, cancel_kind, cancel_recover, cancel_requested_at } = await fixture.row(id);
    expect({ cancel_reason, cancel_kind, cancel_recover, cancel_requested_at }).toEqual({
      cancel_reason: first["cancel_reason"],
      cancel_kind: first["cancel_kind"],
      cancel_recover: first["cancel_recover"],
      cancel_requested_at: first["cancel_requested_at"],
    });
    const n = Number(String(first["cancel_reason"]).slice(1));
    expect([first["cancel_kind"], first["cancel_recover"]]).toEqual(n % 2 ? ["pause", true] : ["person", false]);
  });

  it.each(RUN_STATUSES.filter((status) => status !== "running"))(
    "DM-35 a run that is %s is not marked",
    async (status) => {
      const { id } = await fixture.run(status);
      const asked = await requestCancelOfRunning(fixture.db.sql, [id], { reason: "r", kind: "person", recover: false });
      expect(asked).toEqual([]);
      expect(await fixture.row(id)).toMatchObject({ cancel_requested_at: null });
    },
  );
});

describe("leases", () => {
  const renew = (workerId: string, runIds: string[]) =>
    renewLeases(fixture.db.sql, { workerId, leaseMs: 30_000, runIds });

  it("DM-45, 01 check 14 one statement renews the runs a worker names and holds; their tokens do not move", async () => {
    const workerId = randomUUID();
    const mine = await fixture.run("running", { workerId, leaseExpiresAt: past });
    const unnamed = await fixture.run("running", { workerId, leaseExpiresAt: past });
    const other = await fixture.run("running", { leaseExpiresAt: past });
    const ended = await fixture.run("failed", { workerId });
    expect(await renew(workerId, [mine.id, other.id, ended.id])).toEqual([
      expect.objectContaining({ runId: mine.id, claimToken: 1, cancelRequested: false }),
    ]);
    const row = await fixture.row(mine.id);
    expect((row["lease_expires_at"] as Date).getTime()).toBeGreaterThan(Date.now());
    expect(row["claim_token"]).toBe(1);
    for (const { id } of [unnamed, other]) expect((await fixture.row(id))["lease_expires_at"]).toEqual(past);
  });

  it("CN-2 a renewal tells of a cancel that was asked for", async () => {
    const { id, workerId } = await fixture.run("running");
    await requestCancelOfRunning(fixture.db.sql, [id], { reason: "why", kind: "budget", recover: false });
    expect(await renew(workerId, [id])).toEqual([
      { runId: id, claimToken: 1, cancelRequested: true, cancelReason: "why", cancelKind: "budget" },
    ]);
  });

  it("PL-5 a released lease is over at once, and only the worker's own can be released", async () => {
    const { id, workerId } = await fixture.run("running");
    await releaseLeases(fixture.db.sql, { workerId: randomUUID(), runIds: [id] });
    expect(await findOrphanedRun(fixture.db.sql, id)).toBeNull();
    await releaseLeases(fixture.db.sql, { workerId, runIds: [id] });
    expect(await findOrphanedRun(fixture.db.sql, id)).toMatchObject({ runId: id, claimToken: 1 });
  });

  it("PL-1 only running runs with an expired lease are orphans", async () => {
    const orphan = await fixture.run("running", { leaseExpiresAt: past });
    const living = await fixture.run("running");
    const ids = (await listOrphanedRuns(fixture.db.sql, { limit: 100, host: null })).map(({ runId }) => runId);
    expect(ids).toContain(orphan.id);
    expect(ids).not.toContain(living.id);
    expect(await listOrphanedRuns(fixture.db.sql, { limit: 100, host: { hostname: "x", bootId: "y" } })).toEqual([]);
  });
});

describe("taking a living child over", () => {
  const adopt = (runId: string, claimToken: number, workerId = randomUUID()) =>
    adoptRunIfOrphaned(fixture.db.sql, { runId, claimToken, workerId, leaseMs: 30_000, text: "alive" });

  it("PL-2 a new token and lease, the start token left, the warning's event written once", async () => {
    const { id } = await fixture.run("running", { leaseExpiresAt: past });
    expect(await adopt(id, 1)).toEqual({ claimToken: 2, warnedBefore: false });
    expect(await fixture.row(id)).toMatchObject({
      status: "running",
      claim_token: 2,
      start_token: 1,
      error_code: "process_detached",
      event_seq: 1,
    });
    await fixture.db.sql.query("UPDATE heartbeat_runs SET lease_expires_at = $2 WHERE id = $1", [id, past]);
    expect(await adopt(id, 2)).toEqual({ claimToken: 3, warnedBefore: true });
    expect(await fixture.row(id)).toMatchObject({ event_seq: 1 });
  });

  it("PL-1 exactly one of twenty takes it over", async () => {
    const { id } = await fixture.run("running", { leaseExpiresAt: past });
    const adopted = await Promise.all(twenty.map(() => adopt(id, 1)));
    expect(adopted.filter((one) => one !== null)).toHaveLength(1);
    expect(await fixture.row(id)).toMatchObject({ claim_token: 2, event_seq: 1 });
  });

  it.each<[string, "running" | "failed", Date, number]>([
    ["its lease runs", "running", new Date(Date.now() + 60_000), 1],
    ["another token is current", "running", past, 0],
  ])("PL-2 nobody takes it over while %s", async (_, status, leaseExpiresAt, token) => {
    const { id } = await fixture.run(status, { leaseExpiresAt });
    expect(await adopt(id, token)).toBeNull();
  });

  it("PL-2 nor once it has ended", async () => {
    const { id } = await fixture.run("failed", { claimToken: 1 });
    expect(await adopt(id, 1)).toBeNull();
  });
});
