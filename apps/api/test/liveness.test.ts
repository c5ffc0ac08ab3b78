/** Silence, decisions about it, and blocked chains over HTTP (API-128, API-272, RC-41, RC-67, RC-68). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  markRunning,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
});
afterAll(async () => api?.stop());

/** A running run that has been silent for so many minutes. */
async function aSilentRun(minutes: number): Promise<{ id: string; agentId: string }> {
  const agent = await company.agent();
  const { body: run } = await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: {} }), 202);
  await markRunning(api, run);
  await api.db.sql.query(
    "UPDATE heartbeat_runs SET last_output_at = clock_timestamp() - make_interval(mins => $2) WHERE id = $1",
    [run.id, minutes],
  );
  return run;
}

const silenceOf = async (runId: string) =>
  (await expectStatus(api.call("GET", `/api/heartbeat-runs/${runId}`), 200)).body.outputSilence;
const decide = (runId: string, body: object, token?: string) =>
  api.call("POST", `/api/heartbeat-runs/${runId}/watchdog-decisions`, {
    body,
    ...(token === undefined ? {} : { key: token }),
  });

/** The evaluation issue of a run, as the scan makes it, assigned to an agent. */
async function anEvaluation(runId: string, assigneeAgentId: string): Promise<string> {
  const [row] = await api.db.sql.query<{ id: string }>(
    `INSERT INTO issues (company_id, title, status, assignee_agent_id, origin_kind, origin_id)
     VALUES ($1, 'Review silent active run', 'todo', $2, 'stale_active_run_evaluation', $3) RETURNING id`,
    [company.id, assigneeAgentId, runId],
  );
  return row?.id ?? "";
}

describe("RC-41 output silence", () => {
  const levels: [number, string][] = [
    [5, "ok"],
    [61, "suspicious"],
    [241, "critical"],
  ];
  it.each(levels)("RC-42 %s minutes: %s", async (minutes, level) => {
    const run = await aSilentRun(minutes);
    expect(await silenceOf(run.id)).toMatchObject({
      level,
      suspicionThresholdMs: 3_600_000,
      criticalThresholdMs: 14_400_000,
      snoozedUntil: null,
      evaluationIssueId: null,
    });
    const live = await expectStatus(api.call("GET", `/api/companies/${company.id}/live-runs`), 200);
    expect(live.body.find((one: { id: string }) => one.id === run.id).outputSilence.level).toBe(level);
  });

  it("RC-42 a quiet decision and the evaluation are shown", async () => {
    const run = await aSilentRun(61);
    const evaluationId = await anEvaluation(run.id, run.agentId);
    const { body } = await expectStatus(decide(run.id, { decision: "continue", evaluationIssueId: evaluationId }), 200);
    expect(body).toMatchObject({ decision: "continue", runId: run.id, evaluationIssueId: evaluationId, reason: null });
    expect(await silenceOf(run.id)).toMatchObject({
      level: "snoozed",
      snoozedUntil: body.snoozedUntil,
      evaluationIssueId: evaluationId,
      evaluationIssueAssigneeAgentId: run.agentId,
    });
  });
});

describe("API-128 decisions", () => {
  it("RC-49 refuses with its own sentences", async () => {
    const run = await aSilentRun(61);
    const agent = await company.agent();
    const token = await anAgentKey(api, agent.id);
    const evaluationIssueId = await anEvaluation(run.id, agent.id);
    const other = await anAgentKey(api, (await company.agent()).id);
    const refused = async (status: number, reply: ReturnType<typeof decide>) =>
      (await expectStatus(reply, status)).body.error;
    expect(await refused(404, decide("00000000-0000-4000-8000-000000000000", { decision: "continue" }))).toBe(
      "Heartbeat run not found",
    );
    for (const body of [{ decision: "foo" }, {}, { decision: 5 }]) {
      expect(await refused(400, decide(run.id, body))).toBe("Unsupported watchdog decision");
    }
    for (const snoozedUntil of [undefined, "2001-01-01T00:00:00Z", 7]) {
      expect(await refused(400, decide(run.id, { decision: "snooze", snoozedUntil }))).toBe(
        "snoozedUntil must be a future ISO datetime",
      );
    }
    const only = "Only the board or the assigned recovery owner can record watchdog decisions";
    expect(await refused(403, decide(run.id, { decision: "continue" }, token))).toBe(only);
    expect(await refused(403, decide(run.id, { decision: "continue", evaluationIssueId }, other))).toBe(only);
    await expectStatus(decide(run.id, { decision: "continue", evaluationIssueId }, token), 200);
  });
});

describe("API-272 blocked chains", () => {
  const path = (what: string) => `/api/instance/settings/experimental/issue-graph-liveness-auto-recovery/${what}`;

  it("RC-67, RC-68 shows them and has them repaired, each company told its own", async () => {
    await company.agent();
    const create = async (body: object) =>
      (await expectStatus(api.call("POST", `/api/companies/${company.id}/issues`, { body }), 201)).body.id;
    const leaf = await create({ title: "Leaf", status: "todo" });
    const source = await create({ title: "Source", status: "blocked", blockedByIssueIds: [leaf] });
    const preview = await expectStatus(api.call("POST", path("preview"), { body: {} }), 200);
    expect(preview.body).toMatchObject({ lookbackHours: 24, findings: 1 });
    expect(preview.body.items[0]).toMatchObject({
      issueId: source,
      recoveryIssueId: leaf,
      state: "blocked_by_unassigned_issue",
    });
    expect(await api.db.sql.query("SELECT 1 FROM issues WHERE origin_kind = 'harness_liveness_escalation'")).toEqual(
      [],
    );

    const elsewhere = await aCompany(api);
    const { body } = await expectStatus(api.call("POST", path("run"), { body: { lookbackHours: 48 } }), 200);
    expect(body).toMatchObject({
      escalationsCreated: 1,
      autoRecoveryEnabled: false,
      lookbackHours: 48,
      issueIds: [source],
    });
    const told = await api.db.sql.query<{ company: string; ids: string[] }>(
      `SELECT company_id AS company, details->'escalationIssueIds' AS ids FROM activity_log
        WHERE action = 'instance.settings.issue_graph_liveness_auto_recovery_run'`,
    );
    expect(told.find((row) => row.company === company.id)?.ids).toEqual(body.escalationIssueIds);
    expect(told.find((row) => row.company === elsewhere.id)?.ids).toEqual([]);
  });

  it("RC-67 is strict and for instance administrators", async () => {
    for (const body of [{ lookbackHours: 0 }, { lookbackHours: 721 }, { hours: 1 }]) {
      await expectStatus(api.call("POST", path("preview"), { body }), 400);
    }
    const { token } = await aKey(api, { scope: "operator", name: "Operator", companyId: company.id });
    const operator = await expectStatus(api.call("POST", path("run"), { body: {}, key: token }), 403);
    expect(operator.body.error).toBe("Instance admin access required");
    const agent = await anAgentKey(api, (await company.agent()).id);
    const refused = await expectStatus(api.call("POST", path("preview"), { body: {}, key: agent }), 403);
    expect(refused.body.error).toBe("Board access required");
  });
});
