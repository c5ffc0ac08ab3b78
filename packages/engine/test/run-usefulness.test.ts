/** Judging a finished run, and what follows by itself (06 sections 1 to 4, FI-2, 4, 5, 7, 10). */
import type { JsonObject } from "@wakefleet/contracts";
import type { RunRow } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, insertRow } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { cancelRun } from "../src/runs/cancel-run.js";
import { workRun } from "../src/runs/work-run.js";
import { finishEnds } from "../src/sweeps/finish-ends.js";
import { goOn, reviewState, sweepDeps } from "./recovery-support.js";
import { countRows, done, type Play, spoke, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const says = (resultJson: JsonObject): Play => {
  return () => ({ ...done, resultJson });
};

/** An issue in progress with its agent. */
async function anAssignedIssue(columns: JsonObject = {}): Promise<{ agentId: string; issueId: string }> {
  const agentId = await anAgent(world.db.sql, { companyId, heartbeat: { maxConcurrentRuns: 1 } });
  const issueId = await anIssue(world.db.sql, {
    companyId,
    assigneeAgentId: agentId,
    status: "in_progress",
    title: "Implement feature",
    ...columns,
  });
  return { agentId, issueId };
}

/** Wakes the agent about the issue and lets the run play. */
async function runOnce(
  target: { agentId: string; issueId: string },
  how: { play?: Play; reason?: string; context?: JsonObject } = {},
): Promise<RunRow> {
  const { agentId, issueId } = target;
  const { reason = "nudged", context = {} } = how;
  const { run } = await world.wake({ agentId, reason, payload: { issueId }, context });
  if (run === null) throw new Error("the wake gave no run");
  return play(run, how.play);
}

async function play(run: Pick<RunRow, "id" | "agentId">, how: Play = () => done): Promise<RunRow> {
  const worker = await world.worker(how);
  await worker.work(run);
  return world.run(run.id);
}

/** Runs of the issue, oldest first. */
async function runsOf(issueId: string): Promise<RunRow[]> {
  const rows = await world.db.sql.query<{ id: string }>(
    "SELECT id FROM heartbeat_runs WHERE issue_id = $1 ORDER BY created_at, id",
    [issueId],
  );
  return Promise.all(rows.map(({ id }) => world.run(id)));
}

async function nextRunOf(issueId: string): Promise<RunRow> {
  const run = (await runsOf(issueId)).at(-1);
  if (run === undefined) throw new Error("no run");
  return run;
}

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
        const other = await anAgent(world.db.sql, { companyId });
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
          companyId,
          scopeType: "agent",
          scopeId: agentId,
          windowKind: "lifetime",
          amount: 1,
        });
        return world.db.sql.query(
          `INSERT INTO budget_counters (company_id, scope_type, scope_id, window_start, observed_cents)
           VALUES ($1, 'agent', $2, '1970-01-01 00:00:00+00', 5)`,
          [companyId, agentId],
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
          companyId,
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
    const agentId = await anAgent(world.db.sql, { companyId });
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
          companyId,
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
          const documentId = await insertRow(world.db.sql, "documents", { companyId, latestBody: "Plan: a" });
          await insertRow(world.db.sql, "issue_documents", { companyId, issueId: target.issueId, documentId, key });
          await insertRow(world.db.sql, "document_revisions", {
            companyId,
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
            companyId,
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
          companyId,
          issueId: target.issueId,
          type: "branch",
          status: "active",
          provider: "git",
          title: "b",
          createdByRunId: runId,
        });
        await insertRow(world.db.sql, "workspace_operations", {
          companyId,
          heartbeatRunId: runId,
          phase: "worktree_prepare",
        });
        await insertRow(world.db.sql, "issue_comments", {
          companyId,
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

describe("the continuation summary (FI-4)", () => {
  it("LV-97 lists the paths that begin as the configuration says", async () => {
    const target = await anAssignedIssue();
    const { run } = await world.wake({
      agentId: target.agentId,
      reason: "nudged",
      payload: { issueId: target.issueId },
    });
    const worker = await world.worker(() => ({ ...done, summary: "Changed src/roof.ts and packages/a/b.ts." }));
    await workRun({ ...worker.deps, summaryPathRoots: ["src/"] }, { runId: run?.id ?? "", agentId: target.agentId });
    const [document] = await world.db.sql.query<{ body: string }>(
      `SELECT d.latest_body AS body FROM documents d JOIN issue_documents l ON l.document_id = d.id WHERE l.issue_id = $1`,
      [target.issueId],
    );
    expect(document?.body).toMatch(/## Files \/ Routes Touched\n\n- `src\/roof\.ts`\n\n## Commands Run/);
  });

  it("LV-90 one document an issue, a revision a run", async () => {
    const target = await anAssignedIssue({ description: "## Objective\nA dry house" });
    const runs = [];
    for (const summary of ["First", "Second"]) runs.push(await runOnce(target, { play: says({ summary }) }));
    const revisions = await world.db.sql.query<{ n: number; summary: string; run: string; body: string }>(
      `SELECT v.revision_number AS n, v.change_summary AS summary, v.created_by_run_id AS run, v.body
         FROM issue_documents l JOIN document_revisions v ON v.document_id = l.document_id
        WHERE l.issue_id = $1 AND l.key = 'continuation-summary' ORDER BY v.revision_number`,
      [target.issueId],
    );
    expect(revisions.map(({ n, summary, run }) => [n, summary, run])).toEqual(
      runs.map((run, at) => [at + 1, `Refresh continuation summary after run ${run.id}`, run.id]),
    );
    const [document] = await world.db.sql.query<{ title: string; body: string; n: number; isLatest: boolean }>(
      `SELECT d.title, d.latest_body AS body, d.latest_revision_number AS n, v.id IS NOT NULL AS "isLatest"
         FROM issue_documents l JOIN documents d ON d.id = l.document_id
         LEFT JOIN document_revisions v ON v.id = d.latest_revision_id AND v.revision_number = d.latest_revision_number
        WHERE l.issue_id = $1`,
      [target.issueId],
    );
    expect(document).toMatchObject({ title: "Continuation Summary", n: 2, isLatest: true, body: revisions[1]?.body });
    expect(document?.body.match(/^##? .*/gm)).toEqual([
      "# Continuation Summary",
      "## Objective",
      "## Acceptance Criteria",
      "## Recent Concrete Actions",
      "## Files / Routes Touched",
      "## Commands Run",
      "## Blockers / Decisions",
      "## Next Action",
    ]);
    expect(document?.body).toContain("A dry house");
  });

  it("RC-25, RC-91d a failed run's secret is in no document, comment, activity or wake", async () => {
    const target = await anAssignedIssue();
    const secret = "sk-test-0123456789abcdef";
    await runOnce(target, {
      play: () => ({ ...done, exitCode: 3, errorMessage: `Authorization: Bearer ${secret}` }),
    });
    const places = ["documents WHERE latest_body", "issue_comments WHERE body", "activity_log WHERE details::text"];
    for (const place of places) expect(await countRows(world.db.sql, `${place} LIKE '%${secret}%'`)).toBe(0);
    expect(await countRows(world.db.sql, `agent_wakeup_requests WHERE payload::text LIKE '%${secret}%'`)).toBe(0);
  });
});
