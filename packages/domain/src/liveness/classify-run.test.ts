import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeActionability } from "./actionability.js";
import { boundLivenessText, classifyRun, type LivenessFacts, NO_EVIDENCE } from "./classify-run.js";
import { findNextAction } from "./next-action.js";
import { BLOCKER, isNoisyLine, MANAGER_REVIEW, NEXT_LABEL, PLAN_HEADING, PLAN_PHRASE, RUNNABLE } from "./patterns.js";

function facts(change: Partial<LivenessFacts> & { summary?: string } = {}): LivenessFacts {
  const { summary, ...rest } = change;
  return {
    status: "succeeded",
    errorCode: null,
    resultJson: summary === undefined ? null : { summary },
    stdoutExcerpt: null,
    stderrExcerpt: null,
    error: null,
    comments: [],
    issue: { status: "in_progress", title: "Implement feature", description: null },
    evidence: NO_EVIDENCE,
    context: null,
    continuationAttempt: 0,
    ...rest,
  };
}

const comment = { ...NO_EVIDENCE, issueComments: 1, latestAtMs: 5 };

describe("patterns", () => {
  const plan: [string, boolean][] = [
    ["I'll inspect it", true],
    ["I will first review the code", true],
    ["I am going to work on it", true],
    ["I'm going to analyze it", true],
    ["Let me look", true],
    ["I need to fix the test", true],
    ["Next, update the docs", true],
    ["Next I'll add a test", true],
    ["the next step is implement it", true],
    ["my next step is to update it", false],
    ["I will verify it", false],
    ["I’ll inspect it", false],
    ["I willing check", false],
  ];
  it.each(plan)("LV-28a %s", (text, matches) => expect(PLAN_PHRASE.test(text)).toBe(matches));

  const headings: [string, boolean][] = [
    ["Plan:", true],
    ["words\n  next steps : a", true],
    ["the Plan: a", false],
    ["planned: a", false],
  ];
  it.each(headings)("LV-28b %s", (text, matches) => expect(PLAN_HEADING.test(text)).toBe(matches));

  const labels: [string, boolean][] = [
    ["Next action: x", true],
    ["Next: x", true],
    ["words\nnext step: x", true],
    ["my next action: x", false],
  ];
  it.each(labels)("LV-28c %s", (text, matches) => expect(NEXT_LABEL.test(text)).toBe(matches));

  const blockers: [string, boolean][] = [
    ["I am blocked.", true],
    ["It requires your approval", true],
    ["I need\naccess", false],
    [`I need ${"x".repeat(81)} access`, false],
    ["unblock it", false],
  ];
  it.each(blockers)("LV-28d %s", (text, matches) => expect(BLOCKER.test(text)).toBe(matches));

  const reviews: [string, boolean][] = [
    ["escalate it", true],
    ["deploying to prod", true],
    ["rotate the signing key", true],
    ["delete the production database", true],
    ["deploy to staging", false],
  ];
  it.each(reviews)("LV-28h %s", (text, matches) => expect(MANAGER_REVIEW.test(text)).toBe(matches));

  const runnable: [string, boolean][] = [
    ["run npm test", true],
    ["rerun verification", true],
    ["run away", false],
    ["fixing it", false],
    ["report it", true],
  ];
  it.each(runnable)("LV-28i %s", (text, matches) => expect(RUNNABLE.test(text)).toBe(matches));

  const noisy: [string, boolean][] = [
    ["", true],
    ["  command: ls", true],
    ["Exit_Code : 0", true],
    ["commands: ls", false],
    ['{"type":"tool_call"}', true],
    [`{"${"x".repeat(90)}tool"}`, false],
    ["$ git status", true],
    ["ls -la", true],
    ["lsof", false],
    ["- npm test", false],
  ];
  it.each(noisy)("LV-27 %s", (line, matches) => expect(isNoisyLine(line)).toBe(matches));
});

describe("judgeActionability", () => {
  const rows: [string, string, string][] = [
    ["LV-30", "", "unknown"],
    ["LV-31", "not blocked; need approval; I will check", "runnable"],
    ["LV-31", "no blockers", "unknown"],
    ["LV-32", "approval required to go on", "approval_required"],
    ["LV-32", "waiting on the board's approval", "approval_required"],
    ["LV-33", "I cannot proceed without an account", "blocked_external"],
    ["LV-33", "blocked, the secret is gone", "blocked_external"],
    ["LV-33", "The form needs input validation", "blocked_external"],
    ["LV-34", "a manual review is wanted", "manager_review"],
    ["LV-35", "verify it", "runnable"],
    ["LV-36", "Waiting on Bob.", "unknown"],
    ["LV-36", "All is said", "unknown"],
  ];
  it.each(rows)("%s %s", (_rule, text, expected) => expect(judgeActionability(text)).toBe(expected));
});

describe("findNextAction", () => {
  const rows: [string, string[], string | null][] = [
    ["a label gives the rest of its line", ["- Next action: - run npm test"], "run npm test"],
    ["an empty label gives the next line with words", ["Next steps:\n\n- \n- fix it"], "fix it"],
    ["an empty label at the end leaves the candidate", ["Next:\n", "I will check it"], "I will check it"],
    ["a plan phrase gives its whole line", ["hm\n2. Then I will check it now"], "Then I will check it now"],
    ["noisy lines are passed over", ["command: I will check\nDone"], null],
    ["the first candidate decides", ["nothing", "next: a", "next: b"], "a"],
  ];
  it.each(rows)("LV-38 %s", (_what, candidates, action) => expect(findNextAction(candidates)).toBe(action));
});

describe("classifyRun", () => {
  const sentence = "I will inspect the repo next and then implement the fix.";
  const deploy = "deploy to production and verify live traffic.";
  const approval = "wait for board approval before continuing.";
  const rows: [string, string, LivenessFacts, string, string, string | null][] = [
    ["LV-44", "nothing", facts(), "empty_response", "unknown", null],
    [
      "LV-44",
      "traces only",
      facts({ stdoutExcerpt: "command: ls\n$ git status\n" }),
      "empty_response",
      "unknown",
      null,
    ],
    [
      "LV-44",
      "a workspace operation only",
      facts({ evidence: { ...NO_EVIDENCE, workspaceOperations: 1, latestAtMs: 1 } }),
      "empty_response",
      "unknown",
      null,
    ],
    ["LV-47", "a plan", facts({ summary: sentence }), "plan_only", "runnable", sentence],
    ["LV-47", "a list", facts({ summary: "Plan:\n- fix things" }), "plan_only", "runnable", null],
    ["LV-48", "an idle plan", facts({ summary: "Plan: tidy up" }), "needs_followup", "unknown", null],
    ["LV-48", "a deploy", facts({ summary: `Next action: ${deploy}` }), "needs_followup", "manager_review", deploy],
    ["LV-43", "an approval", facts({ summary: `Next action: ${approval}` }), "blocked", "approval_required", approval],
    [
      "LV-43",
      "missing credentials",
      facts({ summary: "I cannot proceed because I need access credentials." }),
      "blocked",
      "blocked_external",
      null,
    ],
    ["LV-49", "blocked by nothing", facts({ summary: "I am blocked." }), "needs_followup", "unknown", null],
    [
      "LV-37",
      "a comment's next action",
      facts({ comments: ["blocked chain context\n- Next action: run npm test and report the row counts."] }),
      "plan_only",
      "runnable",
      "run npm test and report the row counts.",
    ],
    [
      "LV-46",
      "a report",
      facts({ summary: "I will check x", issue: { status: "todo", title: "Research report", description: null } }),
      "advanced",
      "runnable",
      null,
    ],
    [
      "LV-44",
      "an empty report",
      facts({ issue: { status: "todo", title: "Research report", description: null } }),
      "empty_response",
      "unknown",
      null,
    ],
    [
      "LV-46",
      "a planned text",
      facts({ summary: "I will check x", issue: { status: "todo", title: "x", description: "Draft a proposal" } }),
      "advanced",
      "runnable",
      null,
    ],
    [
      "LV-41",
      "done",
      facts({ issue: { status: "done", title: "x", description: null } }),
      "completed",
      "unknown",
      null,
    ],
    [
      "LV-42",
      "blocked",
      facts({ issue: { status: "blocked", title: "x", description: null } }),
      "blocked",
      "unknown",
      null,
    ],
    ["LV-45", "evidence", facts({ evidence: comment, summary: sentence }), "advanced", "runnable", null],
    ["LV-40", "failed", facts({ status: "failed", errorCode: "adapter_failed" }), "failed", "unknown", null],
  ];
  it.each(rows)("%s %s", (_rule, _what, input, state, actionability, nextAction) => {
    expect(classifyRun(input)).toMatchObject({ state, actionability, nextAction });
  });

  it("LV-45 names the counts above 0 in order", () => {
    const evidence = { ...comment, documentRevisions: 1, workspaceOperations: 2, toolEvents: 3 };
    expect(classifyRun(facts({ evidence })).reason).toBe(
      "Run produced concrete action evidence: 1 issue comment(s), 1 document revision(s), 2 workspace operation(s), 3 tool/action event(s)",
    );
  });

  it("LV-22 the product's own lines in the log are no output", () => {
    const stdoutExcerpt = "[wakefleet] Using the agent's home as workspace\n";
    expect(classifyRun(facts({ stdoutExcerpt })).state).toBe("empty_response");
    expect(classifyRun(facts({ stdoutExcerpt: `${stdoutExcerpt}Done\n` })).state).toBe("needs_followup");
  });

  it("LV-43 before LV-45: a blocker with evidence is blocked and was of use", () => {
    expect(classifyRun(facts({ evidence: comment, summary: "need access token" }))).toMatchObject({
      state: "blocked",
      lastUsefulActionAtMs: 5,
    });
  });

  it("LV-40 a run that timed out says so", () => {
    expect(classifyRun(facts({ status: "timed_out", errorCode: "timeout" })).reason).toBe(
      "Run ended with timed_out (timeout)",
    );
  });

  it("LV-26 judges the agent's words, and what it printed only without them", () => {
    const printed = { stdoutExcerpt: "I cannot proceed without a login" };
    expect(classifyRun(facts(printed)).state).toBe("blocked");
    expect(classifyRun(facts({ ...printed, summary: "All is well" })).state).toBe("needs_followup");
  });

  it("LV-51 takes the attempt from the context, else from the run, never below 0", () => {
    expect(
      classifyRun(facts({ context: { continuationAttempt: 1.9 }, continuationAttempt: 7 })).continuationAttempt,
    ).toBe(1);
    expect(
      classifyRun(facts({ context: { continuationAttempt: "1" }, continuationAttempt: 2 })).continuationAttempt,
    ).toBe(2);
    expect(classifyRun(facts({ continuationAttempt: -3 })).continuationAttempt).toBe(0);
  });

  it("LV-14 counts that are no finite numbers count nothing", () => {
    const evidence = {
      ...NO_EVIDENCE,
      issueComments: Number.NaN,
      toolEvents: -4,
      activityEvents: Number.POSITIVE_INFINITY,
    };
    expect(classifyRun(facts({ evidence })).state).toBe("empty_response");
  });

  it("LV-10 texts keep 500 characters", () => {
    expect(boundLivenessText("x".repeat(500))).toHaveLength(500);
    expect(boundLivenessText("x".repeat(501))).toBe(`${"x".repeat(497)}...`);
  });

  it("LV-4 never throws, always gives a state, and gives the same one again", () => {
    const status = fc.constantFrom("succeeded", "failed", "cancelled", "timed_out" as const);
    fc.assert(
      fc.property(fc.string(), fc.string(), status, fc.integer(), (summary, stdoutExcerpt, ended, n) => {
        const input = facts({
          summary,
          stdoutExcerpt,
          status: ended,
          evidence: { ...NO_EVIDENCE, activityEvents: n, latestAtMs: 1 },
        });
        const first = classifyRun(input);
        expect(classifyRun(input)).toEqual(first);
        expect(first.reason.length).toBeLessThanOrEqual(500);
        if (ended !== "succeeded") expect(first.state).toBe("failed");
      }),
    );
  });
});
