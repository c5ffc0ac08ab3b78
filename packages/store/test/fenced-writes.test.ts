/** CL-17: what a worker writes while its run goes on names its claim, and does nothing once the claim is not current. */
import { randomUUID } from "node:crypto";
import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { endRunIf } from "../src/runs/end-run.js";
import type { RunFence } from "../src/runs/fence.js";
import { appendRunEvents, appendRunEventsIfHeld, type NewRunEvent } from "../src/runs/run-events.js";
import { storeOutputProgress, storeSpawnIfHeld, storeStartIfHeld } from "../src/runs/running-run.js";
import { recordWakeups } from "../src/wakeups/record-wakeups.js";
import { ending, useFixture } from "./support.js";

const fixture = useFixture();
const note = (message: string): NewRunEvent => ({
  eventType: "note",
  stream: "system",
  level: "info",
  message,
  payload: null,
});
const child = { pid: 4_321, processGroupId: 4_321, startedAt: new Date() };

async function heldRun(): Promise<RunFence> {
  const { id, workerId } = await fixture.run("running");
  return { runId: id, workerId, claimToken: 1 };
}

const eventsOf = (runId: string) =>
  fixture.db.sql.query<{ seq: number; message: string }>(
    "SELECT seq, message FROM heartbeat_run_events WHERE run_id = $1 ORDER BY seq",
    [runId],
  );

const start = (contextKeys: JsonObject) => ({
  removedKeys: ["gone"],
  contextKeys,
  sessionIdBefore: "s-1",
  lease: null,
});

describe("a stale worker", () => {
  const stale: [string, (fence: RunFence) => RunFence | Promise<RunFence>][] = [
    ["another worker", (fence) => ({ ...fence, workerId: randomUUID() })],
    ["an older token", (fence) => ({ ...fence, claimToken: 0 })],
    [
      "a run that has ended",
      async (fence) => {
        await endRunIf(
          fixture.db.sql,
          ending({ runId: fence.runId, guard: { kind: "held", ...fence, cancelSeen: false }, events: [] }),
        );
        return fence;
      },
    ],
  ];

  it.each(stale)("CL-17 %s: events, spawn, context and progress write nothing", async (_, spoil) => {
    const fence = await spoil(await heldRun());
    const before = await fixture.row(fence.runId);
    expect(await appendRunEventsIfHeld(fixture.db.sql, fence, [note("late")])).toEqual([]);
    expect(await storeSpawnIfHeld(fixture.db.sql, fence, child)).toBe(false);
    expect(await storeStartIfHeld(fixture.db.sql, fence, start({ late: true }))).toBeNull();
    const { runId, workerId, claimToken } = fence;
    const progress = { runId, claimToken, lastOutputAt: new Date(), seq: 9, stream: "stdout", bytes: 9 };
    await storeOutputProgress(fixture.db.sql, workerId, [progress]);
    expect(await fixture.row(runId)).toEqual(before);
    expect(await eventsOf(runId)).toEqual([]);
  });
});

describe("the holder", () => {
  it("EX-11 stores its child, EX-8 only the context keys it built, LG-5 its progress", async () => {
    const fence = await heldRun();
    await fixture.db.sql.query(
      'UPDATE heartbeat_runs SET context_snapshot = \'{"kept": 1, "mine": 0}\' WHERE id = $1',
      [fence.runId],
    );
    expect(await storeSpawnIfHeld(fixture.db.sql, fence, child)).toBe(true);
    expect(await storeStartIfHeld(fixture.db.sql, fence, start({ mine: 1 }))).toEqual([]);
    const { runId, workerId, claimToken } = fence;
    const progress = { runId, claimToken, lastOutputAt: new Date(), seq: 9, stream: "stderr", bytes: 3_000_000_000 };
    await storeOutputProgress(fixture.db.sql, workerId, [progress]);
    expect(await fixture.row(runId)).toMatchObject({
      process_pid: child.pid,
      process_group_id: child.processGroupId,
      context_snapshot: { kept: 1, mine: 1 },
      last_output_seq: 9,
      last_output_stream: "stderr",
    });
  });
});

describe("a wake that joins", () => {
  const join = (id: string, contextSnapshot: JsonObject) =>
    recordWakeups(fixture.db.sql, {
      requests: [],
      runs: [],
      mergedRuns: [{ id, contextSnapshot, issueId: null, taskKey: null, lockIssueId: null }],
      mergedRequests: [],
      locks: [],
      activity: [],
    });

  it("EX-8, WK-26 a running run brings its keys, and leaves what the worker built since it was read", async () => {
    const { runId } = await heldRun();
    const built = { wakefleetWake: { reason: "built" }, wakefleetHarnessCheckedOut: true, projectId: "p" };
    await fixture.db.sql.query("UPDATE heartbeat_runs SET context_snapshot = $2 WHERE id = $1", [
      runId,
      { a: 1, ...built },
    ]);
    await join(runId, { a: 2, wakefleetWake: { reason: "stale" }, executionWorkspaceId: "stale" });
    expect(await fixture.row(runId)).toMatchObject({ context_snapshot: { a: 2, ...built } });
    expect((await fixture.row(runId))["context_snapshot"]).not.toHaveProperty("executionWorkspaceId");
  });

  it("WK-5, WK-30 a waiting run has the merged context and nothing else", async () => {
    const { id } = await fixture.run();
    await fixture.db.sql.query("UPDATE heartbeat_runs SET context_snapshot = $2 WHERE id = $1", [id, { gone: 1 }]);
    await join(id, { a: 2 });
    expect((await fixture.row(id))["context_snapshot"]).toEqual({ a: 2 });
  });
});

describe("event numbers", () => {
  it("DM-41, DM-94 are 1..n without gaps or doubles under many writers at once, the end among them", async () => {
    const fence = await heldRun();
    const batches = Array.from({ length: 40 }, (_, index) => [note(`${index} a`), note(`${index} b`)]);
    const writes = batches.map((batch, index) =>
      index === 20
        ? endRunIf(fixture.db.sql, ending({ runId: fence.runId, guard: { kind: "held", ...fence, cancelSeen: false } }))
        : index % 2 === 0
          ? appendRunEventsIfHeld(fixture.db.sql, fence, batch)
          : appendRunEvents(fixture.db.sql, fence.runId, batch),
    );
    await Promise.all(writes);
    const seqs = (await eventsOf(fence.runId)).map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => index + 1));
    expect(await fixture.row(fence.runId)).toMatchObject({ event_seq: seqs.length });
  });

  it("DM-41 a batch keeps its order, and no batch of another writer comes between", async () => {
    const fence = await heldRun();
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        appendRunEventsIfHeld(fixture.db.sql, fence, [note(`${index} 0`), note(`${index} 1`), note(`${index} 2`)]),
      ),
    );
    const messages = (await eventsOf(fence.runId)).map(({ message }) => message);
    for (let at = 0; at < messages.length; at += 3) {
      const writer = messages[at]?.split(" ")[0];
      expect(messages.slice(at, at + 3)).toEqual([`${writer} 0`, `${writer} 1`, `${writer} 2`]);
    }
  });
});
