/** Silent active runs: evaluations, decisions about them, and when the watch is quiet (06 section 6). */
import { aCompany, anAgent, anIssue, aRun, insertRow } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { recordWatchdogDecision, type WatchdogCommand } from "../src/recovery/record-watchdog-decision.js";
import { type SilentScanResult, scanSilentRuns } from "../src/sweeps/scan-silent-runs.js";
import {
  blockersOf,
  commentsOn,
  everything,
  goOn,
  issueOf,
  issuesOfOrigin,
  runsOf,
  sweepDeps,
} from "./recovery-support.js";
import { countRows, useWorld } from "./support.js";

const world = useWorld();
const KIND = "stale_active_run_evaluation";
let companyId: string;
let managerId: string;
let agentId: string;
let sourceId: string;
let runId: string;

/** Rows are set as they would stand after a long time; the issue's lock is left out of it. */
beforeEach(async () => {
  const { sql } = world.db;
  await sql.query(
    "UPDATE heartbeat_runs SET last_output_at = clock_timestamp() + interval '1 day' WHERE status = 'running'",
  );
  companyId = await aCompany(sql);
  managerId = await anAgent(sql, { companyId, name: "Manager" });
  agentId = await anAgent(sql, { companyId, name: "Worker", reportsTo: managerId });
  sourceId = await anIssue(sql, { companyId, status: "in_progress", assigneeAgentId: agentId });
  runId = await aRun(sql, { companyId, agentId, issueId: sourceId, status: "running", logRef: "some/log" });
});

const tails: string[] = [];
const scan = (): Promise<SilentScanResult> =>
  scanSilentRuns({ ...sweepDeps(world), readLogTail: async () => tails.at(-1) ?? null }, goOn, { companyId });

async function silentFor(minutes: number, id = runId): Promise<void> {
  await world.db.sql.query(
    "UPDATE heartbeat_runs SET last_output_at = clock_timestamp() - make_interval(mins => $2) WHERE id = $1",
    [id, minutes],
  );
}

const evaluations = () => issuesOfOrigin(world.db.sql, { companyId, kind: KIND });

const decide = (command: Partial<WatchdogCommand>) =>
  recordWatchdogDecision(sweepDeps(world), {
    runId,
    decision: "continue",
    snoozedUntil: null,
    evaluationIssueId: null,
    reason: null,
    actor: { kind: "board", userId: "someone", runId: null },
    ...command,
  });

async function refusal(command: Partial<WatchdogCommand>): Promise<string> {
  return decide(command).then(
    () => "accepted",
    (error: { status: number; message: string }) => `${error.status} ${error.message}`,
  );
}

describe("the scan", () => {
  it("RC-44 leaves runs alone that spoke within the hour", async () => {
    await silentFor(59);
    expect(await scan()).toMatchObject({ scanned: 0, created: 0 });
  });

  it("RC-47, API-175, AC-43 a suspicious run gets one evaluation, with what its log says", async () => {
    tails.push("MY_TOKEN=abcdef\nlast words");
    await silentFor(61);
    expect(await scan()).toMatchObject({ scanned: 1, created: 1, existing: 0 });
    const [evaluation, ...more] = await evaluations();
    expect(more).toEqual([]);
    expect(evaluation).toMatchObject({
      title: "Review silent active run for Worker",
      status: "todo",
      priority: "medium",
      parentId: sourceId,
      assigneeAgentId: managerId,
      originId: runId,
      originRunId: runId,
      originFingerprint: `stale_active_run:${companyId}:${runId}`,
    });
    expect(evaluation?.description).toContain("last words");
    expect(evaluation?.description).toContain("MY_TOKEN=***REDACTED***");
    expect((await world.run(runId)).status).toBe("running");
    expect(await runsOf(world, evaluation?.id ?? "")).toMatchObject([
      { invocationSource: "assignment", contextSnapshot: { wakeReason: "issue_assigned" } },
    ]);
    expect(
      await countRows(world.db.sql, "activity_log WHERE run_id = $1 AND action = 'heartbeat.output_stale_detected'", [
        runId,
      ]),
    ).toBe(1);
    const before = await everything(world.db.sql);
    expect(await scan()).toMatchObject({ scanned: 1, created: 0, existing: 1, evaluationIssueIds: [evaluation?.id] });
    expect(await everything(world.db.sql)).toBe(before);
  });

  it("RC-46, RC-46a, AC-43 a critical one raises it and blocks the source, once, and keeps the lock", async () => {
    await silentFor(61);
    await scan();
    await world.db.sql.query("UPDATE issues SET execution_run_id = $2 WHERE id = $1", [sourceId, runId]);
    await silentFor(241);
    expect(await scan()).toMatchObject({ escalated: 1 });
    const [evaluation] = await evaluations();
    expect(evaluation?.priority).toBe("high");
    expect((await commentsOn(world.db.sql, evaluation?.id ?? "")).map(({ body }) => body.split("\n")[0])).toEqual([
      "Critical output silence threshold crossed.",
    ]);
    expect(await issueOf(world.db.sql, sourceId)).toMatchObject({ status: "blocked", executionRunId: runId });
    expect(await blockersOf(world.db.sql, sourceId)).toEqual([evaluation?.id]);
    expect(await commentsOn(world.db.sql, sourceId)).toHaveLength(1);
    expect(
      await countRows(
        world.db.sql,
        "activity_log WHERE entity_id = $1 AND action = 'heartbeat.output_stale_escalated' AND actor_type = 'system'",
        [sourceId],
      ),
    ).toBe(1);
    const before = await everything(world.db.sql);
    expect(await scan()).toMatchObject({ escalated: 0, existing: 1 });
    expect(await everything(world.db.sql)).toBe(before);
  });

  it("RC-47 one that is critical at once is high, and many scans at once make one", async () => {
    await silentFor(300);
    const results = await Promise.all([scan(), scan(), scan(), scan()]);
    expect(results.map((one) => one.created).reduce((a, b) => a + b)).toBe(1);
    expect(await evaluations()).toMatchObject([{ priority: "high" }]);
    expect(await blockersOf(world.db.sql, sourceId)).toHaveLength(1);
    expect(await commentsOn(world.db.sql, sourceId)).toHaveLength(1);
  });

  it("RC-47b nobody may be asked: unassigned, and nobody is woken", async () => {
    await world.db.sql.query("UPDATE agents SET status = 'paused' WHERE id = $1", [managerId]);
    await silentFor(61);
    await scan();
    const [evaluation] = await evaluations();
    expect(evaluation?.assigneeAgentId).toBe(null);
    expect(await runsOf(world, evaluation?.id ?? "")).toEqual([]);
  });

  it("RC-44 quiet runs do not hide others", async () => {
    world.allow({ limitsStand: false });
    const ids: string[] = [];
    for (let n = 0; n < 12; n += 1) {
      const one = await anAgent(world.db.sql, { companyId });
      ids.push(await aRun(world.db.sql, { companyId, agentId: one, status: "running" }));
    }
    for (const id of ids) await silentFor(61, id);
    for (const id of ids.slice(0, 10)) await decide({ runId: id });
    expect(await scan()).toMatchObject({ scanned: 12, snoozed: 10, created: 2 });
  });

  it("RC-47c a judged silence stays judged until the run speaks, or a window ends", async () => {
    await silentFor(61);
    await scan();
    const [first] = await evaluations();
    await decide({ decision: "dismissed_false_positive" });
    await world.db.sql.query("UPDATE issues SET status = 'done' WHERE id = $1", [first?.id]);
    const before = await everything(world.db.sql);
    for (let round = 0; round < 3; round += 1) expect(await scan()).toMatchObject({ created: 0 });
    expect(await everything(world.db.sql)).toBe(before);

    // It spoke, and is silent for another hour: what was judged lies before that.
    await world.db.sql.query("UPDATE issues SET created_at = created_at - interval '3 hours' WHERE id = $1", [
      first?.id,
    ]);
    await world.db.sql.query(
      "UPDATE heartbeat_run_watchdog_decisions SET created_at = created_at - interval '3 hours' WHERE run_id = $1",
      [runId],
    );
    expect(await scan()).toMatchObject({ created: 1 });

    const [, second] = await evaluations();
    await decide({ decision: "continue" });
    await world.db.sql.query("UPDATE issues SET status = 'done' WHERE id = $1", [second?.id]);
    expect(await scan()).toMatchObject({ created: 0, snoozed: 1 });
    await world.db.sql.query(
      "UPDATE heartbeat_run_watchdog_decisions SET snoozed_until = clock_timestamp() - interval '1 second' WHERE run_id = $1 AND decision = 'continue'",
      [runId],
    );
    expect(await scan()).toMatchObject({ created: 1 });
  });
});

describe("decisions (RC-49)", () => {
  it("RC-49h the assignee of the evaluation may say go on; the watch is quiet for half an hour", async () => {
    await silentFor(61);
    await scan();
    const [evaluation] = await evaluations();
    const ownRun = (await runsOf(world, evaluation?.id ?? ""))[0];
    const row = await decide({
      evaluationIssueId: evaluation?.id ?? "",
      reason: "x".repeat(5_000),
      actor: { kind: "agent", agentId: managerId, runId: ownRun?.id ?? "" },
    });
    expect(row).toMatchObject({ decision: "continue", createdByAgentId: managerId, createdByRunId: ownRun?.id });
    expect(row.reason).toHaveLength(4_000);
    expect(Math.round(((row.snoozedUntil?.getTime() ?? 0) - row.createdAt.getTime()) / 60_000)).toBe(30);
    expect(await scan()).toMatchObject({ snoozed: 1, existing: 0 });
    expect(
      await countRows(
        world.db.sql,
        "activity_log WHERE entity_id = $1 AND action = 'heartbeat.watchdog_decision_recorded'",
        [runId],
      ),
    ).toBe(1);
  });

  it("RC-48 a later decision of another kind does not end the quiet", async () => {
    await silentFor(61);
    await decide({ decision: "snooze", snoozedUntil: new Date(Date.now() + 3_600_000).toISOString() });
    await decide({ decision: "dismissed_false_positive" });
    expect(await scan()).toMatchObject({ snoozed: 1, created: 0 });
  });

  it("RC-49a to RC-49g refuses in order", async () => {
    await silentFor(61);
    await scan();
    const [evaluation] = await evaluations();
    const evaluationIssueId = evaluation?.id ?? "";
    const other = await anAgent(world.db.sql, { companyId });
    const elsewhere = await aCompany(world.db.sql);
    const foreign = await anIssue(world.db.sql, { companyId: elsewhere });
    const only = "403 Only the board or the assigned recovery owner can record watchdog decisions";
    const agent = (id: string, run: string | null = null) => ({ kind: "agent" as const, agentId: id, runId: run });
    const past = new Date(Date.now() - 1_000).toISOString();
    expect(await refusal({ runId: "nonsense", decision: "foo" })).toBe("404 Heartbeat run not found");
    expect(await refusal({ decision: "foo" })).toBe("400 Unsupported watchdog decision");
    for (const snoozedUntil of [null, past, "soon", 5]) {
      expect(await refusal({ decision: "snooze", snoozedUntil })).toBe(
        "400 snoozedUntil must be a future ISO datetime",
      );
    }
    for (const id of [foreign, "nonsense"])
      expect(await refusal({ evaluationIssueId: id })).toBe("404 Evaluation issue not found");
    expect(await refusal({ actor: agent(managerId) })).toBe(only);
    expect(await refusal({ actor: agent(other), evaluationIssueId })).toBe(only);
    expect(await refusal({ actor: agent(managerId), evaluationIssueId: sourceId })).toBe(only);
    expect(await refusal({ evaluationIssueId: sourceId })).toBe(
      "403 Watchdog decision evaluation issue is not bound to the target run",
    );
    expect(await refusal({ actor: agent(managerId, runId), evaluationIssueId })).toBe(
      "403 createdByRunId is not valid for this watchdog decision actor",
    );
    await world.db.sql.query("UPDATE issues SET status = 'done' WHERE id = $1", [evaluationIssueId]);
    expect(await refusal({ actor: agent(managerId), evaluationIssueId })).toBe(only);
    expect(await countRows(world.db.sql, "heartbeat_run_watchdog_decisions WHERE run_id = $1", [runId])).toBe(0);
    await insertRow(world.db.sql, "issue_comments", { companyId, issueId: sourceId, body: "end" });
  });
});
