/** The comment that a run leaves on its issue: its own summary, or one that it is asked for (FI-5, FI-7). */
import { describe, expect, it } from "vitest";
import { cancelRun } from "../src/runs/cancel-run.js";
import { says, useIssueRuns } from "./issue-runs-support.js";
import { countRows, done, spoke } from "./support.js";

const { world, anAssignedIssue, runOnce, play, runsOf, nextRunOf } = useIssueRuns();

describe("the missing comment (FI-7)", () => {
  it("is asked for once, and the continuation joins its run", async () => {
    const target = await anAssignedIssue();
    const first = await runOnce(target, { reason: "issue_assigned" });
    expect(first).toMatchObject({ issueCommentStatus: "retry_queued", issueCommentRetryQueuedAt: expect.any(Date) });
    const [, retry, ...more] = await runsOf(target.issueId);
    expect(more).toEqual([]);
    expect(retry).toMatchObject({ status: "queued", retryOfRunId: first.id, continuationAttempt: 0 });
    expect(retry?.contextSnapshot).toMatchObject({
      wakeReason: "run_liveness_continuation",
      retryReason: "missing_issue_comment",
      missingIssueCommentForRunId: first.id,
      livenessContinuationAttempt: 1,
    });
    expect(
      await countRows(
        world.db.sql,
        "agent_wakeup_requests WHERE run_id = $1 AND status = 'coalesced' AND idempotency_key LIKE 'run_liveness_continuation:%'",
        [retry?.id],
      ),
    ).toBe(1);
    const [issue] = await world.db.sql.query<{ lock: string }>(
      "SELECT execution_run_id AS lock FROM issues WHERE id = $1",
      [target.issueId],
    );
    expect(issue?.lock).toBe(retry?.id);
  });

  it.each(["execution_review_requested", "execution_approval_requested", "execution_changes_requested"])(
    "EP-22, FI-7, EX-2, EX-6, API-175 a run woken by %s starts fresh, takes no checkout, and is asked for a comment",
    async (reason) => {
      const target = await anAssignedIssue({ status: "todo" });
      // It said something, so nothing follows by itself (LV-72).
      await runOnce(target, { play: () => ({ ...spoke, sessionParams: { sessionId: "earlier" } }) });
      const session = "agent_task_sessions WHERE agent_id = $1 AND session_params_json->>'sessionId' = 'earlier'";
      expect(await countRows(world.db.sql, session, [target.agentId])).toBe(1);
      await world.db.sql.query(
        "UPDATE issues SET status = 'todo', checkout_run_id = NULL, execution_run_id = NULL WHERE id = $1",
        [target.issueId],
      );
      let resumed: unknown = "never ran";
      let during: unknown;
      const run = await runOnce(target, {
        reason,
        play: async ({ runtime }) => {
          resumed = runtime.sessionId;
          [during] = await world.db.sql.query("SELECT status, checkout_run_id FROM issues WHERE id = $1", [
            target.issueId,
          ]);
          return done;
        },
      });
      expect(resumed).toBeNull();
      expect(during).toEqual({ status: "todo", checkout_run_id: null });
      expect(run.issueCommentStatus).toBe("retry_queued");
      const retries = await world.db.sql.query(
        `SELECT w.source, w.trigger_detail, w.reason FROM heartbeat_runs r JOIN agent_wakeup_requests w ON w.id = r.wakeup_request_id
          WHERE r.retry_of_run_id = $1`,
        [run.id],
      );
      expect(retries).toEqual([{ source: "automation", trigger_detail: "system", reason: "missing_issue_comment" }]);
    },
  );

  it("is not asked for twice", async () => {
    const target = await anAssignedIssue({ status: "in_review" });
    await runOnce(target, { reason: "issue_assigned" });
    const retry = await nextRunOf(target.issueId);
    const ended = await play(retry);
    expect(ended.issueCommentStatus).toBe("retry_exhausted");
    expect(await runsOf(target.issueId)).toHaveLength(2);
    expect(
      await countRows(
        world.db.sql,
        "heartbeat_run_events WHERE run_id = $1 AND message LIKE 'Run ended without an issue comment after one retry%'",
        [ended.id],
      ),
    ).toBe(1);
  });

  it("FI-5, LV-117 is the run's summary, where it has one, and once", async () => {
    const target = await anAssignedIssue();
    const run = await runOnce(target, { reason: "issue_assigned", play: says({ summary: " All slates are on. " }) });
    expect(run).toMatchObject({ issueCommentStatus: "satisfied", livenessState: "needs_followup" });
    const comments = await world.db.sql.query<object>(
      "SELECT id, body, author_agent_id, created_by_run_id, written_by_service FROM issue_comments WHERE issue_id = $1",
      [target.issueId],
    );
    expect(comments).toEqual([
      {
        id: run.issueCommentSatisfiedByCommentId,
        body: "All slates are on.",
        author_agent_id: target.agentId,
        created_by_run_id: run.id,
        written_by_service: false,
      },
    ]);
  });

  it("a run cancelled while it runs is asked for nothing", async () => {
    const target = await anAssignedIssue();
    const run = await runOnce(target, {
      reason: "issue_assigned",
      play: async ({ runId }) => {
        await cancelRun(world.cancelDeps(), {
          runId,
          actor: { type: "user", id: "someone" },
          confirmWithinMs: 0,
        });
        return done;
      },
    });
    expect(run).toMatchObject({ status: "cancelled", issueCommentStatus: "not_applicable", livenessState: "failed" });
    expect(await runsOf(target.issueId)).toHaveLength(1);
  });
});
