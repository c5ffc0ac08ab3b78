/** What a run's adapter is told of its task, and the worker's own checkout (EX-2 to EX-5, EX-7, CX-, CO-33). */
import type { AdapterExecutionContext } from "@wakefleet/adapters";
import type { JsonObject } from "@wakefleet/contracts";
import { executionStageOf } from "@wakefleet/domain";
import { aCompany, anAgent, anIssue, aRun, insertRow } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { workRun } from "../src/runs/work-run.js";
import { countRows, done, type Play, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

async function assigned(columns: { agent?: object; issue?: object } = {}) {
  const agentId = await anAgent(world.db.sql, { companyId, ...columns.agent });
  const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId, ...columns.issue });
  return { agentId, issueId };
}

/** Runs a run of the issue and answers what its adapter got, and the run as it ended. */
async function runOf(
  { agentId, issueId }: { agentId: string; issueId: string | null },
  context: JsonObject,
  play: Play = () => done,
) {
  const seen: AdapterExecutionContext[] = [];
  const worker = await world.worker((given) => {
    seen.push(given);
    return play(given);
  });
  const id = await aRun(world.db.sql, {
    companyId,
    agentId,
    issueId,
    contextSnapshot: { ...(issueId === null ? {} : { issueId, taskId: issueId }), ...context },
  });
  await worker.work({ id, agentId });
  return { context: seen[0]?.context ?? null, config: seen[0]?.config ?? null, run: await world.run(id) };
}

const issueRow = async (issueId: string) => {
  const [row] = await world.db.sql.query<Record<string, unknown>>(
    `SELECT status, checkout_run_id AS checkout, execution_run_id AS execution, started_at IS NOT NULL AS started
       FROM issues WHERE id = $1`,
    [issueId],
  );
  return row;
};

const aComment = (issueId: string, body: string, columns: object = {}) =>
  insertRow(world.db.sql, "issue_comments", { companyId, issueId, body, authorUserId: "someone", ...columns });

describe("the worker's own checkout", () => {
  it.each(["todo", "backlog", "blocked", "in_progress"] as const)(
    "EX-2, CO-25, CO-33 an issue that is %s is checked out before the adapter runs, without an activity row",
    async (status) => {
      const task = await assigned({ issue: { status } });
      let during: unknown;
      const { context, run } = await runOf(task, { wakeReason: "issue_assigned" }, async () => {
        during = await issueRow(task.issueId);
        return done;
      });
      expect(during).toMatchObject({ status: "in_progress", checkout: run.id, execution: run.id });
      expect(context).toMatchObject({
        wakefleetHarnessCheckedOut: true,
        wakefleetWake: { checkedOutByHarness: true, issue: { status: "in_progress" } },
      });
      const activity = "activity_log WHERE run_id = $1 AND action = 'issue.checked_out'";
      expect(await countRows(world.db.sql, activity, [run.id])).toBe(0);
    },
  );

  it.each([{}, { wakeReason: "issue_comment_mentioned" }, { wakeReason: "execution_review_requested" }])(
    "EX-2 %j leaves the issue as it is, and the context says nothing of a checkout",
    async (wake) => {
      const task = await assigned();
      const { context } = await runOf(task, wake, async () => {
        expect(await issueRow(task.issueId)).toMatchObject({ status: "todo", checkout: null });
        return done;
      });
      expect(context).not.toHaveProperty("wakefleetHarnessCheckedOut");
      expect(context).toMatchObject({ wakefleetWake: { checkedOutByHarness: false } });
    },
  );

  it.each(["reviewer", "approver", "executor"] as const)(
    "EP-24 the stage reaches the adapter of the %s as the wake had it",
    async (wakeRole) => {
      const reviewer = { type: "user", userId: "  ann " } as const;
      const executionStage = executionStageOf(
        {
          status: wakeRole === "executor" ? "changes_requested" : "pending",
          currentStageId: UNKNOWN_ID,
          currentStageIndex: 1,
          currentStageType: wakeRole === "approver" ? "approval" : "review",
          currentParticipant: reviewer,
          returnAssignee: { type: "agent", agentId: UNKNOWN_ID },
          reviewRequest: { instructions: `  mind the "edges"\n\n${"x".repeat(19_000)}\t🙂 ` },
          completedStageIds: [UNKNOWN_ID],
          lastDecisionId: UNKNOWN_ID,
          lastDecisionOutcome: "changes_requested",
        },
        wakeRole,
      );
      const { context } = await runOf(await assigned(), { wakeReason: "execution_review_requested", executionStage });
      expect(context).toMatchObject({ wakefleetWake: expect.anything() });
      const { wakefleetWake } = context as { wakefleetWake: JsonObject };
      expect(wakefleetWake["executionStage"]).toEqual(executionStage);
    },
  );

  it("EX-2, CO-29, CO-31 a live run's checkout is not taken: the run goes on and knows it", async () => {
    const task = await assigned({ issue: { status: "in_progress" } });
    const other = await aRun(world.db.sql, { companyId, agentId: task.agentId, status: "queued", taskKey: "other" });
    await world.db.sql.query("UPDATE issues SET checkout_run_id = $2 WHERE id = $1", [task.issueId, other]);
    const { context, run } = await runOf(task, { wakeReason: "issue_commented" });
    expect(run.status).toBe("succeeded");
    expect(context).toMatchObject({ wakefleetHarnessCheckedOut: false, wakefleetWake: { checkedOutByHarness: false } });
    expect(await issueRow(task.issueId)).toMatchObject({ checkout: other });
  });

  it("CO-27 a checkout whose run is over is adopted", async () => {
    const task = await assigned({ issue: { status: "in_progress" } });
    const over = await aRun(world.db.sql, { companyId, agentId: task.agentId, status: "failed" });
    await world.db.sql.query("UPDATE issues SET checkout_run_id = $2 WHERE id = $1", [task.issueId, over]);
    const { context } = await runOf(task, { wakeReason: "issue_commented" });
    expect(context).toMatchObject({ wakefleetHarnessCheckedOut: true });
  });

  it("CO-24, CO-33 a blocker set since the claim ends the run as the gate would have (08-54)", async () => {
    const task = await assigned();
    const blocker = await anIssue(world.db.sql, { companyId });
    const worker = await world.worker(() => {
      throw new Error("the adapter must not run");
    });
    const id = await aRun(world.db.sql, {
      companyId,
      ...task,
      contextSnapshot: { issueId: task.issueId, wakeReason: "issue_assigned" },
    });
    const faults = {
      hit: async (point: string): Promise<void> => {
        if (point !== "after-claim-before-execute") return;
        await world.db.sql.query(
          "INSERT INTO issue_relations (company_id, issue_id, related_issue_id, type) VALUES ($1, $2, $3, 'blocks')",
          [companyId, blocker, task.issueId],
        );
      },
    };
    await workRun({ ...worker.deps, faults }, { runId: id, agentId: task.agentId });
    const run = await world.run(id);
    expect(run).toMatchObject({ status: "cancelled", errorCode: "issue_dependencies_blocked", cancelKind: "gate" });
    expect(run.resultJson).toMatchObject({
      stopReason: "issue_dependencies_blocked",
      timeoutSource: "dependency_gate",
    });
    expect(await world.request(run.wakeupRequestId ?? "")).toMatchObject({ status: "skipped" });
    expect(await issueRow(task.issueId)).toMatchObject({ status: "todo", execution: null });
    expect(await countRows(world.db.sql, "agents WHERE id = $1 AND status = 'idle'", [task.agentId])).toBe(1);
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE agent_id = $1", [task.agentId])).toBe(1);
  });

  it("CO-22, CO-33, AC-24 a hold set since the claim ends the run as the gate would have (08-54)", async () => {
    const task = await assigned();
    const worker = await world.worker(() => {
      throw new Error("the adapter must not run");
    });
    const id = await aRun(world.db.sql, {
      companyId,
      ...task,
      contextSnapshot: { issueId: task.issueId, wakeReason: "issue_assigned" },
    });
    const faults = {
      hit: async (point: string): Promise<void> => {
        if (point !== "after-claim-before-execute") return;
        await insertRow(world.db.sql, "issue_tree_holds", {
          companyId,
          rootIssueId: task.issueId,
          mode: "pause",
          status: "active",
        });
      },
    };
    await workRun({ ...worker.deps, faults }, { runId: id, agentId: task.agentId });
    const run = await world.run(id);
    expect(run).toMatchObject({ status: "cancelled", errorCode: "cancelled", cancelKind: "hold" });
    expect(run.resultJson).toMatchObject({ stopReason: "paused" });
    const activity = "activity_log WHERE run_id = $1 AND action = 'issue.tree_hold_run_interrupted'";
    expect(await countRows(world.db.sql, activity, [id])).toBe(1);
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE agent_id = $1", [task.agentId])).toBe(1);
  });
});

describe("the context", () => {
  it("CX-20, CX-41, EX-3, EX-7 tells issue, comment, task and payload, and is what people read", async () => {
    const task = await assigned({ issue: { description: "It leaks." } });
    const early = await aComment(task.issueId, "first");
    const late = await aComment(task.issueId, "y".repeat(5_000));
    const wakeCommentIds = [early, UNKNOWN_ID, "no uuid", late];
    const { context, run } = await runOf(task, { wakeReason: "issue_commented", wakeCommentIds, wakeCommentId: late });
    expect(context).toMatchObject({
      wakefleetIssue: { id: task.issueId, title: "Mend the roof", description: "It leaks." },
      wakefleetWakeComment: { id: late, body: "y".repeat(5_000) },
      wakefleetWake: {
        reason: "issue_commented",
        commentIds: wakeCommentIds,
        latestCommentId: late,
        comments: [
          { id: early, body: "first", bodyTruncated: false, author: { type: "user", id: "someone" } },
          { id: late, body: "y".repeat(4_000), bodyTruncated: true },
        ],
        commentWindow: { requestedCount: 4, includedCount: 2, missingCount: 2 },
        truncated: true,
        fallbackFetchNeeded: true,
      },
      wakefleetWorkspace: { mode: "shared_workspace", agentHome: expect.any(String) },
      wakefleetWorkspaces: [],
      wakefleetEnvironment: { name: "Local", driver: "local", leaseId: expect.any(String) },
    });
    expect(context?.["wakefleetTaskMarkdown"]).toContain("Issue description:\n```text\nIt leaks.\n```");
    expect(run.contextSnapshot).toMatchObject(context ?? {});
  });

  it("CX-30, CX-40 a wake without work has neither payload nor task text, and another company's comment is none", async () => {
    const elsewhere = await aCompany(world.db.sql);
    const foreignIssue = await anIssue(world.db.sql, { companyId: elsewhere });
    const foreign = await aComment(foreignIssue, "secret", { companyId: elsewhere });
    const agentId = await anAgent(world.db.sql, { companyId });
    const { context } = await runOf({ agentId, issueId: null }, { wakeReason: "asked" });
    for (const key of ["wakefleetWake", "wakefleetTaskMarkdown", "wakefleetIssue", "wakefleetWakeComment"]) {
      expect(context).not.toHaveProperty(key);
    }
    const told = await runOf({ agentId, issueId: null }, { wakeCommentIds: [foreign] });
    expect(JSON.stringify(told.context)).not.toContain("secret");
    expect(told.context).toMatchObject({ wakefleetWake: { commentWindow: { missingCount: 1 } } });
  });

  it("CX-32, CX-33 (05-59) of twelve comments that were asked for, one of them deleted, the newest that fit", async () => {
    const task = await assigned();
    const ids: string[] = [];
    for (let at = 1; at <= 12; at += 1) ids.push(await aComment(task.issueId, `${at}${"x".repeat(5_000)}`));
    await world.db.sql.query("DELETE FROM issue_comments WHERE id = $1", [ids[3]]);
    const { context } = await runOf(task, { wakeReason: "issue_commented", wakeCommentIds: ids });
    const payload = (context?.["wakefleetWake"] ?? {}) as JsonObject;
    expect(payload).toMatchObject({
      commentIds: ids,
      latestCommentId: ids[11],
      commentWindow: { requestedCount: 12, includedCount: 3, missingCount: 1 },
      truncated: true,
      fallbackFetchNeeded: true,
    });
    const comments = payload["comments"] as { id: string; body: string }[];
    expect(comments.map(({ id }) => id)).toEqual(ids.slice(9));
    expect(comments.map(({ body }) => body.length)).toEqual([4_000, 4_000, 4_000]);
  });

  it("CX-41, CX-42 (05-60, 05-61) a title of two lines stays on its line, and a description does not close its own fence", async () => {
    const title = 'Say "hi"\n- Issue: "other"';
    const description = "Before\n`````\nafter";
    const { context } = await runOf(await assigned({ issue: { title, description } }), {
      wakeReason: "issue_assigned",
    });
    const lines = String(context?.["wakefleetTaskMarkdown"]).split("\n");
    expect(lines).toContain(`- Title: ${JSON.stringify(title)}`);
    expect(lines.slice(lines.indexOf("``````text"))).toEqual([
      "``````text",
      "Before",
      "`````",
      "after",
      "``````",
      "",
      "Use this task context as the current assignment.",
    ]);
  });

  it("CX-12, EX-2, RT-3 (05-62) a retry has a checkout in its context only when it made it itself, whatever the failed run had", async () => {
    const services = [{ url: "http://127.0.0.1:1" }];
    const fails: Play = () => ({ ...done, exitCode: 1, errorFamily: "transient_upstream" });
    for (const [status, checkedOut] of [
      ["in_progress", true],
      ["in_review", undefined],
    ] as const) {
      const task = await assigned();
      const first = await runOf(task, { wakeReason: "issue_assigned" }, fails);
      expect(first.run.contextSnapshot).toMatchObject({ wakefleetHarnessCheckedOut: true });
      const [retry] = await world.db.sql.query<{ id: string }>(
        `UPDATE heartbeat_runs SET scheduled_retry_at = now(),
                context_snapshot = context_snapshot || jsonb_build_object('wakefleetRuntimeServices', $2::jsonb)
          WHERE retry_of_run_id = $1 RETURNING id`,
        [first.run.id, JSON.stringify(services)],
      );
      await world.db.sql.query("UPDATE issues SET status = $2 WHERE id = $1", [task.issueId, status]);
      const worker = await world.worker();
      await worker.work({ id: retry?.id ?? "", agentId: task.agentId });
      const { contextSnapshot, status: ended } = await world.run(retry?.id ?? "");
      expect(ended).toBe("succeeded");
      expect(contextSnapshot).toMatchObject({ wakeReason: "transient_failure_retry" });
      expect(contextSnapshot?.["wakefleetHarnessCheckedOut"]).toBe(checkedOut);
      expect(contextSnapshot).not.toHaveProperty("wakefleetRuntimeServices");
    }
  });

  it("CX-12 nothing of an earlier execution survives in a retry's copied context", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const stale = {
      wakefleetRuntimeServices: [{ url: "http://old" }],
      wakefleetRuntimePrimaryUrl: "http://old",
      wakefleetHarnessCheckedOut: true,
      wakefleetWake: { reason: "old" },
      wakefleetTaskMarkdown: "old",
      wakefleetSessionHandoffMarkdown: "old",
      executionWorkspaceId: UNKNOWN_ID,
    };
    const { context, run } = await runOf({ agentId, issueId: null }, { ...stale, retryReason: "transient_failure" });
    for (const key of Object.keys(stale)) {
      expect(context).not.toHaveProperty(key);
      expect(run.contextSnapshot).not.toHaveProperty(key);
    }
    expect(run.contextSnapshot).toMatchObject({ retryReason: "transient_failure" });
  });

  it("CX-11 a wake that names no project is told its issue's", async () => {
    const projectId = await insertRow(world.db.sql, "projects", { companyId, name: "Roof" });
    const { context, run } = await runOf(await assigned({ issue: { projectId } }), { wakeReason: "issue_assigned" });
    expect(context).toMatchObject({ projectId, wakefleetWorkspace: { projectId } });
    expect(run.contextSnapshot).toMatchObject({ projectId });
    const other = await insertRow(world.db.sql, "projects", { companyId, name: "Cellar" });
    const named = await runOf(await assigned({ issue: { projectId } }), { wakeReason: "asked", projectId: other });
    expect(named.context).toMatchObject({ projectId: other, wakefleetWorkspace: { projectId } });
  });

  it("CX-22 a large context is stored without its bodies; the adapter gets all of it", async () => {
    const task = await assigned({ issue: { description: "d".repeat(300_000) } });
    const { context, run } = await runOf(task, { wakeReason: "issue_assigned" });
    expect(context).toMatchObject({ wakefleetIssue: { description: "d".repeat(300_000) } });
    expect(run.contextSnapshot).toMatchObject({ _truncated: true, wakefleetIssue: { id: task.issueId } });
    expect(JSON.stringify(run.contextSnapshot).length).toBeLessThan(20_000);
  });

  it("LV-98 the summary of the work before is whole in the context and short in the payload", async () => {
    const task = await assigned();
    await runOf(task, { wakeReason: "issue_assigned" }, () => ({
      ...done,
      summary: `Done a part. ${"z".repeat(6_000)}`,
    }));
    const { context } = await runOf(task, { wakeReason: "issue_commented" });
    expect(context).toMatchObject({
      wakefleetContinuationSummary: {
        key: "continuation-summary",
        title: "Continuation Summary",
        body: expect.stringContaining("Done a part."),
        updatedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      wakefleetWake: { continuationSummary: { key: "continuation-summary", bodyTruncated: false } },
    });
  });

  it("LV-98 without a document there is none", async () => {
    const { context } = await runOf(await assigned(), { wakeReason: "issue_assigned" });
    expect(context).not.toHaveProperty("wakefleetContinuationSummary");
    expect(context).toMatchObject({ wakefleetWake: { continuationSummary: null } });
  });
});

describe("the config", () => {
  const overrides = { adapterConfig: { env: { FROM: "issue" }, timeoutSec: 7 }, useProjectWorkspace: false };
  const agent = { adapterConfig: { command: "c", timeoutSec: 1, env: { KEPT: "no" }, workspaceRuntime: { jobs: [] } } };

  it("EX-4, EX-5, CX-4, CX-5 an issue's overrides are laid over its assignee's settings, for this run alone", async () => {
    const task = await assigned({ agent, issue: { assigneeAdapterOverrides: overrides } });
    const { config, context, run } = await runOf(task, { wakeReason: "issue_assigned" });
    expect(config).toEqual({ command: "c", timeoutSec: 7, env: { FROM: "issue" } });
    expect(context).toMatchObject({ wakefleetWorkspace: { mode: "agent_default" } });
    expect(run.resultJson).toMatchObject({ effectiveTimeoutSec: 7, timeoutSource: "config" });
    const [stored] = await world.db.sql.query<{ config: object }>(
      "SELECT adapter_config AS config FROM agents WHERE id = $1",
      [task.agentId],
    );
    expect(stored?.config).toEqual(agent.adapterConfig);
  });
});
