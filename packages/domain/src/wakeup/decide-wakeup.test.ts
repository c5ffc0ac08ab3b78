import { AGENT_STATUSES, type HeartbeatPolicy, type JsonObject, readHeartbeatPolicy } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { DEFERRED_CONTEXT_KEY } from "./context.js";
import {
  type ActiveRunFact,
  chooseLockHolder,
  decideWakeup,
  type IssueWakeFacts,
  type WakeupFacts,
} from "./decide-wakeup.js";

const ME = "agent-me";
const OTHER = "agent-other";
const policy = (heartbeat: JsonObject = {}): HeartbeatPolicy => readHeartbeatPolicy({ heartbeat });
const me = (one: Partial<NonNullable<WakeupFacts["agent"]>> = {}) => ({
  id: ME,
  status: "idle" as const,
  policy: policy(),
  ...one,
});
const run = (one: Partial<ActiveRunFact>): ActiveRunFact => ({
  id: "run-1",
  agentId: ME,
  status: "queued",
  context: {},
  createdAtMs: 1,
  ...one,
});
const issue = (one: Partial<IssueWakeFacts> = {}): IssueWakeFacts => ({
  issueId: "i",
  exists: true,
  lockRunId: null,
  activeRuns: [],
  deferred: null,
  hold: null,
  unresolvedBlockers: [],
  isInteraction: false,
  ...one,
});
const decide = (one: Partial<WakeupFacts>) =>
  decideWakeup({
    agent: me(),
    budget: null,
    source: "on_demand",
    isPersonWaiting: false,
    reason: "why",
    payload: null,
    context: {},
    issue: null,
    sameTaskRuns: [],
    ...one,
  });
const comment = { wakeCommentIds: ["c"], commentId: "c", wakeCommentId: "c" };

describe("whether the agent takes the wake", () => {
  it("WK-10 there is no such agent", () => {
    expect(decide({ agent: null })).toEqual({ kind: "reject", rule: "WK-10" });
  });

  it.each(AGENT_STATUSES)("WK-13 an agent that is %s", (status) => {
    const decision = decide({ agent: me({ status }) });
    if (["paused", "terminated", "pending_approval"].includes(status)) {
      expect(decision).toEqual({ kind: "reject", rule: "WK-13", status });
    } else expect(decision.kind).toBe("queue");
  });

  it.each<[string, JsonObject, string]>([
    ["timer", {}, "WK-14"],
    ["timer", { enabled: true }, "WK-31"],
    ["timer", { enabled: true, wakeOnDemand: false }, "WK-31"],
    ["on_demand", { wakeOnDemand: false }, "WK-15"],
    ["assignment", { wakeOnDemand: false, enabled: true }, "WK-15"],
    ["automation", { wakeOnAutomation: false }, "WK-15"],
    ["automation", { enabled: false }, "WK-31"],
  ])("WK-14, WK-15 source %s with policy %j: %s", (source, heartbeat, rule) => {
    const decision = decide({
      agent: me({ policy: policy(heartbeat) }),
      source: source as WakeupFacts["source"],
      // Would coalesce if the policy let it.
      issue: null,
    });
    expect(decision.rule).toBe(rule);
    if (rule === "WK-14") expect(decision).toMatchObject({ kind: "skip", reason: "heartbeat.disabled" });
    if (rule === "WK-15") expect(decision).toMatchObject({ kind: "skip", reason: "heartbeat.wakeOnDemand.disabled" });
  });

  it("WK-13 comes before WK-14, WK-14 before WK-20", () => {
    const noIssue = issue({ exists: false });
    expect(decide({ agent: me({ status: "paused" }), source: "timer", issue: noIssue }).rule).toBe("WK-13");
    expect(decide({ source: "timer", issue: noIssue }).rule).toBe("WK-14");
    expect(decide({ agent: me({ policy: policy({ wakeOnDemand: false }) }), issue: noIssue }).rule).toBe("WK-15");
  });
});

describe("wakes without an issue", () => {
  it("WK-31 without an active run of the task a run is queued", () => {
    expect(decide({ context: { taskKey: "k" } })).toEqual({
      kind: "queue",
      rule: "WK-31",
      context: { taskKey: "k" },
      lock: { kind: "keep" },
    });
  });

  it("WK-30 it joins the run, under its own reason, and the contexts merge", () => {
    expect(decide({ context: { b: 2 }, sameTaskRuns: [run({ context: { a: 1, b: 1 } })] })).toEqual({
      kind: "coalesce",
      rule: "WK-30",
      hastens: false,
      runId: "run-1",
      context: { a: 1, b: 2 },
      reason: "why",
      lock: { kind: "keep" },
    });
  });

  const queued = run({ id: "queued", status: "queued", createdAtMs: 1 });
  const retry = run({ id: "retry", status: "scheduled_retry", createdAtMs: 2 });
  const running = run({ id: "running", status: "running", createdAtMs: 3 });
  it.each<[string, ActiveRunFact[], JsonObject, string | null]>([
    ["a queued one first", [running, retry, queued], {}, "queued"],
    ["else a scheduled retry", [running, retry], {}, "retry"],
    ["else a running one", [running], {}, "running"],
    ["not a running one with a comment", [running], comment, null],
    ["not a running one after an approval", [running], { wakeReason: "approval_approved" }, null],
    ["a retry also with a comment", [running, retry], comment, "retry"],
    ["the newest of its kind", [queued, run({ id: "newer", createdAtMs: 9 })], {}, "newer"],
    ["of equal age the greater id", [run({ id: "b" }), run({ id: "a" })], {}, "b"],
  ])("WK-30 it joins %s", (_, sameTaskRuns, context, runId) => {
    const decision = decide({ sameTaskRuns, context });
    expect(decision.kind === "coalesce" ? decision.runId : null).toBe(runId);
    if (runId === null) expect(decision.rule).toBe("WK-31");
  });
});

describe("wakes about an issue", () => {
  const mine = run({ id: "mine", status: "running" });
  const theirs = run({ id: "theirs", agentId: OTHER, status: "running" });

  it("WK-20 an issue that does not exist is skipped", () => {
    expect(decide({ issue: issue({ exists: false }) })).toEqual({
      kind: "skip",
      rule: "WK-20",
      reason: "issue_execution_issue_not_found",
    });
  });

  it("WK-29 without an active run it is queued and takes no lock", () => {
    expect(decide({ issue: issue(), context: { issueId: "i" } })).toEqual({
      kind: "queue",
      rule: "WK-29",
      context: { issueId: "i" },
      lock: { kind: "keep" },
    });
  });

  it("WK-21 a lock of a run that is not active is cleared", () => {
    expect(decide({ issue: issue({ lockRunId: "gone" }) })).toMatchObject({ rule: "WK-29", lock: { kind: "clear" } });
  });

  it("WK-21, WK-23 and another active run becomes the holder instead", () => {
    expect(decide({ issue: issue({ lockRunId: "gone", activeRuns: [theirs] }) })).toMatchObject({
      kind: "defer",
      lock: { kind: "adopt", runId: "theirs", agentId: OTHER },
    });
  });

  it("WK-23 the locked run counts although another run is older or running", () => {
    const locked = run({ id: "locked", status: "queued", createdAtMs: 9 });
    expect(decide({ issue: issue({ lockRunId: "locked", activeRuns: [theirs, locked] }) })).toMatchObject({
      rule: "WK-26",
      runId: "locked",
      lock: { kind: "keep" },
    });
  });

  it.each<[string, ActiveRunFact[], string | null]>([
    ["a running one first", [run({ id: "old" }), run({ id: "new", status: "running", createdAtMs: 5 })], "new"],
    ["else the oldest", [run({ id: "b", createdAtMs: 2 }), run({ id: "a", createdAtMs: 1 })], "a"],
    ["of two running the older", [run({ id: "b", status: "running", createdAtMs: 2 }), mine], "mine"],
    ["of equal age the smaller id", [run({ id: "b" }), run({ id: "a" })], "a"],
    ["none of none", [], null],
  ])("WK-23 the holder is %s", (_, runs, id) => expect(chooseLockHolder(runs)?.id ?? null).toBe(id));

  it("WK-26 it joins the same agent's run under the service's reason", () => {
    const decision = decide({
      issue: issue({ lockRunId: "mine", activeRuns: [run({ ...mine, context: { a: 1 } })] }),
      context: { b: 2 },
    });
    expect(decision).toEqual({
      kind: "coalesce",
      rule: "WK-26",
      hastens: false,
      runId: "mine",
      context: { a: 1, b: 2 },
      reason: "issue_execution_same_name",
      lock: { kind: "keep" },
    });
  });

  it.each<[string, ActiveRunFact, JsonObject, string]>([
    ["a comment joins a queued run of the same agent", run({ id: "q" }), comment, "WK-26"],
    [
      "a comment joins a scheduled retry of the same agent",
      run({ id: "r", status: "scheduled_retry" }),
      comment,
      "WK-26",
    ],
    ["a comment waits behind a running one (check 3)", mine, comment, "WK-28"],
    ["an approval waits behind a running one", mine, { wakeReason: "approval_approved" }, "WK-28"],
    ["another agent's wake waits (check 5)", theirs, {}, "WK-28"],
    ["another agent's wake waits also behind a queued run", run({ id: "q", agentId: OTHER }), {}, "WK-28"],
  ])("WK-26, WK-28 %s", (_, active, context, rule) => {
    const decision = decide({ issue: issue({ lockRunId: active.id, activeRuns: [active] }), context });
    expect(decision.rule).toBe(rule);
  });

  it("WK-28 the deferred request keeps payload, issue and context", () => {
    expect(
      decide({
        issue: issue({ lockRunId: "theirs", activeRuns: [theirs] }),
        payload: { mine: 1 },
        context: { issueId: "i" },
      }),
    ).toEqual({
      kind: "defer",
      rule: "WK-28",
      hastens: false,
      requestId: null,
      payload: { mine: 1, issueId: "i", [DEFERRED_CONTEXT_KEY]: { issueId: "i" } },
      reason: "issue_execution_deferred",
      behind: theirs,
      lock: { kind: "keep" },
    });
  });

  it("WK-27 a second one merges into it", () => {
    const deferred = {
      requestId: "request",
      payload: { mine: 1, issueId: "i", [DEFERRED_CONTEXT_KEY]: { wakeCommentIds: ["a"] } },
    };
    expect(
      decide({
        issue: issue({ lockRunId: "theirs", activeRuns: [theirs], deferred }),
        payload: { mine: 2 },
        context: comment,
      }),
    ).toMatchObject({
      kind: "defer",
      rule: "WK-27",
      requestId: "request",
      reason: "issue_execution_deferred",
      payload: { mine: 2, issueId: "i", [DEFERRED_CONTEXT_KEY]: { wakeCommentIds: ["a", "c"], commentId: "c" } },
    });
  });
});

const hold = {
  holdId: "h",
  rootIssueId: "root",
  mode: "pause",
  reason: "audit",
  releasePolicy: { strategy: "manual" },
};
const blocker = { id: "b", identifier: "ACM-2", title: "First", status: "todo", priority: "high" };

describe("budgets, holds and blockers", () => {
  const block = { rule: "BU-15.6", scopeType: "agent" as const, scopeId: ME, reason: "no money" };
  it("WK-12 a budget blocks before the agent's own state is looked at", () => {
    const decision = decide({ budget: block, agent: me({ status: "paused" }) });
    expect(decision).toEqual({ kind: "block", rule: "WK-12", reason: "budget.blocked", block });
  });

  it("WK-16 a held issue is skipped, also when a run could be joined", () => {
    const decision = decide({ issue: issue({ hold, activeRuns: [run({})] }) });
    expect(decision).toEqual({ kind: "skip", rule: "WK-16", reason: "issue_tree_hold_active", hold });
  });

  it("WK-17 a verified interaction wake goes on and tells of the hold", () => {
    const decision = decide({ issue: issue({ hold, isInteraction: true }) });
    expect(decision).toMatchObject({
      kind: "queue",
      context: { treeHoldInteraction: true, activeTreeHold: { ...hold, interaction: true } },
    });
  });

  it("WK-24 unresolved blockers skip a wake that no active run could take", () => {
    const decision = decide({ payload: { a: 1 }, issue: issue({ unresolvedBlockers: [blocker], lockRunId: "gone" }) });
    expect(decision).toEqual({
      kind: "skip",
      rule: "WK-24",
      reason: "issue_dependencies_blocked",
      payload: { a: 1, issueId: "i", unresolvedBlockerIssueIds: ["b"] },
      lock: { kind: "clear" },
    });
    expect(decide({ issue: issue({ unresolvedBlockers: [blocker], activeRuns: [run({})] }) }).kind).toBe("coalesce");
  });

  it("WK-25 an interaction wake on a blocked issue carries its blockers", () => {
    const decision = decide({ issue: issue({ unresolvedBlockers: [blocker], isInteraction: true }) });
    expect(decision).toMatchObject({
      kind: "queue",
      context: {
        dependencyBlockedInteraction: true,
        unresolvedBlockerIssueIds: ["b"],
        unresolvedBlockerCount: 1,
        unresolvedBlockerSummaries: [blocker],
      },
    });
  });
});
