import type { MeasuredTree, TreeFigures } from "@wakefleet/adapters";
import { aCompany, anAgent, aRun } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { createTreeWatch, excessOf, type TreeLimits } from "../src/runs/tree-watch.js";
import { silentLog, type TestWorker, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const NO_LIMITS: TreeLimits = { processes: null, memoryBytes: null };
const MEMBER = { pid: 7, startedAt: new Date(0), startTicks: "1" };
const figures = (one: Partial<TreeFigures> = {}): TreeFigures => ({
  processes: 1,
  memoryBytes: 1_000,
  cpuMs: 10,
  openFiles: 3,
  ...one,
});

/** A run whose child is known, and a watch that is told `shown` of it. */
async function watched(worker: TestWorker, shown: () => TreeFigures, limits: TreeLimits) {
  const agentId = await anAgent(world.db.sql, { companyId });
  const id = await aRun(world.db.sql, { companyId, agentId });
  const { fence } = await worker.mustClaim({ id, agentId });
  const held = worker.deps.held.add({ fence, agentId, nowMs: performance.now(), firstPid: 1 });
  const meter = { measure: async () => new Map([[id, { figures: shown(), members: [MEMBER] }]]) };
  const look = createTreeWatch({ db: world.db, held: worker.deps.held, meter, limits, log: silentLog });
  return { id, held, look };
}

describe("the process trees of held runs", () => {
  it("BY-10 the run keeps what they use and used at most, also in other hands", async () => {
    let now = figures({ processes: 5, memoryBytes: 9_000 });
    const { id, held, look } = await watched(await world.worker(), () => now, NO_LIMITS);
    await look();
    expect((await world.run(id)).processTree).toEqual({ live: now, peak: now });
    expect(held.treeMembers).toEqual([MEMBER]);
    now = figures({ cpuMs: 20 });
    await look();
    expect(held.tree).toEqual({ live: now, peak: { processes: 5, memoryBytes: 9_000, cpuMs: 20, openFiles: 3 } });
    const { processTree: tree } = await world.run(id);
    const { fence, agentId } = held;
    const heir = (await world.worker()).deps.held.add({ fence, agentId, nowMs: performance.now(), tree });
    expect(heir.tree?.peak.processes).toBe(5);
  });

  it("BY-10 a run over its limit is stopped, and its last figures are kept", async () => {
    let now = figures();
    const { id, held, look } = await watched(await world.worker(), () => now, { processes: 3, memoryBytes: null });
    await look();
    expect(held.abort.signal.aborted).toBe(false);
    now = figures({ processes: 4 });
    await look();
    expect(held.abort.signal.reason).toMatchObject({ kind: "over_limit" });
    expect((await world.run(id)).processTree?.live.processes).toBe(4);
  });

  it("BY-10 a run that ended or that nobody saw is left alone", async () => {
    const worker = await world.worker();
    const { id, held } = await watched(worker, figures, NO_LIMITS);
    const meter = { measure: async () => new Map<string, MeasuredTree>() };
    await createTreeWatch({ db: world.db, held: worker.deps.held, meter, limits: NO_LIMITS, log: silentLog })();
    expect(held.tree).toBeNull();
    expect((await world.run(id)).processTree).toBeNull();
  });

  it.each<[Partial<TreeLimits>, string | null]>([
    [{}, null],
    [{ processes: 1 }, null],
    [{ processes: 0 }, "1 processes, and RUN_MAX_PROCESSES allows 0."],
    [{ memoryBytes: 3 * 1024 * 1024 }, null],
    [{ memoryBytes: 2 * 1024 * 1024 }, "3 MiB of memory, and RUN_MAX_MEMORY_MB allows 2."],
  ])("BY-10 limits %j: %s", (limits, excess) => {
    expect(excessOf(figures({ memoryBytes: 3 * 1024 * 1024 }), { ...NO_LIMITS, ...limits })).toBe(excess);
  });
});
