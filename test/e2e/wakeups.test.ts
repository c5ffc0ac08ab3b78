/** Accepting wakes over two API processes at once (WK-): coalescing, deferring, idempotency, order; and the claim's facts. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import {
  createAgent,
  createCompany,
  type RunAnswer,
  readRun,
  runCounts,
  untilEnded,
  untilSettled,
  untilStarted,
  wake,
} from "../support/fleet-work.js";

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ apis: 2, workers: 2 });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

function createHeld(name: string): Promise<string> {
  return createAgent(fleet, {
    companyId,
    name,
    adapterConfig: fleet.witness.agentConfig("until_released"),
    heartbeat: { maxConcurrentRuns: 1 },
  });
}

/** Keeps the agent's one slot until its run is released. */
async function occupy(agentId: string): Promise<string> {
  const { id } = await wake(fleet, agentId, { taskKey: "occupied" });
  await untilStarted(fleet, id);
  return id;
}

/** An issue of the agent in a status, without the wake that its assignment would be (W1): these tests make their own. */
async function createIssue(fields: {
  title: string;
  status?: string;
  priority?: string;
  assigneeAgentId: string;
}): Promise<string> {
  const parked = { ...fields, status: "backlog" };
  const { status, body } = await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, parked);
  if (status !== 201) throw new Error(`creating an issue answered ${status}: ${JSON.stringify(body)}`);
  await fleet.db.sql.query("UPDATE issues SET status = $2 WHERE id = $1", [body.id, fields.status ?? "backlog"]);
  return body.id;
}

interface RequestRow {
  readonly status: string;
  readonly reason: string | null;
  readonly coalescedCount: number;
  readonly runId: string | null;
}

async function requestsOf(agentId: string): Promise<RequestRow[]> {
  return fleet.db.sql.query<RequestRow>(
    `SELECT status, reason, coalesced_count AS "coalescedCount", run_id AS "runId"
       FROM agent_wakeup_requests WHERE agent_id = $1 ORDER BY requested_at, id`,
    [agentId],
  );
}

describe("many callers at once", () => {
  it("WK-30, WK-32 200 identical wakes while the agent is busy: one queued run, 199 coalesced into it (03-1)", async () => {
    const agentId = await createHeld("Popular");
    const occupied = await occupy(agentId);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => wake(fleet, agentId, { taskKey: "the same", api: index % 2 })),
    );
    const runIds = new Set(answers.map((answer) => answer.id));
    expect(runIds.size).toBe(1);
    const requests = (await requestsOf(agentId)).filter((request) => request.runId !== occupied);
    expect(requests.map((request) => request.status).sort()).toEqual([...Array(199).fill("coalesced"), "queued"]);
    expect(requests.every((request) => runIds.has(request.runId ?? ""))).toBe(true);
    fleet.witness.release(occupied);
    for (const runId of runIds) fleet.witness.release(runId);
    await untilSettled(fleet);
    expect(await runCounts(fleet, [agentId])).toEqual({ succeeded: 2 });
  });

  it("WK-42 one idempotency key 50 times at once: one row, one run, equal answers; another body is refused (03-12, 03-13)", async () => {
    const agentId = await createHeld("Careful");
    const body = { payload: { taskKey: "once" } };
    const post = (index: number, sent: object = body) =>
      fleet
        .httpOf(index % 2)
        .post<RunAnswer & { code?: string }>(`/api/agents/${agentId}/wakeup`, sent, { "Idempotency-Key": "k1" });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => post(index)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(202));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(await requestsOf(agentId)).toHaveLength(1);
    const runId = answers[0]?.body.id ?? "";
    fleet.witness.release(runId);
    await untilEnded(fleet, runId);
    const late = await post(0);
    expect(late).toMatchObject({ status: 202, body: { id: runId } });
    expect(late.headers.get("idempotency-replayed")).toBe("true");
    expect(await post(1, { payload: { taskKey: "twice" } })).toMatchObject({
      status: 422,
      body: { code: "idempotency_key_reused" },
    });
    expect(await requestsOf(agentId)).toHaveLength(1);
  });
});

describe("wakes about an issue", () => {
  it("WK-6, WK-27, WK-28, FI-8 three comments while its run runs: one deferred request, promoted with all three at the end (03-3, 03-4)", async () => {
    const agentId = await createHeld("Listener");
    const issueId = await createIssue({ title: "Talk", status: "in_progress", assigneeAgentId: agentId });
    const first = (await fleet.http.post<RunAnswer>(`/api/agents/${agentId}/wakeup`, { payload: { issueId } })).body;
    await untilStarted(fleet, first.id);
    for (const commentId of ["c1", "c2", "c3"]) {
      const { status, body } = await fleet.http.post<{ reason: string; executionRunId: string }>(
        `/api/agents/${agentId}/wakeup`,
        {
          payload: { issueId, commentId },
        },
      );
      expect({ status, body }).toMatchObject({
        status: 202,
        body: { status: "skipped", reason: "issue_execution_deferred", executionRunId: first.id },
      });
    }
    const deferred = (await requestsOf(agentId)).filter((request) => request.status === "deferred_issue_execution");
    expect(deferred).toMatchObject([{ coalescedCount: 2 }]);

    fleet.witness.release(first.id);
    await untilEnded(fleet, first.id);
    const promoted = await eventually("the promoted run", () =>
      fleet.witness.open().find((line) => line.runId !== first.id),
    );
    const run = await readRun(fleet, promoted.runId);
    expect(run.contextSnapshot).toMatchObject({ wakeCommentIds: ["c1", "c2", "c3"], wakeCommentId: "c3" });
    fleet.witness.release(run.id);
    await untilSettled(fleet);
    expect((await requestsOf(agentId)).every((request) => request.status !== "deferred_issue_execution")).toBe(true);
  });

  it("QU-3 one slot: the issue in progress first, then the critical one, then the low one (03-10)", async () => {
    const agentId = await createHeld("Orderly");
    const occupied = await occupy(agentId);
    const issues = {
      low: await createIssue({ title: "Low", status: "todo", priority: "low", assigneeAgentId: agentId }),
      critical: await createIssue({
        title: "Critical",
        status: "todo",
        priority: "critical",
        assigneeAgentId: agentId,
      }),
      started: await createIssue({
        title: "Started",
        status: "in_progress",
        priority: "medium",
        assigneeAgentId: agentId,
      }),
    };
    const runIds = new Map<string, string>();
    for (const [name, issueId] of Object.entries(issues)) {
      const { body } = await fleet.http.post<RunAnswer>(`/api/agents/${agentId}/wakeup`, { payload: { issueId } });
      runIds.set(body.id, name);
    }
    for (const runId of runIds.keys()) fleet.witness.release(runId);
    fleet.witness.release(occupied);
    await untilSettled(fleet);
    const order = fleet.witness
      .lines()
      .filter((line) => line.kind === "start" && runIds.has(line.runId))
      .map((line) => runIds.get(line.runId));
    expect(order).toEqual(["started", "critical", "low"]);
  });

  it("CL-14, RL-3, CL-10 while a run works on an issue it holds the lock; another agent's wake waits for its end, and for the assignment (03-5)", async () => {
    const [owner, helper] = await Promise.all([createHeld("Owner"), createHeld("Helper")]);
    const issueId = await createIssue({ title: "Shared", status: "in_progress", assigneeAgentId: owner });
    const run = (await fleet.http.post<RunAnswer>(`/api/agents/${owner}/wakeup`, { payload: { issueId } })).body;
    await untilStarted(fleet, run.id);
    const lock = await fleet.db.sql.query("SELECT execution_run_id AS id FROM issues WHERE id = $1", [issueId]);
    expect(lock).toEqual([{ id: run.id }]);
    const answer = await fleet.http.post(`/api/agents/${helper}/wakeup`, { payload: { issueId, commentId: "hello" } });
    expect(answer.body).toMatchObject({
      status: "skipped",
      reason: "issue_execution_deferred",
      executionAgentId: owner,
      executionAgentName: "Owner",
    });
    expect(await runCounts(fleet, [helper])).toEqual({});
    fleet.witness.release(run.id);
    await untilEnded(fleet, run.id);
    const promoted = await eventually("the helper's promoted run", async () => {
      const [request] = await requestsOf(helper);
      return request?.runId;
    });
    expect(await untilEnded(fleet, promoted)).toMatchObject({
      status: "cancelled",
      errorCode: "issue_assignee_changed",
    });
    expect(fleet.witness.started(promoted)).toBeUndefined();
    await untilSettled(fleet);
  });
});

describe("a claim in the database", () => {
  it("DM-33, RL-22 has the first token, a living worker and a lease that is renewed; an ended run keeps only its worker", async () => {
    const agentId = await createHeld("Claimed");
    const runId = await occupy(agentId);
    const facts = async () => {
      const [row] = await fleet.db.sql.query<{ token: number; alive: boolean; inTime: boolean; lease: Date | null }>(
        `SELECT r.claim_token AS token, w.stopped_at IS NULL AS alive, r.lease_expires_at AS lease,
                r.lease_expires_at BETWEEN now() - interval '1 second' AND now() + interval '2 seconds' AS "inTime"
           FROM heartbeat_runs r JOIN workers w ON w.id = r.worker_id WHERE r.id = $1`,
        [runId],
      );
      if (row === undefined) throw new Error("the run has no worker");
      return row;
    };
    const claimed = await facts();
    expect(claimed).toMatchObject({ token: 1, alive: true, inTime: true });
    let lease = claimed.lease;
    for (const renewal of ["first", "second"]) {
      const renewed = await eventually(`the ${renewal} renewal`, async () => {
        const now = await facts();
        return (now.lease?.getTime() ?? 0) > (lease?.getTime() ?? 0) ? now : null;
      });
      expect(renewed.token).toBe(1);
      lease = renewed.lease;
    }
    fleet.witness.release(runId);
    await untilEnded(fleet, runId);
    expect(
      await fleet.db.sql.query(
        `SELECT lease_expires_at, run_slot, claim_token, worker_id IS NOT NULL AS has_worker, finalized_at IS NOT NULL AS final
           FROM heartbeat_runs WHERE id = $1`,
        [runId],
      ),
    ).toEqual([{ lease_expires_at: null, run_slot: null, claim_token: 1, has_worker: true, final: true }]);
  });

  it("RL-1 to RL-4 nothing is left behind", async () => {
    await expectNothingBroken(fleet, () => 1);
  });
});
