/** Judging a finished run, and the continuation of one that did too little (06 sections 1 to 3, FI-2, FI-10). */
import { anAgent, insertRow } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import { cancelRun } from "../src/runs/cancel-run.js";
import { finishEnds } from "../src/sweeps/finish-ends.js";
import { says, useIssueRuns } from "./issue-runs-support.js";
import { goOn, reviewState, sweepDeps } from "./recovery-support.js";
import { countRows, done } from "./support.js";

const { world, companyId, anAssignedIssue, runOnce, play, runsOf, nextRunOf } = useIssueRuns();

describe("the continuation of a run that did nothing", () => {
  it("FI-10, LV-44, LV-72 to LV-74, API-175 a silent run is followed by one that says why", async () => {
    const target = await anAssignedIssue();
    const first = await runOnce(target);
    expect(first).toMatchObject({
      livenessState: "empty_response",
      livenessReason: "Run succeeded without useful output or concrete action evidence",
      finalizedAt: expect.any(Date),
      endState: null,
    });
    const second = await nextRunOf(target.issueId);
    expect(second).toMatchObject({ status: "queued", continuationAttempt: 1 });
    expect(second.contextSnapshot).toMatchObject({
      wakeReason: "run_liveness_continuation",
      livenessContinuationAttempt: 1,
      livenessContinuationMaxAttempts: 2,
      livenessContinuationSourceRunId: first.id,
      livenessContinuationState: "empty_response",
    });
    const [request] = await world.db.sql.query<{ key: string; actor: string; by: string }>(
      `SELECT idempotency_key AS key, requested_by_actor_type AS actor, requested_by_actor_id AS by
         FROM agent_wakeup_requests WHERE run_id = $1`,
      [second.id],
    );
    expect(request).toEqual({
      key: `run_liveness_continuation:${target.issueId}:${first.id}:empty_response:1`,
      actor: "system",
      by: "heartbeat",
    });
  });

  it("LV-61, LV-70, LV-76, LV-77 ends after two, with one note and one comment", async () => {
    const target = await anAssignedIssue();
    await runOnce(target);
    await play(await nextRunOf(target.issueId));
    await play(await nextRunOf(target.issueId));
    const runs = await runsOf(target.issueId);
    expect(runs.map((run) => [run.status, run.livenessState, run.continuationAttempt])).toEqual([
      ["succeeded", "empty_response", 0],
      ["succeeded", "empty_response", 1],
      ["succeeded", "empty_response", 2],
    ]);
    const last = runs[2];
    expect(last?.livenessReason).toMatch(/evidence; continuation attempts exhausted$/);
    const comments = await world.db.sql.query<{ body: string; author: string; service: boolean }>(
      `SELECT body, author_agent_id AS author, written_by_service AS service FROM issue_comments WHERE issue_id = $1`,
      [target.issueId],
    );
    expect(comments).toHaveLength(1);
    expect(comments[0]).toMatchObject({ author: target.agentId, service: true });
    expect(comments[0]?.body).toContain("Bounded liveness continuation exhausted\n\n");
    expect(comments[0]?.body).toContain("- Attempts used: 2/2");
  });

  it("LV-79 a retry of a continuation does not start the count anew", async () => {
    const target = await anAssignedIssue();
    await runOnce(target);
    await play(await nextRunOf(target.issueId), () => ({ ...done, exitCode: 1, errorFamily: "transient_upstream" }));
    expect(await nextRunOf(target.issueId)).toMatchObject({ status: "scheduled_retry", continuationAttempt: 1 });
  });

  it("LV-80, FI-14 a continuation that cannot be written leaves the run as it ended, with a warning, to a sweep", async () => {
    const target = await anAssignedIssue();
    await world.db.sql.query(
      `CREATE FUNCTION refuse_continuation() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '22000'; END $$`,
    );
    await world.db.sql.query(
      `CREATE TRIGGER refuse_continuation BEFORE INSERT ON agent_wakeup_requests FOR EACH ROW
        WHEN (NEW.reason = 'run_liveness_continuation') EXECUTE FUNCTION refuse_continuation()`,
    );
    try {
      const run = await runOnce(target);
      expect(run).toMatchObject({ status: "succeeded", livenessState: "empty_response", endState: expect.anything() });
      const warning = "heartbeat_run_events WHERE run_id = $1 AND level = 'warn' AND message LIKE 'End step%'";
      expect(await countRows(world.db.sql, warning, [run.id])).toBe(1);
    } finally {
      await world.db.sql.query("DROP FUNCTION refuse_continuation CASCADE");
    }
    await finishEnds(sweepDeps(world), goOn);
    expect(await nextRunOf(target.issueId)).toMatchObject({ status: "queued", continuationAttempt: 1 });
  });

  it("LV-37, LV-74 a plan's next action is the instruction", async () => {
    const target = await anAssignedIssue();
    const summary = "I will inspect the repo next and then implement the fix.";
    const run = await runOnce(target, { play: says({ summary }) });
    expect(run).toMatchObject({ livenessState: "plan_only", nextAction: summary });
    const next = await nextRunOf(target.issueId);
    expect((await world.request(next.wakeupRequestId ?? "")).payload).toMatchObject({ instruction: summary });
  });

  it("LV-48, LV-43 what is not safe or blocked is not gone on with, and does not colour the next run", async () => {
    const target = await anAssignedIssue();
    const deploy = await runOnce(target, {
      play: says({ summary: "Next action: deploy to production and verify live traffic." }),
    });
    expect(deploy.livenessReason).toBe("Run described future work that is not safe to auto-continue");
    const blocked = await runOnce(target, {
      play: says({ summary: "I cannot proceed because I need access credentials." }),
    });
    expect(blocked.livenessState).toBe("blocked");
    const after = await runOnce(target, { play: says({ summary: "Done with the tests." }) });
    expect(after.livenessState).toBe("needs_followup");
    expect(await runsOf(target.issueId)).toHaveLength(3);
  });

  const meanwhile: [string, (target: { agentId: string; issueId: string }) => Promise<unknown>][] = [
    [
      "LV-65 reassigned",
      async ({ issueId }) => {
        const other = await anAgent(world.db.sql, { companyId: companyId() });
        return world.db.sql.query("UPDATE issues SET assignee_agent_id = $2 WHERE id = $1", [issueId, other]);
      },
    ],
    [
      "LV-66 in review",
      ({ issueId }) => world.db.sql.query("UPDATE issues SET status = 'in_review' WHERE id = $1", [issueId]),
    ],
    [
      "LV-67 execution state",
      ({ issueId }) =>
        world.db.sql.query("UPDATE issues SET execution_state = $2::jsonb WHERE id = $1", [
          issueId,
          JSON.stringify(reviewState(null)),
        ]),
    ],
    [
      "LV-68 agent paused",
      ({ agentId }) => world.db.sql.query("UPDATE agents SET status = 'paused' WHERE id = $1", [agentId]),
    ],
    [
      "LV-69 over budget",
      async ({ agentId }) => {
        await insertRow(world.db.sql, "budget_policies", {
          companyId: companyId(),
          scopeType: "agent",
          scopeId: agentId,
          windowKind: "lifetime",
          amount: 1,
        });
        return world.db.sql.query(
          `INSERT INTO budget_counters (company_id, scope_type, scope_id, window_start, observed_cents)
           VALUES ($1, 'agent', $2, '1970-01-01 00:00:00+00', 5)`,
          [companyId(), agentId],
        );
      },
    ],
  ];
  it.each(meanwhile)("%s: no continuation, the run stays what it is", async (_what, change) => {
    const target = await anAssignedIssue();
    const run = await runOnce(target, {
      play: async () => {
        await change(target);
        return { ...done, resultJson: { summary: "I will inspect the repo" } };
      },
    });
    expect(run).toMatchObject({ status: "succeeded", livenessState: "plan_only", endState: null });
    expect(await runsOf(target.issueId)).toHaveLength(1);
    expect(
      await countRows(
        world.db.sql,
        "heartbeat_run_events WHERE run_id = $1 AND message LIKE 'Liveness continuation skipped:%'",
        [run.id],
      ),
    ).toBe(1);
  });

  it("LV-74 a promoted comment wake takes the continuation's context", async () => {
    const target = await anAssignedIssue();
    const run = await runOnce(target, {
      play: async () => {
        const commentId = await insertRow(world.db.sql, "issue_comments", {
          companyId: companyId(),
          issueId: target.issueId,
          authorUserId: "someone",
          body: "And the gutter?",
        });
        const deferred = await world.wake({
          agentId: target.agentId,
          reason: "issue_commented",
          payload: { issueId: target.issueId, commentId },
          context: { source: "issue.comment" },
        });
        expect(deferred.outcome).toBe("deferred");
        return { ...done, resultJson: { summary: "I will inspect the repo" } };
      },
    });
    expect(run.livenessState).toBe("plan_only");
    const runs = await runsOf(target.issueId);
    expect(runs).toHaveLength(2);
    expect(runs[1]?.contextSnapshot).toMatchObject({
      livenessContinuationSourceRunId: run.id,
      livenessContinuationAttempt: 1,
    });
  });

  it("LV-52 a run without an issue is judged and not gone on with", async () => {
    const agentId = await anAgent(world.db.sql, { companyId: companyId() });
    const { run } = await world.wake({ agentId });
    if (run === null) throw new Error("no run");
    const ended = await play(run);
    expect(ended).toMatchObject({ livenessState: "empty_response", issueCommentStatus: "not_applicable" });
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE agent_id = $1", [agentId])).toBe(1);
  });
});

describe("evidence", () => {
  it("LV-14, LV-45, LV-50 a comment in the run's name advances the issue", async () => {
    const target = await anAssignedIssue();
    const run = await runOnce(target, {
      reason: "issue_assigned",
      play: async ({ runId }) => {
        await insertRow(world.db.sql, "issue_comments", {
          companyId: companyId(),
          issueId: target.issueId,
          authorAgentId: target.agentId,
          createdByRunId: runId,
          body: "I will check x",
        });
        return done;
      },
    });
    expect(run).toMatchObject({
      livenessState: "advanced",
      livenessReason: "Run produced concrete action evidence: 1 issue comment(s)",
      lastUsefulActionAt: expect.any(Date),
      issueCommentStatus: "satisfied",
      issueCommentSatisfiedByCommentId: expect.any(String),
    });
    expect(await runsOf(target.issueId)).toHaveLength(1);
  });

  it("LV-15 a revision of the plan is evidence, the continuation summary is none", async () => {
    const target = await anAssignedIssue();
    const run = await runOnce(target, {
      play: async ({ runId }) => {
        for (const key of ["plan", "continuation-summary"]) {
          const documentId = await insertRow(world.db.sql, "documents", {
            companyId: companyId(),
            latestBody: "Plan: a",
          });
          await insertRow(world.db.sql, "issue_documents", {
            companyId: companyId(),
            issueId: target.issueId,
            documentId,
            key,
          });
          await insertRow(world.db.sql, "document_revisions", {
            companyId: companyId(),
            documentId,
            revisionNumber: 1,
            body: "Plan: a",
            createdByRunId: runId,
          });
        }
        return done;
      },
    });
    expect(run.livenessReason).toBe("Run produced concrete action evidence: 1 document revision(s)");
  });

  it("LV-16 to LV-19, LV-22 counts what the agent did and not what was done about its run", async () => {
    const target = await anAssignedIssue();
    const run = await runOnce(target, {
      play: async ({ runId }) => {
        const activity = (columns: object) =>
          insertRow(world.db.sql, "activity_log", {
            companyId: companyId(),
            actorType: "agent",
            actorId: target.agentId,
            agentId: target.agentId,
            runId,
            action: "issue.updated",
            entityType: "issue",
            entityId: target.issueId,
            ...columns,
          });
        await activity({});
        await activity({ actorType: "system", actorId: "system" });
        await activity({ action: "environment.lease_acquired" });
        await activity({ action: "heartbeat.invoked", entityType: "heartbeat_run", entityId: runId });
        await insertRow(world.db.sql, "issue_work_products", {
          companyId: companyId(),
          issueId: target.issueId,
          type: "branch",
          status: "active",
          provider: "git",
          title: "b",
          createdByRunId: runId,
        });
        await insertRow(world.db.sql, "workspace_operations", {
          companyId: companyId(),
          heartbeatRunId: runId,
          phase: "worktree_prepare",
        });
        await insertRow(world.db.sql, "issue_comments", {
          companyId: companyId(),
          issueId: target.issueId,
          createdByRunId: runId,
          writtenByService: true,
          body: "The workspace is ready",
        });
        return done;
      },
    });
    expect(run.livenessReason).toBe(
      "Run produced concrete action evidence: 1 work product(s), 1 workspace operation(s), 1 activity event(s)",
    );
  });

  it("LV-41 a run that closed its issue has completed it", async () => {
    const target = await anAssignedIssue();
    const run = await runOnce(target, {
      play: async () => {
        await world.db.sql.query("UPDATE issues SET status = 'done' WHERE id = $1", [target.issueId]);
        return done;
      },
    });
    expect(run).toMatchObject({ livenessState: "completed", livenessReason: "Issue is done" });
  });

  it("FI-2, LV-13, LV-40, LV-113 every other end is judged, too", async () => {
    const target = await anAssignedIssue();
    const { run } = await world.wake({
      agentId: target.agentId,
      reason: "nudged",
      payload: { issueId: target.issueId },
    });
    const cancelDeps = world.cancelDeps();
    await cancelRun(cancelDeps, { runId: run?.id ?? "", actor: { type: "user", id: "someone" } });
    expect(await world.run(run?.id ?? "")).toMatchObject({
      livenessState: "failed",
      livenessReason: "Run ended with cancelled (cancelled)",
      resultJson: { stopReason: "cancelled", timeoutFired: false },
    });
  });
});
