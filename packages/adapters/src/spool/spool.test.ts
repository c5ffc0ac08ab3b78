/** Children that change hands (BY-9): one worker starts them, another reads from the beginning and goes on. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ChildLost } from "../child/child-host.js";
import { pipeHost } from "../child/pipe-host.js";
import { inspectProcess, isProcessAlive } from "../child/process-group.js";
import { deadlineAfter, hostMoment, isOver, StartRefused } from "../child/start-deadline.js";
import { type ChildOutcome, type SuperviseChildOptions, superviseChild } from "../child/supervise-child.js";
import { eventually } from "../conformance/recorded-run.js";
import { createTestSpool, newSpooledRun, type TestSpool } from "../conformance/test-spool.js";
import { RunAborted, type SpawnInfo } from "../contract.js";
import type { RunSpool } from "./spool.js";

let test: TestSpool;
beforeEach(() => {
  test = createTestSpool();
});
afterEach(() => test.remove());

interface Watching {
  readonly outcome: Promise<ChildOutcome>;
  readonly control: AbortController;
  readonly spawns: SpawnInfo[];
  output(): string;
}

function watch(run: RunSpool, script: string, overrides: Partial<SuperviseChildOptions> = {}): Watching {
  const control = new AbortController();
  const spawns: SpawnInfo[] = [];
  let output = "";
  const outcome = superviseChild({
    host: run.host,
    command: "sh",
    executable: "/bin/sh",
    args: ["-c", script],
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "", DIR: test.dir },
    timeoutSec: 0,
    graceSec: 1,
    signal: control.signal,
    async onLog(_stream, chunk) {
      output += chunk;
    },
    async onSpawn(spawned) {
      spawns.push(spawned);
    },
    ...overrides,
  });
  outcome.catch(() => undefined);
  return { outcome, control, spawns, output: () => output };
}

const LET_GO = new RunAborted("handed_over", "The worker is stopping");

/** Waits for the release, then says so and ends with 3. */
const UNTIL_RELEASED = 'while [ ! -e "$DIR/go" ]; do sleep 0.02; done; echo after; echo aside >&2; exit 3';
const writeGo = (): void => writeFileSync(path.join(test.dir, "go"), "");
const never = (): never => {
  throw new Error("it was never started");
};

function childFile(runId: string): { pid: number; keeperPid: number; keeperStartedAt: string; startedAt: string } {
  return JSON.parse(readFileSync(path.join(test.dir, runId, "1", "child.json"), "utf8"));
}

describe("BY-9 a child that changes hands", () => {
  it("BY-9 is let go alive, and the next worker reads all of it and its exit, without starting it again", async () => {
    const run = newSpooledRun();
    const first = watch(test.spool.ofRun(run), `echo before; cat; ${UNTIL_RELEASED}`, { stdin: "the prompt\n" });
    await eventually("its first words", () => first.output() === "before\nthe prompt\n");
    first.control.abort(LET_GO);
    await expect(first.outcome).rejects.toBe(LET_GO);
    expect(await inspectProcess(first.spawns[0] ?? never())).toBe("alive");
    expect(test.spool.look(run.runId)).toEqual({ kind: "kept" });

    const heir = test.reopen().ofRun({ ...run, claimToken: 2, resume: true });
    expect(heir.isReplaying()).toBe(true);
    const second = watch(heir, "echo never started");
    await eventually("its first words again", () => second.output() === "before\nthe prompt\n");
    writeGo();
    expect(await second.outcome).toMatchObject({ pid: first.spawns[0]?.pid, exitCode: 3, signal: null, stop: null });
    expect(second.output()).toContain("before\nthe prompt\nafter\n");
    expect(second.output()).toContain("aside\n");
    expect(second.spawns).toEqual([]);
    expect(test.spool.look(run.runId)).toEqual({ kind: "ended", unasked: false });
    expect(heir.isReplaying()).toBe(false);
    await test.spool.remove(run.runId);
    expect(test.spool.runIds()).toEqual([]);
    expect(test.spool.look(run.runId)).toEqual({ kind: "none" });
  });

  it("BY-9 tells where each chunk comes from, alike for every reader", async () => {
    const run = newSpooledRun();
    const positionsOf = async (spool: RunSpool): Promise<string[]> => {
      const positions: string[] = [];
      const watching = watch(spool, "for i in 1 2 3 4 5; do echo $i; echo $i >&2; sleep 0.05; done", {
        async onLog(stream, chunk) {
          positions.push(`${spool.position().child}:${spool.position().offset} ${stream} ${chunk}`);
        },
      });
      await watching.outcome;
      return positions;
    };
    const first = await positionsOf(test.spool.ofRun(run));
    expect(first.length).toBeGreaterThan(2);
    expect(new Set(first).size).toBe(first.length);
    expect(await positionsOf(test.spool.ofRun({ ...run, claimToken: 2, resume: true }))).toEqual(first);
  });

  it("BY-9 is killed for its time by one worker and read as timed out by the next", async () => {
    const run = newSpooledRun();
    const first = watch(test.spool.ofRun(run), "echo x; exec sleep 600", { timeoutSec: 1 });
    expect(await first.outcome).toMatchObject({ timedOut: true });
    expect(test.spool.look(run.runId)).toEqual({ kind: "ended", unasked: false });
    const second = watch(test.spool.ofRun({ ...run, claimToken: 2, resume: true }), "true", { timeoutSec: 1 });
    expect(await second.outcome).toMatchObject({ timedOut: true, signal: "SIGTERM" });
  });

  it("PL-3, BY-9 a SIGKILL that nobody of ours sent is told apart", async () => {
    const run = newSpooledRun();
    const watching = watch(test.spool.ofRun(run), "echo $$; exec sleep 600");
    await eventually("its pid", () => watching.output() !== "");
    process.kill(Number(watching.output()), "SIGKILL");
    expect(await watching.outcome).toMatchObject({ exitCode: null, signal: "SIGKILL" });
    expect(test.spool.look(run.runId)).toEqual({ kind: "ended", unasked: true });
  });

  it("BY-9, PL-4 its keeper killed: the child is lost, and nothing of it goes on", async () => {
    const run = newSpooledRun();
    const watching = watch(test.spool.ofRun(run), "echo $$; exec sleep 600");
    await eventually("its pid", () => watching.output() !== "");
    process.kill(childFile(run.runId).keeperPid, "SIGKILL");
    await expect(watching.outcome).rejects.toBeInstanceOf(ChildLost);
    expect(await inspectProcess(watching.spawns[0] ?? never())).toBe("dead");
    expect(test.spool.look(run.runId)).toEqual({ kind: "none" });
  });

  it("BY-9 the keeper ends when its worker is gone and its last child has ended", async () => {
    const run = newSpooledRun();
    const watching = watch(test.spool.ofRun(run), UNTIL_RELEASED);
    await eventually("its start", () => watching.spawns.length > 0);
    const { keeperPid, keeperStartedAt } = childFile(run.runId);
    const keeper = { pid: keeperPid, startedAt: new Date(keeperStartedAt) };
    test.spool.close();
    watching.control.abort(LET_GO);
    await expect(watching.outcome).rejects.toBe(LET_GO);
    expect(isProcessAlive(keeper)).toBe(true);
    writeGo();
    await eventually("the keeper to be gone", () => !isProcessAlive(keeper));
    expect(test.reopen().look(run.runId)).toEqual({ kind: "ended", unasked: false });
  });

  it("LG-8, BY-9 a child that prints without end is held, and what it printed is kept within bounds", async () => {
    const run = newSpooledRun();
    let taken = 0;
    let hold = true;
    const watching = watch(test.spool.ofRun(run), "yes 0123456789abcde | head -c 200000000; exit 4", {
      async onLog(_stream, chunk) {
        taken += chunk.length;
        while (hold) await new Promise((resolve) => setTimeout(resolve, 20));
      },
    });
    const folder = path.join(test.dir, run.runId, "1");
    const segments = (): number => readdirSync(folder).filter((name) => name.startsWith("out.")).length;
    // 16 MiB ahead in segments of 4 MiB; nobody takes more.
    await eventually("it to be held", () => taken > 0 && segments() >= 4);
    const held = segments();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(segments()).toBeLessThanOrEqual(Math.max(held, 5));
    hold = false;
    expect(await watching.outcome).toMatchObject({ exitCode: 4 });
    expect(taken).toBe(200_000_000);
    expect(segments()).toBeLessThan(30);

    // Whoever reads it again gets its beginning and its end.
    let again = 0;
    const second = watch(test.spool.ofRun({ ...run, claimToken: 2, resume: true }), "true", {
      async onLog(_stream, chunk) {
        again += chunk.length;
      },
    });
    expect((await second.outcome).stdout.text().endsWith("0123456789abcde\n")).toBe(true);
    expect(again).toBeGreaterThan(60 * 1024 * 1024);
  });
});

describe("RL-4 a child that may no longer be started", () => {
  it("RL-4 a keeper that stood still until its claim was over does not start it, and says so", async () => {
    const run = newSpooledRun();
    const warm = await watch(test.spool.ofRun(run), "true").outcome;
    expect(warm.exitCode).toBe(0);
    const { keeperPid } = childFile(run.runId);
    process.kill(keeperPid, "SIGSTOP");
    try {
      const startBefore = deadlineAfter(hostMoment(), 200);
      const late = watch(test.spool.ofRun(newSpooledRun()), 'touch "$DIR/witness"', { startBefore });
      await eventually("the deadline to be over", () => isOver(startBefore));
      process.kill(keeperPid, "SIGCONT");
      await expect(late.outcome).rejects.toBeInstanceOf(StartRefused);
      expect(late.spawns).toEqual([]);
    } finally {
      process.kill(keeperPid, "SIGCONT");
    }
    const inTime = { startBefore: deadlineAfter(hostMoment(), 60_000) };
    await watch(test.spool.ofRun(newSpooledRun()), 'touch "$DIR/other"', inTime).outcome;
    expect(readdirSync(test.dir)).toContain("other");
    expect(readdirSync(test.dir)).not.toContain("witness");
  });

  it("RL-4 nor does a worker that starts its children itself", async () => {
    const watching = watch(test.spool.ofRun(newSpooledRun()), 'touch "$DIR/witness"', {
      host: pipeHost,
      startBefore: hostMoment(),
    });
    await expect(watching.outcome).rejects.toBeInstanceOf(StartRefused);
    expect(readdirSync(test.dir)).not.toContain("witness");
  });

  it.each([
    ["neither", { monotonicMs: 1, wallMs: 1 }, false],
    ["the monotonic clock alone, since the wall clock was set back", { monotonicMs: 0, wallMs: 1 }, true],
    ["the wall clock alone, since the host was suspended", { monotonicMs: 1, wallMs: 0 }, true],
  ])("RL-4 the deadline is over by %s", (_by, left, over) => {
    const now = hostMoment();
    const deadline = { monotonicMs: now.monotonicMs + left.monotonicMs, wallMs: now.wallMs + left.wallMs };
    expect(isOver(deadline, now)).toBe(over);
  });
});
