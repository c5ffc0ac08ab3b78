import { describe, expect, it } from "vitest";
import { COMMENT_POLICY_TEXTS, decideCommentPolicy } from "./comment-policy.js";
import {
  continuationSummary,
  markdownSection,
  type SummaryFacts,
  summaryComment,
  truncateText,
} from "./continuation-summary.js";
import {
  type ContinuationFacts,
  continuationKey,
  continuationWake,
  decideContinuation,
  exhaustedComment,
  exhaustedReason,
  isContinuable,
} from "./decide-continuation.js";

const run: ContinuationFacts["run"] = {
  id: "run",
  companyId: "c",
  agentId: "a",
  issueId: "i",
  livenessState: "plan_only",
  livenessReason: "why",
  nextAction: null,
  continuationAttempt: 0,
};
const issue = { companyId: "c", status: "in_progress" as const, assigneeAgentId: "a", hasExecutionState: false };
const agent = { companyId: "c", status: "idle" as const };
const good: ContinuationFacts = { run, issue, agent, isBudgetBlocked: false, keyIsTaken: false };

describe("decideContinuation", () => {
  const rows: [string, Partial<ContinuationFacts>, string][] = [
    ["LV-62", { issue: null }, "issue not found"],
    ["LV-63", { agent: null }, "agent not found"],
    ["LV-64", { agent: { ...agent, companyId: "d" } }, "company scope mismatch"],
    ["LV-65", { issue: { ...issue, assigneeAgentId: "b" } }, "issue is no longer assigned to the source run agent"],
    ["LV-66", { issue: { ...issue, status: "in_review" } }, "issue status in_review is not continuable"],
    ["LV-67", { issue: { ...issue, hasExecutionState: true } }, "issue is blocked by execution policy state"],
    ["LV-68", { agent: { ...agent, status: "paused" } }, "agent status paused is not invokable"],
    ["LV-69", { isBudgetBlocked: true }, "budget hard stop blocks continuation"],
    ["LV-71", { keyIsTaken: true }, "continuation wake already exists for this source run and attempt"],
  ];
  it.each(rows)("%s skips", (rule, change, reason) => {
    expect(decideContinuation({ ...good, ...change })).toEqual({ kind: "skip", rule, reason });
  });

  it("LV-68 an agent in error may go on", () => {
    expect(decideContinuation({ ...good, agent: { ...agent, status: "error" } }).kind).toBe("enqueue");
  });

  it("LV-70 two attempts are all, also with a free key", () => {
    expect(decideContinuation({ ...good, run: { ...run, continuationAttempt: 2 } })).toEqual({ kind: "exhausted" });
  });

  it("LV-72, LV-73 the next attempt has its key", () => {
    expect(decideContinuation({ ...good, run: { ...run, continuationAttempt: 1 } })).toEqual({
      kind: "enqueue",
      attempt: 2,
      idempotencyKey: "run_liveness_continuation:i:run:plan_only:2",
    });
    expect(continuationKey(run)).toBe("run_liveness_continuation:i:run:plan_only:1");
  });

  it("LV-60 only a plan and silence are gone on with", () => {
    expect(["plan_only", "empty_response", "advanced", "failed", null].map(isContinuable)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it("LV-74 payload and context say what to do", () => {
    const { payload, context } = continuationWake({ ...run, nextAction: "fix it" }, 1);
    expect(payload).toMatchObject({
      sourceRunId: "run",
      continuationAttempt: 1,
      maxContinuationAttempts: 2,
      instruction: "fix it",
    });
    expect(context).toMatchObject({
      taskKey: "i",
      livenessContinuationAttempt: 1,
      livenessContinuationState: "plan_only",
    });
    expect(continuationWake(run, 1).payload["instruction"]).toContain("Take the first concrete action now");
  });

  it("LV-76, LV-77 the note is appended once, and the comment says how it stands", () => {
    const noted = exhaustedReason("why");
    expect(noted).toBe("why; continuation attempts exhausted");
    expect(exhaustedReason(noted)).toBe(noted);
    expect(
      exhaustedComment({ ...run, livenessReason: null, continuationAttempt: 2 })
        .split("\n")
        .slice(0, 5),
    ).toEqual([
      "Bounded liveness continuation exhausted",
      "",
      "- Last liveness state: `plan_only`",
      "- Attempts used: 2/2",
      "- Reason: Run ended without concrete progress",
    ]);
  });
});

describe("decideCommentPolicy", () => {
  const asked = { wakeReason: "issue_assigned" };
  const base = { context: asked, commentId: null, hasDeferredCommentWake: false, canRetry: true };
  it("FI-7 in its order", () => {
    expect(decideCommentPolicy({ ...base, commentId: "k" })).toEqual({ status: "satisfied", commentId: "k" });
    expect(decideCommentPolicy({ ...base, context: { ...asked, retryReason: "missing_issue_comment" } })).toEqual({
      status: "retry_exhausted",
      event: { level: "warn", message: COMMENT_POLICY_TEXTS.exhausted },
    });
    expect(decideCommentPolicy({ ...base, context: { wakeReason: "issue_commented" } })).toEqual({
      status: "not_applicable",
      event: null,
    });
    expect(decideCommentPolicy({ ...base, hasDeferredCommentWake: true })).toMatchObject({ status: "not_applicable" });
    expect(decideCommentPolicy({ ...base, canRetry: false })).toMatchObject({ status: "retry_exhausted" });
    expect(decideCommentPolicy(base)).toMatchObject({ status: "retry_queued" });
  });
});

describe("continuationSummary", () => {
  const facts: SummaryFacts = {
    issue: { id: "i", identifier: "T-1", title: "Roof", description: null, status: "in_progress", priority: "high" },
    run: {
      id: "r",
      status: "succeeded",
      finishedAt: new Date("2026-11-24T10:00:00Z"),
      error: null,
      errorCode: null,
      resultJson: { summary: " Mended packages/roof/src/a.ts, see (ui/x.tsx). " },
      stdoutExcerpt: "wrote `server/b.ts`",
      stderrExcerpt: null,
    },
    agent: { name: "Ann", adapterType: "process" },
    previousBody: null,
  };

  it("LV-90 to LV-97 has all parts in order", () => {
    expect(continuationSummary(facts)).toBe(
      [
        "# Continuation Summary",
        "",
        "- Issue: T-1 — Roof",
        "- Status: in_progress",
        "- Priority: high",
        "- Current mode: implementation",
        "- Last updated by run: r",
        "- Agent: Ann (process)",
        "",
        "## Objective",
        "",
        "No objective captured.",
        "",
        "## Acceptance Criteria",
        "",
        "No explicit acceptance criteria captured.",
        "",
        "## Recent Concrete Actions",
        "",
        "- Run `r` finished with status `succeeded` at 2026-11-24T10:00:00.000Z.",
        "- Mended packages/roof/src/a.ts, see (ui/x.tsx).",
        "",
        "## Files / Routes Touched",
        "",
        "- `packages/roof/src/a.ts`",
        "- `ui/x.tsx`",
        "- `server/b.ts`",
        "",
        "## Commands Run",
        "",
        "- Heartbeat run `r` invoked adapter `process`.",
        "- Detailed shell/tool commands remain in the run log and transcript.",
        "",
        "## Blockers / Decisions",
        "",
        "- No new blocker was recorded by the latest run.",
        "",
        "## Next Action",
        "",
        "- Resume implementation from the acceptance criteria, latest comments, and this summary.",
      ].join("\n"),
    );
  });

  it("LV-93 each section and the whole stay within their bounds", () => {
    const long = `intro\n## objective\n${"a".repeat(5_000)}\n## Acceptance Criteria\n${"b".repeat(5_000)}\n## Other\nc`;
    const body = continuationSummary({ ...facts, issue: { ...facts.issue, description: long } });
    const objective = markdownSection(body, "Objective") ?? "";
    expect(objective.length).toBeLessThanOrEqual(1_200);
    expect(objective.endsWith("\n[truncated]")).toBe(true);
    expect(markdownSection(body, "Acceptance Criteria")).toContain("[truncated]");
    expect(truncateText("x".repeat(9_000), 8_000)).toHaveLength(7_992);
  });

  it("LV-93 RC-91d an error keeps 500 characters and no secret", () => {
    const error = "Authorization: Bearer sk-test-0123456789abcdef";
    const body = continuationSummary({ ...facts, run: { ...facts.run, status: "failed", error, errorCode: "x" } });
    expect(body).toContain("- Latest run error (x): Authorization: Bearer ***REDACTED***");
    expect(body).toContain("- Latest run ended with `failed`; inspect the error before continuing.");
    expect(body).not.toContain("sk-test");
  });

  const actions: [string, Partial<SummaryFacts>, string][] = [
    ["done", { issue: { ...facts.issue, status: "done" } }, "Review the completed"],
    ["in_review", { issue: { ...facts.issue, status: "in_review" } }, "Wait for reviewer"],
    ["failed", { run: { ...facts.run, status: "failed" } }, "Inspect the failed run"],
    ["cancelled", { run: { ...facts.run, status: "cancelled" } }, "Confirm the cancellation"],
    ["before", { previousBody: "## Next Action\n\n- - paint it\n" }, "- paint it"],
  ];
  it.each(actions)("LV-96 %s", (_what, change, start) => {
    expect(markdownSection(continuationSummary({ ...facts, ...change }), "Next Action")).toContain(start);
  });

  const modes: [string, string, string][] = [
    ["done", "failed", "review"],
    ["in_review", "succeeded", "review"],
    ["todo", "failed", "implementation"],
    ["todo", "succeeded", "plan"],
    ["backlog", "succeeded", "plan"],
    ["blocked", "succeeded", "implementation"],
  ];
  it.each(modes)("LV-95 issue %s, run %s: %s", (status, ended, mode) => {
    const body = continuationSummary({
      ...facts,
      issue: { ...facts.issue, status: status as never },
      run: { ...facts.run, status: ended as never },
    });
    expect(body).toContain(`- Current mode: ${mode}`);
  });

  it("LV-97 tells at most 12 paths", () => {
    const stdoutExcerpt = Array.from({ length: 20 }, (_, n) => `doc/${n}.md,`).join(" ");
    const body = continuationSummary({ ...facts, run: { ...facts.run, resultJson: null, stdoutExcerpt } });
    expect((markdownSection(body, "Files / Routes Touched") ?? "").split("\n")).toHaveLength(12);
  });

  it("LV-117 takes summary, else result, else message", () => {
    expect(summaryComment({ summary: " ", result: " b " })).toBe("b");
    expect(summaryComment({ message: "c", error: "d" })).toBe("c");
    expect(summaryComment({ error: "d" })).toBe(null);
  });
});
