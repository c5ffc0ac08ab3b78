/** BY-1: what was decided is kept with the row by the statement that carried it out, and answered in words and data. */
import { agentWhySchema, type JsonObject, runWhySchema } from "@wakefleet/contracts";
import { findAgent, findWakeup } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, insertRow } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { terminateAgent } from "../src/agents/change-agent-status.js";
import { newId } from "../src/ids.js";
import { nothingAfterCommit } from "../src/runs/after-commit.js";
import { cancelActiveRun } from "../src/runs/cancel-run.js";
import { whyAgent } from "../src/why/why-agent.js";
import { whyRun, whyWakeup } from "../src/why/why-run.js";
import { useWorld } from "./support.js";

const world = useWorld();
const leaseMs = 30_000;
let companyId: string;
let agentId: string;
beforeEach(async () => {
  companyId = await aCompany(world.db.sql);
  agentId = await anAgent(world.db.sql, { companyId, heartbeat: { maxConcurrentRuns: 1 } });
});

const issue = (columns = {}) =>
  anIssue(world.db.sql, { companyId, status: "todo", assigneeAgentId: agentId, ...columns });

async function rulesOfRun(runId: string): Promise<string[]> {
  const { receipts } = await world.run(runId);
  for (const { at } of receipts) expect(Date.parse(at)).toBeGreaterThan(0);
  return receipts.map((receipt) => receipt.rule);
}

async function receiptsOf(requestId: string): Promise<[string, string, JsonObject][]> {
  const request = await findWakeup(world.db.sql, requestId);
  return (request?.receipts ?? []).map((receipt) => [receipt.rule, receipt.outcome, receipt.facts]);
}

async function why(runId: string) {
  return runWhySchema.parse(await whyRun(world.db.sql, { run: await world.run(runId), leaseMs }));
}

async function whyIsIt(id = agentId) {
  const agent = await findAgent(world.db.sql, id);
  if (agent === null) throw new Error("the agent is gone");
  return agentWhySchema.parse(await whyAgent(world.db.sql, { agent, leaseMs }));
}

describe("a request keeps what decided", () => {
  it("BY-1, WK-31, WK-30 queued and joined, and the run keeps why there is one", async () => {
    const first = await world.wake({ agentId, payload: { taskKey: "t" } });
    const second = await world.wake({ agentId, payload: { taskKey: "t" } });
    expect(await receiptsOf(first.wakeup.id)).toEqual([["WK-31", "queued", { taskKey: "t", source: "on_demand" }]]);
    expect(await receiptsOf(second.wakeup.id)).toEqual([
      ["WK-30", "coalesced", { taskKey: "t", runId: first.run?.id, agentId, status: "queued" }],
    ]);
    expect(await rulesOfRun(first.run?.id ?? "")).toEqual(["WK-31"]);
  });

  it("BY-1, WK-28, WK-27, FI-8 deferred, joined to a deferred one, promoted when the holder ended", async () => {
    const other = await anAgent(world.db.sql, { companyId });
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const deferred = await world.wake({ agentId: other, payload: { issueId } });
    const joined = await world.wake({ agentId: other, payload: { issueId } });
    const behind = { runId: run?.id, agentId, status: "queued" };
    expect(await receiptsOf(deferred.wakeup.id)).toEqual([["WK-28", "deferred", { issueId, behind }]]);
    expect(await receiptsOf(joined.wakeup.id)).toEqual([
      ["WK-27", "deferred", { issueId, behind, joinedRequestId: deferred.wakeup.id }],
    ]);

    const why = await whyIsIt(other);
    expect(why).toMatchObject({ isRunning: false, counts: { deferredWakeups: 1 }, reason: { rule: "WK-28" } });
    expect(why.reason.facts).toMatchObject({ requestId: deferred.wakeup.id, behind: { runId: run?.id } });

    const worker = await world.worker();
    await worker.work({ id: run?.id ?? "", agentId });
    for (const id of [deferred.wakeup.id, joined.wakeup.id]) {
      const request = await findWakeup(world.db.sql, id);
      expect(request?.receipts.at(-1)).toMatchObject({
        rule: "FI-8",
        outcome: "promoted",
        facts: { endedRunId: run?.id, runId: request?.runId },
      });
      expect(request?.runId).not.toBeNull();
    }
    const promoted = (await findWakeup(world.db.sql, deferred.wakeup.id))?.runId ?? "";
    expect((await world.run(promoted)).receipts[0]).toMatchObject({ rule: "FI-8", facts: { endedRunId: run?.id } });
  });

  it.each([
    [
      "WK-15",
      async () => ({ agentId: await anAgent(world.db.sql, { companyId, heartbeat: { wakeOnDemand: false } }) }),
    ],
    ["WK-20", async () => ({ agentId, payload: { issueId: "no-such-issue" } })],
    [
      "WK-16",
      async () => {
        const rootIssueId = await issue();
        await insertRow(world.db.sql, "issue_tree_holds", { companyId, rootIssueId, mode: "pause", reason: "audit" });
        return { agentId, payload: { issueId: rootIssueId } };
      },
    ],
    [
      "WK-24",
      async () => {
        const [blocker, blocked] = [await issue(), await issue()];
        await insertRow(world.db.sql, "issue_relations", {
          companyId,
          issueId: blocker,
          relatedIssueId: blocked,
          type: "blocks",
        });
        return { agentId, payload: { issueId: blocked } };
      },
    ],
  ] as const)("BY-1, %s a skipped wake keeps the rule, and says what would change it", async (rule, given) => {
    const { wakeup } = await world.wake(await given());
    const [receipt] = await receiptsOf(wakeup.id);
    expect(receipt?.slice(0, 2)).toEqual([rule, "skipped"]);
    const row = await findWakeup(world.db.sql, wakeup.id);
    const told = whyWakeup({ receipts: row?.receipts ?? [] }, null);
    expect(told.reason).toMatchObject({ rule, text: expect.any(String), change: expect.any(String) });
  });

  it("BY-1, WK-12 a refused wake keeps the block", async () => {
    await world.db.sql.query("UPDATE companies SET status = 'paused', pause_reason = 'budget' WHERE id = $1", [
      companyId,
    ]);
    await world.ask({ agentId });
    const [row] = await world.db.sql.query<{ id: string }>("SELECT id FROM agent_wakeup_requests WHERE agent_id = $1", [
      agentId,
    ]);
    expect(await receiptsOf(row?.id ?? "")).toEqual([
      [
        "WK-12",
        "refused",
        expect.objectContaining({ budgetRule: "BU-15.1", scopeType: "company", scopeId: companyId }),
      ],
    ]);
    expect((await whyIsIt()).reason).toMatchObject({ rule: "WK-12", facts: { budgetRule: "BU-15.1" } });
  });

  it("BY-1, AL-12 a deferred wake of a terminated agent says so", async () => {
    const other = await anAgent(world.db.sql, { companyId });
    const issueId = await issue();
    await world.wake({ agentId, payload: { issueId } });
    const { wakeup } = await world.wake({ agentId: other, payload: { issueId } });
    await terminateAgent(
      { ...world.cancelDeps(), queue: world.told.runQueue() },
      { agentId: other, actor: { type: "user", id: "u" } },
    );
    expect((await receiptsOf(wakeup.id)).map(([rule]) => rule)).toEqual(["WK-28", "AL-12"]);
  });
});

describe("a run keeps what decided", () => {
  it("BY-1, CL-13, EX-12 claimed and ended", async () => {
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const worker = await world.worker();
    await worker.work({ id: run?.id ?? "", agentId });
    const { receipts } = await world.run(run?.id ?? "");
    expect(receipts.slice(0, 3)).toMatchObject([
      { rule: "WK-29", outcome: "queued", facts: { issueId } },
      { rule: "CL-13", outcome: "claimed", facts: { slot: 1, slotsUsed: 0, slotsOf: 1, takesLock: true, issueId } },
      { rule: "EX-12", outcome: "ended", facts: { status: "succeeded", exitCode: 0 } },
    ]);
    const told = await why(run?.id ?? "");
    expect(told).toMatchObject({ status: "succeeded", reason: { rule: "EX-12", text: "Its process ended well." } });
    expect(told.decisions.map((one) => one.rule)).toEqual(["WK-29", "CL-13", "EX-12"]);
    expect(told.wakeups).toMatchObject([{ rule: "WK-29", source: "on_demand", requestedByActorType: "user" }]);
  });

  it("BY-1, CL-10 cancelled by a gate, with the facts of the gate", async () => {
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const other = await anAgent(world.db.sql, { companyId });
    await world.db.sql.query("UPDATE issues SET assignee_agent_id = $2 WHERE id = $1", [issueId, other]);
    const preview = await why(run?.id ?? "");
    expect(preview.reason).toMatchObject({ rule: "CL-10", facts: { currentAssigneeAgentId: other } });
    const worker = await world.worker();
    await worker.claim({ id: run?.id ?? "", agentId });
    expect((await why(run?.id ?? "")).reason).toMatchObject({
      rule: "CL-10",
      facts: { issueId, previousAssigneeAgentId: agentId, currentAssigneeAgentId: other },
    });
  });

  it("BY-1, CL-5 cancelled because its agent may not run", async () => {
    const { run } = await world.wake({ agentId });
    await world.db.sql.query("UPDATE agents SET status = 'terminated' WHERE id = $1", [agentId]);
    const worker = await world.worker();
    await worker.claim({ id: run?.id ?? "", agentId });
    expect((await why(run?.id ?? "")).reason).toMatchObject({ rule: "CL-5", facts: { agentStatus: "terminated" } });
  });

  it.each([
    ["CN-1", "person"],
    ["CN-3", "pause"],
    ["BU-21", "budget"],
    ["TH-30", "hold"],
  ] as const)("BY-1, %s cancelled by a %s before it started", async (rule, kind) => {
    const { run } = await world.wake({ agentId });
    if (run === null) throw new Error("no run");
    await world.db.transaction((tx) =>
      cancelActiveRun(tx, { newId }, run, { text: "stop it", kind, recover: false }, nothingAfterCommit()),
    );
    expect(await rulesOfRun(run.id)).toEqual(["WK-31", rule]);
    expect((await why(run.id)).reason?.text).toBe("It was cancelled: stop it.");
  });

  it("BY-1, RT-3, CL-2 a retry keeps whose it is and when it is due, and says that it waits for that", async () => {
    const worker = await world.worker(() => ({
      exitCode: 1,
      signal: null,
      timedOut: false,
      errorCode: "claude_transient_upstream",
      errorMessage: "overloaded",
    }));
    const { run } = await world.wake({ agentId, payload: { taskKey: "t" } });
    await worker.work({ id: run?.id ?? "", agentId });
    const [retry] = await world.db.sql.query<{ id: string }>(
      "SELECT id FROM heartbeat_runs WHERE retry_of_run_id = $1",
      [run?.id],
    );
    const told = await why(retry?.id ?? "");
    expect(told.decisions).toMatchObject([
      { rule: "RT-3", outcome: "scheduled", facts: { ofRunId: run?.id, attempt: 1 } },
    ]);
    expect(told.reason).toMatchObject({ rule: "CL-2", facts: { dueAt: told.decisions[0]?.facts["dueAt"] } });
    expect((await whyIsIt()).reason.rule).toBe("CL-2");
  });
});

describe("why it does not run now", () => {
  it("BY-1, CL-18, QU-1 the slots are taken: who uses them, the place in the queue", async () => {
    const [first, second, third] = [
      await world.wake({ agentId, payload: { taskKey: "1" } }),
      await world.wake({ agentId, payload: { taskKey: "2" } }),
      await world.wake({ agentId, payload: { taskKey: "3" } }),
    ];
    const worker = await world.worker();
    await worker.mustClaim({ id: first.run?.id ?? "", agentId });
    const told = await why(third.run?.id ?? "");
    expect(told.reason).toMatchObject({
      rule: "CL-18",
      facts: { slotsUsed: 1, slotsOf: 1, place: 2, waiting: 2 },
      change: expect.stringContaining("maxConcurrentRuns"),
    });
    const agent = await whyIsIt();
    expect(agent).toMatchObject({
      isRunning: true,
      slots: { used: 1, of: 1 },
      counts: { queued: 2, scheduledRetry: 0, deferredWakeups: 0 },
      reason: { rule: "QU-1", facts: { runIds: [first.run?.id] } },
      waiting: [
        { runId: second.run?.id, place: 1, reason: { rule: "CL-18" } },
        { runId: third.run?.id, place: 2, reason: { rule: "CL-18" } },
      ],
    });
  });

  it("BY-1, QU-3 the queue's order is the one that is shown", async () => {
    const low = await world.wake({ agentId, payload: { issueId: await issue({ priority: "low" }) } });
    const started = await world.wake({ agentId, payload: { issueId: await issue({ status: "in_progress" }) } });
    const agent = await whyIsIt();
    expect(agent.waiting.map((one) => one.runId)).toEqual([started.run?.id, low.run?.id]);
    expect(agent.reason.rule).toBe("QU-3");
  });

  it("BY-1, CL-7 a hold that came after the wake", async () => {
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const holdId = await insertRow(world.db.sql, "issue_tree_holds", {
      companyId,
      rootIssueId: issueId,
      mode: "pause",
    });
    expect((await why(run?.id ?? "")).reason).toMatchObject({ rule: "CL-7", facts: { hold: { holdId } } });
  });

  it("BY-1, AL-10, WK-50 paused; idle; waiting for its timer", async () => {
    expect((await whyIsIt()).reason).toMatchObject({ rule: "WK-50", facts: { nextTimerAt: null } });
    await world.db.sql.query("UPDATE agents SET next_timer_at = now() + interval '1 hour' WHERE id = $1", [agentId]);
    expect((await whyIsIt()).reason.text).toMatch(/timer is due at 20/);
    await world.db.sql.query("UPDATE agents SET status = 'paused', pause_reason = 'manual' WHERE id = $1", [agentId]);
    expect((await whyIsIt()).reason).toMatchObject({ rule: "AL-10", change: "Resume the agent." });
  });

  it("BY-1 a run from before receipts were kept is answered without a made-up reason", async () => {
    const { run } = await world.wake({ agentId });
    const worker = await world.worker();
    await worker.mustClaim({ id: run?.id ?? "", agentId });
    await world.db.sql.query("UPDATE heartbeat_runs SET receipts = '[]' WHERE id = $1", [run?.id]);
    expect(await why(run?.id ?? "")).toMatchObject({ status: "running", reason: null, decisions: [] });
  });
});
