/** What a pause interrupted goes on when the pause ends (BU-26, AL-11), without a worker's sweep. */
import { AgentQueues, connectRedis, silentLog, subscribeControl } from "@wakefleet/queue";
import { testRedisUrl, waitFor } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aCompany, expectStatus, type Json, startTestApi, type TestApi } from "./support.js";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const put = async (method: string, path: string, body: object = {}): Promise<Json> => {
  const { status, body: answer, text } = await api.call(method, path, { body });
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  return answer;
};

interface Interrupted {
  readonly companyId: string;
  readonly agentId: string;
  readonly issueId: string;
}

/** An agent's issue with a run that waits, and the same in the same company for another agent. */
async function scene(): Promise<{ one: Interrupted; other: Interrupted }> {
  const company = await aCompany(api);
  const make = async (): Promise<Interrupted> => {
    const agent = await company.agent();
    const issue = await company.issue({ status: "todo", assigneeAgentId: agent.id });
    return { companyId: company.id, agentId: agent.id, issueId: issue.id };
  };
  return { one: await make(), other: await make() };
}

async function runsOf({ issueId }: Interrupted): Promise<Json[]> {
  return await api.db.sql.query<Json>(
    "SELECT status, context_snapshot->>'wakeReason' AS reason FROM heartbeat_runs WHERE issue_id = $1 ORDER BY created_at",
    [issueId],
  );
}

const goesOn = (work: Interrupted): Promise<Json> =>
  waitFor(async () => (await runsOf(work)).find(({ status }) => status === "queued"), { what: "the issue to go on" });

const spend = (work: Interrupted): Promise<Json> =>
  put("POST", `/api/companies/${work.companyId}/cost-events`, {
    agentId: work.agentId,
    provider: "p",
    model: "m",
    costCents: 100,
    occurredAt: new Date().toISOString(),
  });

const RESUMES: [string, (work: Interrupted) => Promise<unknown>, (work: Interrupted) => Promise<unknown>][] = [
  [
    "AL-11 an agent resumed by hand",
    ({ agentId }) => put("POST", `/api/agents/${agentId}/pause`),
    ({ agentId }) => put("POST", `/api/agents/${agentId}/resume`),
  ],
  [
    "BU-6 an agent whose budget was raised",
    async (work) => {
      await put("PATCH", `/api/agents/${work.agentId}/budgets`, { budgetMonthlyCents: 100 });
      await spend(work);
    },
    ({ agentId }) => put("PATCH", `/api/agents/${agentId}/budgets`, { budgetMonthlyCents: 500 }),
  ],
  [
    "BU-34 a company whose incident was resolved by more money",
    async (work) => {
      await put("PATCH", `/api/companies/${work.companyId}/budgets`, { budgetMonthlyCents: 100 });
      await spend(work);
    },
    async ({ companyId }) => {
      const overview = await expectStatus(api.call("GET", `/api/companies/${companyId}/budgets/overview`), 200);
      const incident = overview.body.activeIncidents.find(({ thresholdType }: Json) => thresholdType === "hard");
      await put("POST", `/api/companies/${companyId}/budget-incidents/${incident.id}/resolve`, {
        action: "raise_budget_and_resume",
        amount: 1_000,
      });
    },
  ],
];

describe("BU-26 the issues of what resumes go on at once", () => {
  it.each(RESUMES)("BU-26 %s", async (_name, stop, resume) => {
    const { one } = await scene();
    await stop(one);
    expect((await runsOf(one)).map(({ status }) => status)).toEqual(["cancelled"]);
    await resume(one);
    await goesOn(one);
    const runs = await runsOf(one);
    expect(runs.map(({ status }) => status)).toEqual(["cancelled", "queued"]);
    expect(runs[1].reason).toBe("issue_assignment_recovery");
  });

  it("BY-13 workers are told to start what waits at a pace", async () => {
    const redis = connectRedis({ url: testRedisUrl(), name: "test", log: silentLog });
    const messages: string[] = [];
    const subscription = subscribeControl({
      queues: new AgentQueues({ redis, prefix: api.prefix, log: silentLog }),
      name: "test-control",
      onMessage: ({ kind }) => void messages.push(kind),
    });
    try {
      const { one } = await scene();
      // Whether the subscription stands by now cannot be seen; a resume can be repeated.
      await waitFor(
        async () => {
          await put("POST", `/api/agents/${one.agentId}/pause`);
          await put("POST", `/api/agents/${one.agentId}/resume`);
          await goesOn(one);
          return messages.includes("resumed");
        },
        { what: "the message" },
      );
    } finally {
      await subscription.close();
      redis.disconnect();
    }
  });

  it("BU-26 only the scope's own: a resumed agent does not stir the rest of its company", async () => {
    const { one, other } = await scene();
    await put("POST", `/api/agents/${one.agentId}/pause`);
    // As a lost run leaves it: something for the periodic sweep, not for this resume.
    await api.db.sql.query(
      "UPDATE heartbeat_runs SET status = 'failed', finished_at = now(), finalized_at = now(), error_code = 'process_lost' WHERE issue_id = $1",
      [other.issueId],
    );
    await put("POST", `/api/agents/${one.agentId}/resume`);
    await goesOn(one);
    expect((await runsOf(other)).map(({ status }) => status)).toEqual(["failed"]);
    // Resuming what is not paused looks at nothing.
    await put("POST", `/api/agents/${other.agentId}/resume`);
    await api.api.stop();
    expect((await runsOf(other)).map(({ status }) => status)).toEqual(["failed"]);
  });

  it("BU-26 is what the API's stop waits for", async () => {
    const second = await startTestApi();
    const company = await aCompany(second);
    const agent = await company.agent();
    const issues: string[] = [];
    for (let n = 0; n < 5; n += 1) issues.push((await company.issue({ status: "todo", assigneeAgentId: agent.id })).id);
    await expectStatus(second.call("POST", `/api/agents/${agent.id}/pause`), 200);
    await expectStatus(second.call("POST", `/api/agents/${agent.id}/resume`), 200);
    await second.api.stop();
    const waiting = await second.db.sql.query("SELECT FROM heartbeat_runs WHERE status = 'queued'");
    expect(waiting).toHaveLength(issues.length);
    await second.stop();
  });
});
