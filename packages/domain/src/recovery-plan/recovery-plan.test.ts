import { describe, expect, it } from "vitest";
import {
  ASSIGNMENT_RECOVERY,
  CONTINUATION_RECOVERY,
  hasRecoveryFailed,
  recoveryKey,
  recoveryWake,
} from "./automatic-recovery.js";
import { type ImmediateRecoveryFacts, planImmediateRecovery } from "./immediate-recovery.js";
import { durationText, issueLink, runLink } from "./links.js";
import { chooseOwner } from "./recovery-owner.js";
import {
  blockedInPlaceComment,
  escalationComment,
  orphanBlockerComment,
  recoveryIssueDescription,
} from "./recovery-texts.js";
import { redactEvidence } from "./redact-evidence.js";
import { decideStrandedWork, type StrandedFacts } from "./stranded-work.js";

const failed = {
  status: "failed" as const,
  cancelKind: null,
  cancelRecover: null,
  retryReasons: [] as string[],
  livenessState: "failed",
};
const stranded: StrandedFacts = {
  issue: {
    status: "in_progress",
    assigneeAgentId: "a",
    assigneeUserId: null,
    isHidden: false,
    originKind: "manual",
    checkoutRunId: null,
    executionRunId: null,
  },
  agent: { status: "idle", wakesOnDemand: true },
  hasExecutionPath: false,
  isHeld: false,
  latestRun: failed,
  hasQueuedRequest: false,
  isBudgetBlocked: false,
  hasUnresolvedBlockers: false,
};
const { issue } = stranded;
const todo = { ...issue, status: "todo" as const };
const recovered = (reason: string) => ({ ...failed, retryReasons: ["process_lost", reason] });
const byPerson = { ...failed, status: "cancelled" as const, cancelKind: "person" as const };

describe("decideStrandedWork", () => {
  const rows: [string, Partial<StrandedFacts>, object][] = [
    ["RC-1", { issue: { ...issue, status: "blocked" } }, { kind: "skip" }],
    ["RC-1", { issue: { ...issue, assigneeUserId: "u" } }, { kind: "skip" }],
    ["RC-1", { issue: { ...issue, isHidden: true } }, { kind: "skip" }],
    ["RC-5", { agent: null }, { kind: "skip" }],
    ["RC-5", { agent: { status: "paused", wakesOnDemand: true } }, { kind: "skip" }],
    ["RC-6", { hasExecutionPath: true }, { kind: "skip" }],
    ["RC-7", { isHeld: true }, { kind: "skip" }],
    ["RC-8", { issue: { ...todo, originKind: "stranded_issue_recovery" } }, { kind: "block_in_place" }],
    ["RC-9", { issue: todo, latestRun: null, hasQueuedRequest: true }, { kind: "skip" }],
    ["RC-10", { issue: todo, latestRun: null, isBudgetBlocked: true }, { kind: "skip" }],
    ["RC-11", { issue: todo, latestRun: null }, { kind: "dispatch" }],
    ["RC-19a", { issue: todo, latestRun: null, hasUnresolvedBlockers: true }, { kind: "skip" }],
    ["RC-12", { issue: todo, latestRun: { ...failed, status: "succeeded" } }, { kind: "skip" }],
    ["RC-12a", { issue: todo, latestRun: byPerson }, { kind: "skip" }],
    ["RC-12a", { latestRun: byPerson }, { kind: "skip" }],
    ["RC-19", { latestRun: { ...byPerson, cancelRecover: true } }, { kind: "retry", recovery: CONTINUATION_RECOVERY }],
    ["RC-13", { issue: todo, latestRun: recovered("assignment_recovery") }, { kind: "escalate" }],
    ["RC-15", { issue: todo, latestRun: recovered("issue_continuation_needed") }, { kind: "retry" }],
    [
      "RC-19a",
      { issue: todo, latestRun: recovered("assignment_recovery"), hasUnresolvedBlockers: true },
      { kind: "skip" },
    ],
    ["RC-14", { issue: todo, isBudgetBlocked: true }, { kind: "skip" }],
    ["RC-15", { issue: todo }, { kind: "retry", recovery: ASSIGNMENT_RECOVERY }],
    ["RC-16", { latestRun: null }, { kind: "skip" }],
    ["RC-19", { latestRun: null, issue: { ...issue, checkoutRunId: "r" } }, { kind: "retry" }],
    [
      "RC-17",
      { latestRun: { ...failed, status: "succeeded", livenessState: "advanced" } },
      { kind: "observe", isProductive: true },
    ],
    [
      "RC-17",
      { latestRun: { ...failed, status: "succeeded", livenessState: "plan_only" } },
      { kind: "observe", isProductive: false },
    ],
    ["RC-18", { latestRun: recovered("issue_continuation_needed") }, { kind: "escalate" }],
    ["RC-18a", { isBudgetBlocked: true }, { kind: "skip" }],
    ["RC-19a", { agent: { status: "idle", wakesOnDemand: false } }, { kind: "skip" }],
    ["RC-19", {}, { kind: "retry", recovery: CONTINUATION_RECOVERY }],
  ];
  it.each(rows)("%s %j", (rule, change, expected) => {
    expect(decideStrandedWork({ ...stranded, ...change })).toMatchObject({ rule, ...expected });
  });
});

describe("planImmediateRecovery", () => {
  const base: ImmediateRecoveryFacts = {
    run: { ...failed, agentId: "a" },
    issue: { status: "in_progress", assigneeAgentId: "a", assigneeUserId: null, originKind: "manual" },
    agent: { status: "idle", wakesOnDemand: true },
    hasOtherActiveRun: false,
    isHeld: false,
    isBudgetBlocked: false,
    hasUnresolvedBlockers: false,
  };
  const cancelled = (cancelKind: "person" | "pause" | "budget" | "hold" | "system", cancelRecover = false) => ({
    run: { ...base.run, status: "cancelled" as const, cancelKind, cancelRecover },
  });
  const rows: [string, Partial<ImmediateRecoveryFacts>, object][] = [
    ["RC-73 succeeded", { run: { ...base.run, status: "succeeded" } }, { kind: "none", rule: "RC-73" }],
    ["RC-73 another's", { issue: { ...base.issue, assigneeAgentId: "b" } }, { kind: "none", rule: "RC-73" }],
    ["RC-73 a person's", { issue: { ...base.issue, assigneeUserId: "u" } }, { kind: "none", rule: "RC-73" }],
    ["RC-73 blocked", { issue: { ...base.issue, status: "blocked" } }, { kind: "none", rule: "RC-73" }],
    ["RC-74", { hasOtherActiveRun: true }, { kind: "none", rule: "RC-74" }],
    ["RC-75", { isHeld: true }, { kind: "none", rule: "RC-75" }],
    ["RC-75a budget", { isBudgetBlocked: true }, { kind: "none", rule: "RC-75a" }],
    ["RC-75a blockers", { hasUnresolvedBlockers: true }, { kind: "none", rule: "RC-75a" }],
    ["RC-75a on demand", { agent: { status: "idle", wakesOnDemand: false } }, { kind: "none", rule: "RC-75a" }],
    ["RC-75a paused", { agent: { status: "paused", wakesOnDemand: true } }, { kind: "none", rule: "RC-75a" }],
    ["RC-75a by pause", cancelled("pause"), { kind: "none", rule: "RC-75a" }],
    ["RC-75a by budget", cancelled("budget"), { kind: "none", rule: "RC-75a" }],
    ["RC-75a by hold", cancelled("hold"), { kind: "none", rule: "RC-75a" }],
    ["RC-78", cancelled("person"), { kind: "none", rule: "RC-78" }],
    ["RC-78 recover", cancelled("person", true), { kind: "retry" }],
    ["RC-76 recovery issue", { issue: { ...base.issue, originKind: "stranded_issue_recovery" } }, { kind: "block" }],
    ["RC-76 gone", { agent: null }, { kind: "block" }],
    ["RC-76 pending", { agent: { status: "pending_approval", wakesOnDemand: true } }, { kind: "block" }],
    ["RC-76 again", { run: { ...base.run, retryReasons: ["issue_continuation_needed"] } }, { kind: "block" }],
    ["RC-77 in progress", {}, { kind: "retry", recovery: CONTINUATION_RECOVERY }],
    ["RC-77 todo", { issue: { ...base.issue, status: "todo" } }, { kind: "retry", recovery: ASSIGNMENT_RECOVERY }],
  ];
  it.each(rows)("%s", (_what, change, expected) => {
    expect(planImmediateRecovery({ ...base, ...change })).toMatchObject(expected);
  });
});

describe("automatic recovery", () => {
  it("RC-3 a retry of another kind does not hide that recovery was tried", () => {
    expect(hasRecoveryFailed(recovered("assignment_recovery"), ASSIGNMENT_RECOVERY)).toBe(true);
    expect(hasRecoveryFailed(recovered("assignment_recovery"), CONTINUATION_RECOVERY)).toBe(false);
    expect(hasRecoveryFailed({ ...recovered("assignment_recovery"), status: "succeeded" }, ASSIGNMENT_RECOVERY)).toBe(
      false,
    );
  });

  it("RC-15, RC-19, RC-85 the wake names what it retries, and has its key", () => {
    expect(recoveryWake(CONTINUATION_RECOVERY, { issueId: "i", retryOfRunId: "r" })).toEqual({
      payload: { issueId: "i", retryOfRunId: "r" },
      context: {
        issueId: "i",
        taskId: "i",
        wakeReason: "issue_continuation_needed",
        retryReason: "issue_continuation_needed",
        source: "issue.continuation_recovery",
        retryOfRunId: "r",
      },
    });
    expect(recoveryKey({ issueId: "i", recovery: ASSIGNMENT_RECOVERY, retryOfRunId: "r" })).toBe(
      "recovery:i:assignment_recovery:r",
    );
    expect(recoveryKey({ issueId: "i", recovery: null, retryOfRunId: null })).toBe("recovery:i:initial:none");
  });

  it("RC-27 the first that may be woken and has budget", () => {
    const budget = {
      company: { id: "c", status: "active" as const, pauseReason: null },
      agent: { id: "x", status: "idle" as const, pauseReason: null },
      projects: [],
      policies: [],
    };
    const spent = {
      ...budget,
      policies: [{ scopeType: "agent" as const, scopeId: "x", amount: 1, observed: 1 }],
    };
    const candidates = [
      { agentId: "paused", status: "paused" as const, budget },
      { agentId: "spent", status: "idle" as const, budget: spent },
      { agentId: "good", status: "error" as const, budget },
    ];
    expect(chooseOwner(candidates)).toBe("good");
    expect(chooseOwner([])).toBe(null);
  });
});

describe("texts", () => {
  const run = { id: "r", agentId: "a", status: "failed" as const, error: "boom", errorCode: "x", retryReason: null };
  const recoveryIssue = { id: "q", identifier: "T-9" };
  const withheld =
    "Latest retry failure details were withheld from the issue thread; inspect the linked run for evidence.";

  it("RC-21, RC-23 say who noticed, and what to do", () => {
    const base = { prefix: "T", run, recoveryIssue } as const;
    expect(escalationComment({ ...base, origin: "sweep", status: "todo" }).split("\n")).toEqual([
      `Wakefleet automatically retried dispatch for this assigned \`todo\` issue after a lost wake/run, but it still has no live execution path. ${withheld} Moving it to \`blocked\` so it is visible for intervention.`,
      "",
      "- Recovery issue: [T-9](/T/issues/T-9)",
      "- Next action: the recovery owner should either restore a live execution path or record the manual resolution, then mark the recovery issue done.",
      "- Latest run: [r](/T/agents/a/runs/r)",
    ]);
    expect(escalationComment({ ...base, run: null, origin: "sweep", status: "in_progress" })).toContain(
      "Wakefleet automatically retried continuation for this assigned `in_progress` issue after its live execution disappeared, but it still has no live execution path. Moving it",
    );
    expect(escalationComment({ ...base, origin: "release", status: "todo" })).toContain(
      "retried dispatch for this assigned `todo` issue during terminal run recovery, but",
    );
    expect(escalationComment({ ...base, recoveryIssue: null, origin: "release", status: "in_progress" })).toContain(
      "- Recovery issue: none created because Wakefleet could not find",
    );
  });

  it("RC-25 no text quotes the failure", () => {
    const secret = { ...run, error: "sk-test-0123456789abcdef", errorCode: "secret_code" };
    const texts = [
      escalationComment({ prefix: "T", run: secret, recoveryIssue, origin: "release", status: "todo" }),
      blockedInPlaceComment({ prefix: "T", issue: recoveryIssue, status: "todo", run: secret }),
      recoveryIssueDescription({
        prefix: "T",
        source: recoveryIssue,
        previousStatus: "todo",
        retryReason: null,
        run: secret,
      }),
    ];
    for (const text of texts) {
      expect(text).toContain(withheld);
      expect(text).not.toMatch(/sk-test|secret_code/);
    }
  });

  it("RC-22 a run that recorded nothing", () => {
    const lines = blockedInPlaceComment({ prefix: "T", issue: recoveryIssue, status: "todo", run: null }).split("\n");
    expect(lines).toContain("- Latest run: none");
    expect(lines).toContain("- Latest run status: `unknown`");
    expect(lines).toContain("- Failure: none recorded");
  });

  it("RC-31 names at most five different identifiers", () => {
    const blocked = Array.from({ length: 7 }, (_, n) => ({ id: `${n}`, identifier: `T-${n % 6}` }));
    expect(orphanBlockerComment("T", blocked).match(/\/T\/issues/g)).toHaveLength(5);
    expect(orphanBlockerComment("T", [{ id: "x", identifier: null }])).toContain("blocking another open issue but");
  });

  it("RC-28 links", () => {
    expect(issueLink("T", { id: "i", identifier: null })).toBe("[i](/T/issues/i)");
    expect(runLink("T", run)).toBe("[r](/T/agents/a/runs/r)");
  });

  const durations: [number | null, string][] = [
    [0, "0m"],
    [59 * 60_000, "59m"],
    [3_600_000, "1h"],
    [3_660_000, "1h 1m"],
    [null, "unknown"],
  ];
  it.each(durations)("RC-47a %s", (ms, text) => expect(durationText(ms)).toBe(text));

  const secrets: string[] = [
    "Authorization: Bearer abc",
    '{\\"apiKey\\":\\"abcdef\\"}',
    '{"password": "hunter2"}',
    "MY_TOKEN=abcdef",
    "sk-abcdefghijklmnop",
    `ghp_${"a".repeat(20)}`,
    "abcdefgh.ijklmnop.qrstuvwx",
    "abcdefgh.ijklmnop.qrstuvwx.yzabcdef",
  ];
  it.each(secrets)("RC-26 %s", (text) => expect(redactEvidence(text)).toContain("***REDACTED***"));
  it("RC-26 leaves plain words", () => {
    expect(redactEvidence("see src/a.ts, issue.comment.reopen and v1.2.3")).toBe(
      "see src/a.ts, issue.comment.reopen and v1.2.3",
    );
  });
});
