/** What follows the end of a run (FI-, RT-), seen over HTTP: retries and their times, and wakes that waited or are missing. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject, RunStatus } from "@wakefleet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import {
  createAgent,
  createCompany,
  type RunAnswer,
  readEvents,
  scanKeys,
  untilEnded,
  untilSettled,
  untilStarted,
  wake,
} from "../support/fleet-work.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Fields of a run that only these tests read. */
interface EndedRun extends RunAnswer {
  readonly retries: string[];
  readonly scheduledRetryAt: string | null;
  readonly scheduledRetryAttempt: number | null;
  readonly issueCommentStatus: string | null;
  readonly retryExhaustedReason: string | null;
}

let fleet: Fleet;
let companyId: string;
beforeAll(async () => {
  fleet = await startFleet({ workers: 2 });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

const read = (runId: string): Promise<EndedRun> => fleet.http.read<EndedRun>(`/api/heartbeat-runs/${runId}`);

/** An agent that fails and reports what it is told to. */
async function createFailing(name: string, report: JsonObject): Promise<string> {
  const file = join(fleet.scratch, name);
  writeFileSync(file, `${JSON.stringify({ wakefleetResult: report })}\n`);
  const adapterConfig = { command: "/bin/sh", args: ["-c", `cat '${file}'; exit 1`] };
  return createAgent(fleet, { companyId, name, adapterConfig });
}

/** The retry that a run's end scheduled. */
async function retryOf(runId: string): Promise<EndedRun> {
  const [retryId = "", ...more] = await eventually("the retry", async () => {
    const { retries } = await read(runId);
    return retries.length > 0 ? retries : null;
  });
  expect(more).toEqual([]);
  return read(retryId);
}

function delayOf(failed: RunAnswer, retry: EndedRun): number {
  return Date.parse(retry.scheduledRetryAt ?? "") - Date.parse(failed.finishedAt ?? "");
}

describe("a transient failure", () => {
  it("RT-1, RT-5, RT-6, FI-6 four retries about 2, 10, 30 and 120 minutes later, each made due by an operator, and no fifth (04-5)", async () => {
    const agentId = await createFailing("Overloaded", { errorFamily: "transient_upstream" });
    let failed = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    for (const [index, minutes] of [2, 10, 30, 120].entries()) {
      const retry = await retryOf(failed.id);
      expect(retry).toMatchObject({ status: "scheduled_retry", scheduledRetryAttempt: index + 1 });
      const delayMs = delayOf(failed, retry);
      expect(delayMs).toBeGreaterThanOrEqual(0.75 * minutes * MINUTE_MS);
      expect(delayMs).toBeLessThanOrEqual(1.25 * minutes * MINUTE_MS);
      expect((await fleet.http.post(`/api/heartbeat-runs/${retry.id}/run-now`)).status).toBe(202);
      failed = await untilEnded(fleet, retry.id);
      expect(failed).toMatchObject({ status: "failed", errorCode: "adapter_failed" });
    }
    const exhausted = "Bounded retry exhausted after 4 scheduled attempts; no further automatic retry will be queued";
    await eventually("the last event", async () => (await readEvents(fleet, failed.id)).at(-1)?.message === exhausted);
    expect(await read(failed.id)).toMatchObject({ retries: [], retryExhaustedReason: exhausted });
  });

  it("RT-2 what the upstream says is the due time when it is later (04-6)", async () => {
    const retryNotBefore = new Date(Date.now() + 6 * HOUR_MS).toISOString();
    const agentId = await createFailing("Told", { errorFamily: "transient_upstream", retryNotBefore });
    const failed = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    const retry = await retryOf(failed.id);
    expect(retry).toMatchObject({ status: "scheduled_retry", scheduledRetryAt: retryNotBefore });
    await fleet.http.post(`/api/heartbeat-runs/${retry.id}/cancel`);
  });

  it("CN-1 a retry that is cancelled while it waits for its time never runs, and its job is gone (04-8)", async () => {
    const agentId = await createFailing("Given up", { errorFamily: "transient_upstream" });
    const failed = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    const retry = await retryOf(failed.id);
    const jobsOfRetry = async () => (await scanKeys(fleet, agentId)).filter((key) => key.endsWith(retry.id));
    await eventually("the delayed job", async () => (await jobsOfRetry()).length > 0);
    const { status, body } = await fleet.http.post<{ status: RunStatus }>(`/api/heartbeat-runs/${retry.id}/cancel`);
    expect({ status, run: body.status }).toEqual({ status: 200, run: "cancelled" });
    expect(await jobsOfRetry()).toEqual([]);
    expect(await read(retry.id)).toMatchObject({ errorCode: "cancelled", processPid: null, retries: [] });
  });
});

describe("what waits behind a run", () => {
  it("FI-8, AL-10 two wakes by comments whose agents are paused before the release: both fail (04-15)", async () => {
    const named = (name: string) =>
      createAgent(fleet, { companyId, name, adapterConfig: fleet.witness.agentConfig("until_released") });
    const [owner, one, two] = [await named("Owner"), await named("First waiting"), await named("Second waiting")];
    const issue = await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, {
      title: "Mend the roof",
      status: "in_progress",
      assigneeAgentId: owner,
    });
    const { id } = (
      await fleet.http.post<RunAnswer>(`/api/agents/${owner}/wakeup`, { payload: { issueId: issue.body.id } })
    ).body;
    await untilStarted(fleet, id);
    for (const agentId of [one, two]) {
      const body = `[Look](agent://${agentId}) at this, please`;
      expect((await fleet.http.post(`/api/issues/${issue.body.id}/comments`, { body })).status).toBe(201);
    }
    const requestsOf = (agentId: string) =>
      fleet.db.sql.query<{ status: string; error: string | null }>(
        "SELECT status, error FROM agent_wakeup_requests WHERE agent_id = $1",
        [agentId],
      );
    for (const agentId of [one, two]) {
      expect(await requestsOf(agentId)).toEqual([{ status: "deferred_issue_execution", error: null }]);
      expect((await fleet.http.post(`/api/agents/${agentId}/pause`)).status).toBe(200);
    }
    fleet.witness.release();
    await untilEnded(fleet, id);
    await untilSettled(fleet);
    const error = "Deferred wake could not be promoted: agent is not invokable";
    for (const agentId of [one, two]) expect(await requestsOf(agentId)).toEqual([{ status: "failed", error }]);
  });
});

describe("a run that says nothing about its issue", () => {
  it("FI-7 is asked for a comment once, and the run that asks is not asked again (04-16)", async () => {
    const agentId = await createAgent(fleet, {
      companyId,
      name: "Silent",
      adapterConfig: { command: "/bin/echo", args: ["Working on it."] },
    });
    const issue = await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, {
      title: "Sweep the yard",
      status: "todo",
      assigneeAgentId: agentId,
    });
    const runs = () =>
      fleet.db.sql.query<{ id: string; reason: string | null; retryReason: string | null }>(
        `SELECT id, context_snapshot->>'wakeReason' AS reason, context_snapshot->>'retryReason' AS "retryReason"
           FROM heartbeat_runs WHERE issue_id = $1 ORDER BY created_at, id`,
        [issue.body.id],
      );
    await eventually("the run that was asked for a comment", async () => (await runs()).length > 1);
    await untilSettled(fleet);
    const [first, ...others] = await runs();
    expect(first?.reason).toBe("issue_assigned");
    expect(await read(first?.id ?? "")).toMatchObject({ status: "succeeded", issueCommentStatus: "retry_queued" });
    const asked = others.filter(({ retryReason }) => retryReason === "missing_issue_comment");
    expect(asked).toHaveLength(1);
    expect(await read(asked[0]?.id ?? "")).toMatchObject({
      retryOfRunId: first?.id,
      issueCommentStatus: "retry_exhausted",
      contextSnapshot: { missingIssueCommentForRunId: first?.id },
    });
    const warned = (await readEvents(fleet, asked[0]?.id ?? "")).map(({ message }) => message);
    expect(warned).toContain(
      "Run ended without an issue comment after one retry; no further comment wake will be queued",
    );
  });

  it("RL-1 to RL-4 nothing is left behind", async () => {
    await expectNothingBroken(fleet, () => 5);
  });
});
