/** Laws that hold whatever is asked in whatever order: a fleet in memory is driven by the decisions alone. */
import { type JsonObject, readHeartbeatPolicy } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planRelease } from "../run/release-issue.js";
import { deferredContextOf, enrichContext, issueIdOf, taskKeyOf } from "./context.js";
import { type ActiveRunFact, decideWakeup } from "./decide-wakeup.js";

interface Run extends ActiveRunFact {
  readonly issueId: string | null;
  readonly taskKey: string | null;
}
interface Deferred {
  readonly id: string;
  readonly agentId: string;
  readonly issueId: string;
  payload: JsonObject;
}

/** What the database would hold: active runs, locks, deferred requests. */
class Fleet {
  runs: Run[] = [];
  deferred: Deferred[] = [];
  readonly locks = new Map<string, string | null>();
  private count = 0;

  private add(agentId: string, context: JsonObject): Run {
    this.count += 1;
    const id = `run-${String(this.count).padStart(4, "0")}`;
    const run: Run = {
      id,
      agentId,
      status: "queued",
      context,
      createdAtMs: this.count,
      issueId: issueIdOf(context),
      taskKey: taskKeyOf(context),
    };
    this.runs.push(run);
    return run;
  }

  private change(runId: string, change: Partial<Run>): void {
    this.runs = this.runs.map((run) => (run.id === runId ? { ...run, ...change } : run));
  }

  wake(wake: { agentId: string; issueId: string | null; taskKey: string | null; commentId: string | null }): void {
    const { agentId } = wake;
    const { agentId: _agent, ...payload } = wake;
    const context = enrichContext({ context: {}, payload, reason: "r", source: "on_demand", triggerDetail: "manual" });
    const issueId = issueIdOf(context);
    const taskKey = taskKeyOf(context);
    const decision = decideWakeup({
      agent: { id: agentId, status: "idle", policy: readHeartbeatPolicy({}) },
      budget: null,
      source: "on_demand",
      isPersonWaiting: false,
      reason: "r",
      payload,
      context,
      issue:
        issueId === null
          ? null
          : {
              issueId,
              exists: true,
              lockRunId: this.locks.get(issueId) ?? null,
              activeRuns: this.runs.filter((run) => run.issueId === issueId),
              deferred: this.deferredOf(agentId, issueId),
              hold: null,
              unresolvedBlockers: [],
              isInteraction: false,
            },
      sameTaskRuns:
        issueId === null ? this.runs.filter((run) => run.agentId === agentId && run.taskKey === taskKey) : [],
    });
    if (issueId !== null && "lock" in decision) {
      if (decision.lock.kind === "clear") this.locks.set(issueId, null);
      if (decision.lock.kind === "adopt") this.locks.set(issueId, decision.lock.runId);
    }
    if (decision.kind === "queue") this.add(agentId, decision.context);
    else if (decision.kind === "coalesce") this.change(decision.runId, { context: decision.context });
    else if (decision.kind === "defer" && issueId !== null) {
      const waiting = this.deferred.find((one) => one.id === decision.requestId);
      if (waiting !== undefined) waiting.payload = decision.payload;
      else this.deferred.push({ id: `w${this.count}-${agentId}`, agentId, issueId, payload: decision.payload });
    }
  }

  private deferredOf(agentId: string, issueId: string) {
    const found = this.deferred.find((one) => one.agentId === agentId && one.issueId === issueId);
    return found === undefined ? null : { requestId: found.id, payload: found.payload };
  }

  start(index: number): void {
    const queued = this.runs.filter((run) => run.status === "queued");
    const run = queued[index % Math.max(1, queued.length)];
    if (run === undefined) return;
    this.change(run.id, { status: "running" });
    if (run.issueId !== null && (this.locks.get(run.issueId) ?? null) === null) this.locks.set(run.issueId, run.id);
  }

  end(index: number): void {
    const run = this.runs[index % Math.max(1, this.runs.length)];
    if (run === undefined) return;
    this.runs = this.runs.filter((one) => one.id !== run.id);
    const { issueId } = run;
    if (issueId === null) return;
    const release = planRelease({
      runId: run.id,
      issue: { id: issueId, status: "todo", assigneeAgentId: "ann", lockRunId: this.locks.get(issueId) ?? null },
      otherActiveRuns: this.runs.filter((one) => one.issueId === issueId),
      deferred: this.deferred
        .filter((one) => one.issueId === issueId)
        .map((one) => ({
          id: one.id,
          reason: null,
          payload: one.payload,
          requestedByActorType: "user",
          agent: { id: one.agentId, status: "idle" },
          isHeld: false,
        })),
    });
    if (release.kind === "hand_over") this.locks.set(issueId, release.toRunId);
    if (release.kind !== "release") return;
    this.locks.set(issueId, null);
    const promote = release.promote;
    if (promote === null) return;
    const promoted = this.add(promote.agentId, promote.context);
    this.deferred = this.deferred.filter((one) => one.id !== promote.requestId);
    if (promote.takesLock) this.locks.set(issueId, promoted.id);
  }
}

const anAgent = fc.constantFrom("ann", "bob");
const aName = fc.constantFrom("x", "y", null);
const aStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      agentId: anAgent,
      issueId: aName,
      taskKey: aName,
      commentId: fc.constantFrom("c", "d", null),
    }),
  },
  { weight: 1, arbitrary: fc.record({ start: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ end: fc.nat(5) }) },
);

function play(steps: unknown[], check: (fleet: Fleet) => void): void {
  const fleet = new Fleet();
  for (const step of steps as Record<string, never>[]) {
    if ("start" in step) fleet.start(step["start"]);
    else if ("end" in step) fleet.end(step["end"]);
    else fleet.wake(step as never);
    check(fleet);
  }
}

const doubles = (keys: string[]): string[] => keys.filter((key, index) => keys.indexOf(key) !== index);

describe("whatever is asked, in whatever order", () => {
  it("WK-30, WK-32 no two runs without an issue wait for one task key of an agent", () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 60 }), (steps) =>
        play(steps, (fleet) => {
          const waiting = fleet.runs.filter((run) => run.status === "queued" && run.issueId === null);
          expect(doubles(waiting.map((run) => `${run.agentId}|${run.taskKey}`))).toEqual([]);
        }),
      ),
    );
  });

  it("WK-26, WK-28 an issue has one active run, and an agent one deferred request for it", () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 60 }), (steps) =>
        play(steps, (fleet) => {
          expect(doubles(fleet.runs.flatMap((run) => run.issueId ?? []))).toEqual([]);
          expect(doubles(fleet.deferred.map((one) => `${one.agentId}|${one.issueId}`))).toEqual([]);
        }),
      ),
    );
  });

  it("FI-8 nothing waits behind an issue that nobody works on, and a lock names an active run", () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 60 }), (steps) =>
        play(steps, (fleet) => {
          for (const one of fleet.deferred) {
            expect(fleet.runs.some((run) => run.issueId === one.issueId)).toBe(true);
          }
          const active = new Set(fleet.runs.map((run) => run.id));
          for (const holder of fleet.locks.values()) expect(holder === null || active.has(holder)).toBe(true);
        }),
      ),
    );
  });

  it("WK-27 no comment is lost while it waits", () => {
    const comment = fc.constantFrom("a", "b", "c", "d", "e");
    fc.assert(
      fc.property(fc.array(comment, { minLength: 1, maxLength: 12 }), (comments) => {
        const fleet = new Fleet();
        fleet.wake({ agentId: "ann", issueId: "x", taskKey: null, commentId: null });
        fleet.start(0);
        for (const commentId of comments) fleet.wake({ agentId: "ann", issueId: "x", taskKey: null, commentId });
        expect(fleet.deferred).toHaveLength(1);
        const kept = deferredContextOf(fleet.deferred[0]?.payload ?? null);
        expect(kept["wakeCommentIds"]).toEqual([...new Set(comments)]);
      }),
    );
  });
});
