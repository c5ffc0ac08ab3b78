/** BY-1: every decision has a receipt, and every receipt has words that rest on nothing but its facts. */
import type { JsonObject } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ActiveRunFact, IssueWakeFacts, WakeupFacts } from "../wakeup/decide-wakeup.js";
import { decideWakeup } from "../wakeup/decide-wakeup.js";
import { explain } from "./explain.js";
import { claimReceipt, endReceipt, wakeupReceipt } from "./receipts.js";

const run = (id: string, agentId: string, status: ActiveRunFact["status"]): ActiveRunFact => ({
  id,
  agentId,
  status,
  context: {},
  createdAtMs: 1,
});
const policy = { enabled: false, intervalSec: 0, wakeOnDemand: true, maxConcurrentRuns: 5 };
const free: IssueWakeFacts = {
  issueId: "i1",
  exists: true,
  lockRunId: null,
  activeRuns: [],
  deferred: null,
  hold: null,
  unresolvedBlockers: [],
  isInteraction: false,
};
const plain: WakeupFacts = {
  agent: { id: "a1", status: "idle", policy },
  budget: null,
  source: "on_demand",
  isPersonWaiting: false,
  reason: null,
  payload: null,
  context: {},
  issue: null,
  sameTaskRuns: [],
};
const hold = { holdId: "h1", rootIssueId: "i0", mode: "pause", reason: "audit", releasePolicy: null };
const busy = { ...free, lockRunId: "r1", activeRuns: [run("r1", "a2", "running")] };

function receiptOf(facts: Partial<WakeupFacts>) {
  const wake = { ...plain, ...facts };
  const decision = decideWakeup(wake);
  if (decision.kind === "reject") throw new Error("a rejected wake leaves no row");
  return wakeupReceipt(decision, { ...wake, taskKey: "t1" });
}

const DECISIONS: readonly (readonly [string, Partial<WakeupFacts>, string, JsonObject, RegExp])[] = [
  [
    "WK-12",
    { budget: { rule: "BU-15.6", scopeType: "agent", scopeId: "a1", reason: "Over." } },
    "refused",
    { budgetRule: "BU-15.6", scopeType: "agent", scopeId: "a1", reason: "Over." },
    /blocks the agent: Over\./,
  ],
  ["WK-14", { source: "timer" }, "skipped", { source: "timer" }, /Timers are off/],
  [
    "WK-15",
    { agent: { id: "a1", status: "idle", policy: { ...policy, wakeOnDemand: false } } },
    "skipped",
    { source: "on_demand" },
    /takes no wakes but timers/,
  ],
  ["WK-16", { issue: { ...free, hold } }, "skipped", { issueId: "i1", hold }, /Hold h1 pauses the tree of issue i0/],
  ["WK-20", { issue: { ...free, exists: false } }, "skipped", { issueId: "i1" }, /no issue i1/],
  [
    "WK-24",
    { issue: { ...free, unresolvedBlockers: [{ id: "b1" }, { id: "b2" }] } },
    "skipped",
    { issueId: "i1", unresolvedBlockerIssueIds: ["b1", "b2"] },
    /2 issues still block issue i1: b1, b2/,
  ],
  [
    "WK-26",
    { issue: { ...free, lockRunId: "r1", activeRuns: [run("r1", "a1", "queued")] } },
    "coalesced",
    { issueId: "i1", runId: "r1", status: "queued" },
    /already has run r1 for issue i1 \(queued\)/,
  ],
  [
    "WK-27",
    { issue: { ...busy, deferred: { requestId: "q1", payload: null } } },
    "deferred",
    { issueId: "i1", behind: { runId: "r1", agentId: "a2", status: "running" }, joinedRequestId: "q1" },
    /held by run r1 of agent a2, which is running; the wake joined request q1/,
  ],
  [
    "WK-28",
    { issue: busy },
    "deferred",
    { issueId: "i1", behind: { runId: "r1", agentId: "a2", status: "running" } },
    /waits for its end/,
  ],
  ["WK-29", { issue: free }, "queued", { issueId: "i1", source: "on_demand" }, /Nothing else works on issue i1/],
  [
    "WK-30",
    { sameTaskRuns: [run("r1", "a1", "scheduled_retry")] },
    "coalesced",
    { taskKey: "t1", runId: "r1", status: "scheduled_retry" },
    /already has run r1 for task t1/,
  ],
  ["WK-31", {}, "queued", { taskKey: "t1" }, /no run to join for task t1/],
];

describe("receipts of wakes", () => {
  it.each(DECISIONS)("BY-1 %s keeps its number and its facts, and has words", (rule, facts, outcome, kept, words) => {
    const receipt = receiptOf(facts);
    expect(receipt).toMatchObject({ rule, outcome, facts: kept });
    expect(explain(receipt).text).toMatch(words);
  });

  it("BY-1 says what would change what did not become a run", () => {
    for (const [rule, facts, outcome] of DECISIONS) {
      const { change } = explain(receiptOf(facts));
      expect([rule, change === null]).toEqual([rule, outcome === "queued" || outcome === "coalesced"]);
    }
  });
});

describe("receipts of runs", () => {
  it("BY-1, CL-13 a claim keeps the slot, how many were in use, and the lock", () => {
    const claim = { kind: "claim", rule: "CL-13", slot: 2, takesLock: true, wasRetry: false } as const;
    const receipt = claimReceipt(claim, { slotsUsed: 1, slotsOf: 5, issueId: "i1" });
    expect(receipt).toEqual({
      rule: "CL-13",
      outcome: "claimed",
      facts: { slot: 2, slotsUsed: 1, slotsOf: 5, wasRetry: false, issueId: "i1", takesLock: true },
    });
    expect(explain(receipt).text).toBe(
      "A worker took it in slot 2; 1 of 5 were in use before. It took the lock of issue i1.",
    );
  });

  const ending = { error: null, errorCode: null, exitCode: 0, signal: null, cancelKind: null, isOrphaned: false };
  it.each([
    ["EX-12", { status: "succeeded" }, "Its process ended well."],
    [
      "EX-12",
      { status: "failed", errorCode: "adapter_failed", error: "exit 3", exitCode: 3 },
      "It failed (adapter_failed): exit 3",
    ],
    ["EX-12", { status: "timed_out", errorCode: "timeout" }, "It ran out of time (timeout)."],
    [
      "PL-4",
      { status: "failed", errorCode: "process_lost", error: "gone", isOrphaned: true },
      "Its worker or process was lost: gone",
    ],
    [
      "CN-1",
      { status: "cancelled", error: "Cancelled by control plane", cancelKind: "person" },
      "It was cancelled: Cancelled by control plane.",
    ],
    [
      "CN-3",
      { status: "cancelled", error: "Cancelled due to agent pause", cancelKind: "pause" },
      "It was cancelled: Cancelled due to agent pause.",
    ],
    [
      "BU-21",
      { status: "cancelled", error: "Cancelled due to budget pause", cancelKind: "budget" },
      "It was cancelled: Cancelled due to budget pause.",
    ],
    ["TH-30", { status: "cancelled", error: "held", cancelKind: "hold" }, "It was cancelled: held."],
    [
      "CO-6",
      { status: "cancelled", error: "issue cancelled", cancelKind: "issue" },
      "It was cancelled: issue cancelled.",
    ],
  ] as const)("BY-1 %s an end names who brought it about: %o", (rule, facts, text) => {
    const receipt = endReceipt({ ...ending, ...facts });
    expect(receipt.rule).toBe(rule);
    expect(explain(receipt).text).toBe(text);
  });

  it("BY-1 a receipt stays small whatever an agent printed", () => {
    const receipt = endReceipt({ ...ending, status: "failed", error: "x".repeat(100_000) });
    expect(JSON.stringify(receipt).length).toBeLessThan(1_000);
  });
});

describe("explain", () => {
  const RULES = [
    ...["WK-12", "WK-13", "WK-14", "WK-15", "WK-16", "WK-20", "WK-24", "WK-26", "WK-27", "WK-28", "WK-29", "WK-30"],
    ...["WK-31", "WK-50", "CL-1", "CL-2", "CL-4", "CL-5", "CL-6", "CL-7", "CL-8", "CL-9", "CL-10", "CL-11", "CL-12"],
    ...["CL-13", "CL-18", "CL-30", "CL-31", "QU-1", "QU-3", "EX-12", "PL-4", "RT-3", "FI-7", "FI-8", "RC-77", "BY-3"],
    ...["CN-1", "CN-3", "BU-21", "TH-30", "CO-6", "AL-10", "AL-12"],
  ];

  it.each(RULES)("BY-1 %s has words of its own, whatever its facts hold", (rule) => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (facts) => {
        const { text } = explain({ rule, facts: facts as JsonObject });
        expect(text).not.toMatch(/^Rule |undefined|\[object/);
        expect(text.length).toBeGreaterThan(5);
      }),
      { numRuns: 30 },
    );
  });

  it("BY-1 a rule without words is told by its number", () => {
    expect(explain({ rule: "ZZ-9", outcome: "queued", facts: {} })).toEqual({
      text: "Rule ZZ-9 decided: queued.",
      change: null,
    });
  });
});
