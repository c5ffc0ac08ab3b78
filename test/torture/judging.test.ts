/** The torture's own judgement, tried on evidence of broken promises: a judge that finds nothing proves nothing. */
import { describe, expect, it } from "vitest";
import { judge } from "./checker.js";
import type { Evidence, RequestFact, RunFact } from "./evidence.js";
import { LimitHistory } from "./limits.js";
import { replayOf } from "./report.js";
import { FAULT_KINDS, LANES, planFaults } from "./schedule.js";
import type { StartLine, WitnessLine } from "./witness.js";

const AT = 1_000_000;

function aRun(over: Partial<RunFact> = {}): RunFact {
  return {
    id: "run",
    agentId: "agent",
    status: "succeeded",
    startedAt: new Date(AT),
    finishedAt: new Date(AT + 100),
    finalizedAt: new Date(AT + 100),
    processPid: 7,
    startToken: 1,
    claimToken: 1,
    retryOfRunId: null,
    retryReason: null,
    errorCode: null,
    wakeupRequestId: "request",
    ...over,
  };
}

function aRequest(over: Partial<RequestFact> = {}): RequestFact {
  return {
    id: "request",
    agentId: "agent",
    status: "completed",
    reason: null,
    runId: "run",
    idempotencyKey: "key",
    ...over,
  };
}

function start(over: Partial<StartLine> = {}): StartLine {
  return {
    kind: "start",
    agentId: "agent",
    runId: "run",
    pid: 7,
    claimToken: 1,
    issueId: null,
    besideOfAgent: [],
    besideOnIssue: [],
    startedAtMs: AT + 5,
    ...over,
  };
}

const END: WitnessLine = { kind: "end", agentId: "agent", runId: "run", pid: 7, exitCode: 0 };
const LIMIT: WitnessLine = { kind: "limit-set", agentId: "agent", limit: 1, atMs: 0 };

/** One wake that was accepted, executed once and ended well. */
function evidence(
  over: Partial<Omit<Evidence, "runs" | "requests">> & { runs?: RunFact[]; requests?: RequestFact[] } = {},
): Evidence {
  const { runs = [aRun()], requests = [aRequest()], ...rest } = over;
  return {
    runs: new Map(runs.map((run) => [run.id, run])),
    requests: new Map(requests.map((request) => [request.id, request])),
    lines: [LIMIT, start(), END],
    accepted: [{ key: "key", agentId: "agent", wakeupId: "request", outcome: "queued", atMs: AT }],
    refusedKeys: [],
    counts: { posts: 1, refused: 0, repeated: 0, probes: 0 },
    wrongFailures: [],
    unavailable: [],
    unanswered: [],
    wrongProbes: [],
    faults: [],
    invariants: { looks: 1, broken: [] },
    leftovers: [],
    leaks: [],
    crashes: [],
    ...rest,
  };
}

function brokenIn(given: Evidence): string[] {
  return judge(given)
    .filter(({ violations }) => violations.length > 0)
    .map(({ promise }) => promise);
}

describe("the judge", () => {
  it("finds nothing where everything went well", () => {
    expect(brokenIn(evidence())).toEqual([]);
  });

  it.each<[string, string[], Evidence]>([
    ["an accepted wake without a request", ["RL-1"], evidence({ requests: [] })],
    ["a request that never ended", ["RL-1"], evidence({ requests: [aRequest({ status: "queued" })] })],
    ["a request that says otherwise than its run", ["RL-1"], evidence({ requests: [aRequest({ status: "failed" })] })],
    ["one key in two requests", ["RL-1"], evidence({ requests: [aRequest(), aRequest({ id: "other" })] })],
    ["a wake that joined no run", ["RL-1"], evidence({ requests: [aRequest({ status: "coalesced", runId: null })] })],
    ["two at once where one was allowed", ["RL-2"], evidence({ lines: [LIMIT, start({ besideOfAgent: ["x"] }), END] })],
    [
      "an invariant broken while it went on",
      ["RL-2"],
      evidence({ invariants: { looks: 1, broken: [{ rule: "DM-91", what: "a lock", atMs: AT }] } }),
    ],
    [
      "two executions on one issue",
      ["RL-3"],
      evidence({ lines: [LIMIT, start({ issueId: "issue", besideOnIssue: ["x"] }), END] }),
    ],
    ["a run executed twice", ["RL-4"], evidence({ lines: [LIMIT, start(), start(), END] })],
    ["a process the claim does not know of", ["RL-4"], evidence({ lines: [LIMIT, start({ pid: 8 }), END] })],
    [
      "a process started when its run had ended",
      ["RL-4"],
      evidence({ lines: [LIMIT, start({ startedAtMs: AT + 900 }), END] }),
    ],
    ["a run that succeeded without an execution", ["RL-4"], evidence({ lines: [LIMIT] })],
    ["a run that was executed and never claimed", ["RL-4"], evidence({ runs: [aRun({ startedAt: null })] })],
    [
      "a lost run that was retried twice",
      ["RL-4"],
      evidence({
        runs: [
          aRun(),
          ...["a", "b"].map((id) =>
            aRun({ id, status: "cancelled", retryOfRunId: "run", retryReason: "process_lost" }),
          ),
        ],
      }),
    ],
    ["a 5xx that was not for a store", ["RL-5"], evidence({ wrongFailures: [{ atMs: AT, what: "500" }] })],
    ["a 503 while PostgreSQL was there", ["RL-6"], evidence({ unavailable: [{ atMs: AT, what: "503" }] })],
    ["a process that ended by itself", ["RL-7"], evidence({ crashes: ["worker 1"] })],
    ["a secret in a log", ["RL-9"], evidence({ leaks: ["api.log"] })],
    ["a refused post that left a request", ["RL-10"], evidence({ refusedKeys: ["key"] })],
    ["something left behind", ["settled"], evidence({ leftovers: ["a job"] })],
  ])("finds %s", (_what, promises, given) => {
    expect(brokenIn(given)).toEqual(promises);
  });

  it("takes a 503 for right while PostgreSQL is away, and a moment after", () => {
    const faults = [{ kind: "postgres-crash" as const, fromMs: AT, toMs: AT + 1_000, detail: "" }];
    const unavailable = [{ atMs: AT + 5_000, what: "503" }];
    expect(brokenIn(evidence({ faults, unavailable }))).toEqual([]);
  });

  it("takes an unrecorded process for right only in a run that was lost", () => {
    const lost = aRun({ status: "failed", errorCode: "process_lost", processPid: null });
    expect(brokenIn(evidence({ runs: [lost], requests: [aRequest({ status: "failed" })] }))).toEqual([]);
    expect(brokenIn(evidence({ runs: [aRun({ processPid: null })] }))).toEqual(["RL-4"]);
  });

  it("names a command with the seed and the faults that were under way", () => {
    const fault = (kind: (typeof FAULT_KINDS)[number], fromMs: number) => ({ kind, fromMs, toMs: fromMs, detail: "" });
    const faults = [fault("redis-flush", AT - 60_000), fault("kill-worker", AT - 1_000), fault("kill-api", AT + 1_000)];
    const verdicts = judge(evidence({ lines: [LIMIT, start({ besideOfAgent: ["x"] }), END] }));
    const plan = { seed: 7, minutes: 3, kinds: FAULT_KINDS };
    const result = { plan, verdicts, faults, executions: 1, diskWasFilled: true, tookMs: 0, kept: null };
    expect(replayOf(result)).toBe("npm run torture -- --seed 7 --minutes 3 --faults kill-worker");
  });
});

describe("limits that change", () => {
  const lines: WitnessLine[] = [
    { kind: "limit-set", agentId: "a", limit: 3, atMs: 0 },
    { kind: "limit-asked", agentId: "a", limit: 1, atMs: 1_000 },
    { kind: "limit-set", agentId: "a", limit: 1, atMs: 2_000 },
  ];
  it.each([
    ["claimed before the change", 500, 3, 3],
    ["claimed while it was asked for", 1_500, 3, 3],
    ["claimed after it held", 3_000, 3, 1],
  ])("a run %s", (_when, claimedAtMs, startLine, allowed) => {
    expect(new LimitHistory(lines).mostAllowed("a", { claimedAtMs, startLine })).toBe(allowed);
  });

  it("a limit that was asked for and never confirmed may hold", () => {
    const raised: WitnessLine[] = [
      { kind: "limit-set", agentId: "a", limit: 1, atMs: 0 },
      { kind: "limit-asked", agentId: "a", limit: 4, atMs: 1_000 },
    ];
    expect(new LimitHistory(raised).mostAllowed("a", { claimedAtMs: 5_000, startLine: 2 })).toBe(4);
    expect(new LimitHistory(raised).mostAllowed("a", { claimedAtMs: 5_000, startLine: 1 })).toBe(1);
  });
});

describe("the plan of faults", () => {
  const plan = { seed: 5, minutes: 5, kinds: FAULT_KINDS };
  it("is the same for the same seed, another for another", () => {
    expect(planFaults(plan)).toEqual(planFaults(plan));
    expect(planFaults({ ...plan, seed: 6 })).not.toEqual(planFaults(plan));
  });

  it("has every kind of fault, and leaves the others where they were when some are left out", () => {
    const all = LANES.flatMap((lane) => planFaults(plan)[lane]);
    expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS));
    const some = LANES.flatMap((lane) => planFaults({ ...plan, kinds: ["kill-worker"] })[lane]);
    expect(some).toEqual(all.filter(({ kind }) => kind === "kill-worker"));
  });
});
