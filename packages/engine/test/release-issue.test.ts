import { aCompany, anAgent, anIssue, aRequest, aRun } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { pauseAgent } from "../src/agents/change-agent-status.js";
import { cancelRun } from "../src/runs/cancel-run.js";
import { countRows, spoke, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const agent = (columns = {}) => anAgent(world.db.sql, { companyId, ...columns });
async function issueRow(issueId: string): Promise<Record<string, unknown>> {
  const [row] = await world.db.sql.query<Record<string, unknown>>("SELECT * FROM issues WHERE id = $1", [issueId]);
  return row ?? {};
}
const runOf = (requestId: string) => world.request(requestId).then(({ runId }) => world.run(runId ?? ""));

/** An issue whose assignee's run is running, and what ends that run. */
async function busyIssue(status: "todo" | "done" | "in_progress" = "in_progress") {
  const agentId = await agent();
  const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
  const first = await world.wake({ agentId, payload: { issueId } });
  const run = { id: first.run?.id ?? "", agentId };
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let started: () => void = () => undefined;
  const starting = new Promise<void>((resolve) => {
    started = resolve;
  });
  const worker = await world.worker(async () => {
    started();
    await finished;
    return spoke;
  });
  const working = worker.work(run);
  await starting;
  await world.db.sql.query("UPDATE issues SET status = $2 WHERE id = $1", [issueId, status]);
  return {
    agentId,
    issueId,
    run,
    end: async () => {
      finish();
      await working;
    },
  };
}

it("CO-34 the end of a run gives its checkout back, and leaves another's", async () => {
  const busy = await busyIssue();
  const checkOut = (runId: string) =>
    world.db.sql.query("UPDATE issues SET checkout_run_id = $2 WHERE id = $1", [busy.issueId, runId]);
  await checkOut(busy.run.id);
  await busy.end();
  expect(await issueRow(busy.issueId)).toMatchObject({ checkout_run_id: null, execution_run_id: null });
  const second = await busyIssue();
  const other = await aRun(world.db.sql, { companyId, agentId: second.agentId });
  await world.db.sql.query("UPDATE issues SET checkout_run_id = $2 WHERE id = $1", [second.issueId, other]);
  await second.end();
  expect(await issueRow(second.issueId)).toMatchObject({ checkout_run_id: other });
});

describe("deferred behind a running run", () => {
  it("WK-28, WK-27, API-175 three comment wakes: one deferred request with coalesced_count 2, the ids in order (03-3, 03-4)", async () => {
    const busy = await busyIssue();
    const { agentId, issueId } = busy;
    const decided = [];
    for (const commentId of ["c1", "c2", "c3"]) {
      decided.push(await world.wake({ agentId, payload: { issueId, commentId }, idempotencyKey: commentId }));
    }
    expect(decided.map(({ outcome, rule }) => [outcome, rule])).toEqual([
      ["deferred", "WK-28"],
      ["deferred", "WK-27"],
      ["deferred", "WK-27"],
    ]);
    expect(decided[0]?.skip).toMatchObject({
      reason: "issue_execution_deferred",
      skipReason: "issue_execution_deferred",
      executionRunId: busy.run.id,
      executionAgentId: agentId,
      message: expect.stringMatching(/^Wakeup was deferred because this issue is already being executed by Agent /),
    });
    const ids = decided.map(({ wakeup }) => wakeup.id);
    expect(await world.request(ids[0] ?? "")).toMatchObject({
      status: "deferred_issue_execution",
      reason: "issue_execution_deferred",
      coalescedCount: 2,
      issueId,
      finishedAt: null,
      payload: { issueId, commentId: "c3", _wakefleetWakeContext: { wakeCommentIds: ["c1", "c2", "c3"] } },
    });
    for (const id of ids.slice(1)) {
      const row = await world.request(id);
      expect(row).toMatchObject({
        status: "coalesced",
        reason: "issue_execution_deferred",
        coalescedCount: 1,
        runId: null,
      });
      expect(row.finishedAt).not.toBeNull();
    }
    await busy.end();

    const promoted = await runOf(ids[0] ?? "");
    expect(promoted).toMatchObject({ status: "queued", agentId, issueId, dispatchedAt: null });
    expect(promoted.contextSnapshot).toMatchObject({ wakeCommentIds: ["c1", "c2", "c3"], wakeCommentId: "c3" });
    const request = await world.request(ids[0] ?? "");
    expect(request).toMatchObject({ status: "queued", reason: "issue_execution_promoted" });
    expect(request.payload).toEqual({ issueId, commentId: "c3" });
    for (const id of ids.slice(1))
      expect(await world.request(id)).toMatchObject({ status: "coalesced", runId: promoted.id });
    expect(await issueRow(issueId)).toMatchObject({ execution_run_id: promoted.id });
    expect(world.told.jobs.filter((job) => job.data.runId === promoted.id)).toHaveLength(1);
    const again = await world.wake({ agentId, payload: { issueId, commentId: "c2" }, idempotencyKey: "c2" });
    expect(again).toMatchObject({ outcome: "deferred", replayed: true });
  });

  it("WK-28, FI-8 a mentioned agent waits too, and its run takes no lock that is the assignee's (03-5)", async () => {
    const busy = await busyIssue();
    const mentioned = await agent();
    const { wakeup } = await world.wake({ agentId: mentioned, payload: { issueId: busy.issueId, commentId: "c" } });
    await busy.end();
    const promoted = await runOf(wakeup.id);
    expect(promoted).toMatchObject({ status: "queued", agentId: mentioned });
    expect(await issueRow(busy.issueId)).toMatchObject({ execution_run_id: null });
  });

  it("FI-8 of several waiting agents the oldest is promoted, the next when that one ends", async () => {
    const busy = await busyIssue();
    const [one, two] = [await agent(), await agent()];
    const asked = [];
    for (const agentId of [one, two]) asked.push(await world.wake({ agentId, payload: { issueId: busy.issueId } }));
    await busy.end();
    const [first, second] = asked.map(({ wakeup }) => wakeup.id);
    const promoted = await runOf(first ?? "");
    expect(await world.request(second ?? "")).toMatchObject({ status: "deferred_issue_execution", runId: null });
    await (await world.worker(() => spoke)).work({ id: promoted.id, agentId: one });
    expect(await runOf(second ?? "")).toMatchObject({ status: "queued", agentId: two });
  });

  it("FI-8 an agent paused before the release: its requests fail with the words of the rule (04-15)", async () => {
    const busy = await busyIssue();
    const waiting = [await agent(), await agent()];
    const asked = [];
    for (const agentId of waiting)
      asked.push(await world.wake({ agentId, payload: { issueId: busy.issueId, commentId: "c" } }));
    await world.db.sql.query("UPDATE agents SET status = 'paused' WHERE id = ANY($1::uuid[])", [waiting]);
    await busy.end();
    for (const { wakeup } of asked) {
      const row = await world.request(wakeup.id);
      expect(row).toMatchObject({
        status: "failed",
        error: "Deferred wake could not be promoted: agent is not invokable",
        runId: null,
      });
      expect(row.finishedAt).not.toBeNull();
    }
  });

  it.each<["user" | "agent", "done" | "in_progress", string]>([
    ["user", "done", "todo"],
    ["agent", "done", "done"],
    ["user", "in_progress", "in_progress"],
  ])("FI-8 a comment by a %s on an issue that is %s: %s after the promotion", async (type, before, after) => {
    const busy = await busyIssue(before);
    const { agentId, issueId } = busy;
    const { wakeup } = await world.wake({
      agentId,
      payload: { issueId, commentId: "c" },
      actor: { type, id: agentId },
    });
    await busy.end();
    expect(await issueRow(issueId)).toMatchObject({ status: after });
    const context = (await runOf(wakeup.id)).contextSnapshot;
    if (after === "todo") {
      expect(context).toMatchObject({ reopenedFrom: "done" });
      expect(
        await countRows(world.db.sql, "activity_log WHERE entity_id = $1 AND action = 'issue.updated'", [issueId]),
      ).toBe(1);
    } else expect(context).not.toHaveProperty("reopenedFrom");
  });

  it("FI-8 another company's deferred request of the same issue text is never promoted", async () => {
    const busy = await busyIssue();
    const foreign = await aCompany(world.db.sql);
    const stranger = await anAgent(world.db.sql, { companyId: foreign });
    const { issueId } = busy;
    const requestId = await aRequest(world.db.sql, {
      companyId: foreign,
      agentId: stranger,
      issueId,
      status: "deferred_issue_execution",
    });
    await busy.end();
    expect(await world.request(requestId)).toMatchObject({ status: "deferred_issue_execution" });
    await world.db.sql.query("DELETE FROM agent_wakeup_requests WHERE id = $1", [requestId]);
  });
});

describe("the lock", () => {
  it("FI-8 is cleared when nothing waits, also by a cancel of a waiting run that held it", async () => {
    const busy = await busyIssue();
    expect(await issueRow(busy.issueId)).toMatchObject({ execution_run_id: busy.run.id });
    await busy.end();
    expect(await issueRow(busy.issueId)).toMatchObject({
      execution_run_id: null,
      execution_agent_name_key: null,
      execution_locked_at: null,
    });
    const { agentId, issueId } = busy;
    const next = await world.wake({ agentId, payload: { issueId } });
    await world.wake({ agentId, payload: { issueId } });
    expect(await issueRow(issueId)).toMatchObject({ execution_run_id: next.run?.id });
    await cancelRun(world.cancelDeps(), { runId: next.run?.id ?? "", actor: { type: "user", id: "u" } });
    expect(await issueRow(issueId)).toMatchObject({ execution_run_id: null });
  });

  it("FI-8, WK-23 another active run that names the issue becomes the holder, nothing is promoted before its end", async () => {
    const busy = await busyIssue();
    const { issueId } = busy;
    const { wakeup } = await world.wake({ agentId: await agent(), payload: { issueId } });
    const other = await agent({ name: "Bob" });
    const otherRun = await aRun(world.db.sql, { companyId, agentId: other, issueId });
    await busy.end();
    expect(await issueRow(issueId)).toMatchObject({ execution_run_id: otherRun, execution_agent_name_key: "bob" });
    expect(await world.request(wakeup.id)).toMatchObject({ status: "deferred_issue_execution" });
    await (await world.worker(() => spoke)).work({ id: otherRun, agentId: other });
    expect(await world.request(wakeup.id)).toMatchObject({ status: "queued" });
  });

  it("FI-8, DM-91 locks a run took of other issues while it ran end with it, and what waited there goes on (CO-25)", async () => {
    const agentId = await agent();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const waiting = await agent();
    const { run } = await world.wake({ agentId });
    let wakeupId = "";
    const worker = await world.worker(async () => {
      await world.db.sql.query("UPDATE issues SET execution_run_id = $2, checkout_run_id = $2 WHERE id = $1", [
        issueId,
        run?.id,
      ]);
      wakeupId = await aRequest(world.db.sql, {
        companyId,
        agentId: waiting,
        issueId,
        status: "deferred_issue_execution",
      });
      return spoke;
    });
    await worker.work({ id: run?.id ?? "", agentId });
    expect(await issueRow(issueId)).toMatchObject({ execution_run_id: null });
    expect(await runOf(wakeupId)).toMatchObject({ status: "queued", agentId: waiting });
  });

  it("AL-10, FI-8 pausing the agent whose wake waits behind its own run fails the wake and frees the issue", async () => {
    const agentId = await agent();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const runId = await aRun(world.db.sql, { companyId, agentId, issueId });
    await world.db.sql.query("UPDATE issues SET execution_run_id = $2 WHERE id = $1", [issueId, runId]);
    const waiting = await aRequest(world.db.sql, { companyId, agentId, issueId, status: "deferred_issue_execution" });
    await pauseAgent(
      { ...world.cancelDeps(), queue: world.told.runQueue() },
      { agentId, actor: { type: "user", id: "u" } },
    );
    expect(await issueRow(issueId)).toMatchObject({ execution_run_id: null });
    expect(await world.request(waiting)).toMatchObject({ status: "failed" });
  });
});
