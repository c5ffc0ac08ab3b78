/** Blocked chains: findings, escalations, retiring, preview (06 section 7). */
import type { JsonObject } from "@wakefleet/contracts";
import type { IssueRow } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, aRun, insertRow } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { previewIssueGraph } from "../src/recovery/preview-issue-graph.js";
import { cancelRun } from "../src/runs/cancel-run.js";
import { type GraphReconcileResult, reconcileIssueGraph } from "../src/sweeps/reconcile-issue-graph.js";
import {
  blockersOf,
  commentsOn,
  everything,
  goOn,
  issueOf,
  issuesOfOrigin,
  reviewState,
  runsOf,
  sweepDeps,
} from "./recovery-support.js";
import { countRows, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
let ownerId: string;
let source: string;
let leaf: string;
let number = 0;

const issue = (columns: Partial<IssueRow>): Promise<string> => {
  number += 1;
  return anIssue(world.db.sql, {
    companyId,
    title: `Issue ${number}`,
    identifier: `G-${companyId.slice(0, 4)}-${number}`,
    ...columns,
  });
};
const blocks = (issueId: string, relatedIssueId: string): Promise<string> =>
  insertRow(world.db.sql, "issue_relations", { companyId, issueId, relatedIssueId, type: "blocks" });

beforeEach(async () => {
  const { sql } = world.db;
  await sql.query("UPDATE issues SET hidden_at = now() WHERE hidden_at IS NULL");
  companyId = await aCompany(sql);
  ownerId = await anAgent(sql, { companyId });
  source = await issue({ status: "blocked" });
  leaf = await issue({ status: "todo" });
  await blocks(leaf, source);
});

const sweep = (forced = true, lookbackHours?: number): Promise<GraphReconcileResult> =>
  reconcileIssueGraph(sweepDeps(world), goOn, { forced, ...(lookbackHours === undefined ? {} : { lookbackHours }) });
const escalations = () => issuesOfOrigin(world.db.sql, { companyId, kind: "harness_liveness_escalation" });

describe("reconcile", () => {
  it("RC-60, IN-5 switched off it only counts; RC-67 the preview shows it", async () => {
    const before = await everything(world.db.sql);
    expect(await sweep(false)).toMatchObject({
      findings: 1,
      skippedAutoRecoveryDisabled: 1,
      escalationsCreated: 0,
      autoRecoveryEnabled: false,
      lookbackHours: 24,
    });
    const preview = await previewIssueGraph(world.db.sql, { lookbackHours: 24 });
    expect(preview).toMatchObject({ findings: 1, recoverableFindings: 1, skippedOutsideLookback: 0 });
    expect(preview.items[0]).toMatchObject({
      issueId: source,
      state: "blocked_by_unassigned_issue",
      severity: "critical",
      recoveryIssueId: leaf,
      recommendedOwnerAgentId: ownerId,
      incidentKey: `harness_liveness:${companyId}:${source}:blocked_by_unassigned_issue:${leaf}`,
    });
    expect(preview.items[0]).not.toHaveProperty("leafKey");
    expect(await everything(world.db.sql)).toBe(before);
  });

  it("RC-85, RC-63 to RC-65, API-175, AC-43 many sweeps make one escalation, and the source does not move after the first", async () => {
    const results = await Promise.all([sweep(), sweep(), sweep()]);
    expect(results.map((one) => one.escalationsCreated).reduce((a, b) => a + b)).toBe(1);
    const [escalation, ...more] = await escalations();
    expect(more).toEqual([]);
    expect(escalation).toMatchObject({
      parentId: leaf,
      priority: "high",
      status: "todo",
      assigneeAgentId: ownerId,
      originId: `harness_liveness:${companyId}:${source}:blocked_by_unassigned_issue:${leaf}`,
      originFingerprint: `harness_liveness_leaf:${companyId}:blocked_by_unassigned_issue:${leaf}`,
    });
    expect(await blockersOf(world.db.sql, source)).toEqual([leaf, escalation?.id]);
    const comments = await commentsOn(world.db.sql, source);
    expect(comments).toHaveLength(1);
    expect(comments[0]?.body).toContain("Wakefleet detected a harness-level liveness incident");
    expect(
      await countRows(world.db.sql, "activity_log WHERE entity_id = $1 AND action = 'issue.blockers.updated'", [
        source,
      ]),
    ).toBe(1);
    expect(
      await countRows(
        world.db.sql,
        "activity_log WHERE entity_id = $1 AND action = 'issue.harness_liveness_escalation_created' AND actor_type = 'system'",
        [escalation?.id],
      ),
    ).toBe(1);
    expect(await runsOf(world, escalation?.id ?? "")).toMatchObject([
      { invocationSource: "assignment", contextSnapshot: { wakeReason: "issue_assigned" } },
    ]);

    const before = await everything(world.db.sql);
    for (let round = 0; round < 3; round += 1) {
      expect(await sweep()).toMatchObject({ findings: 1, existingEscalations: 1, escalationsCreated: 0 });
    }
    expect(await everything(world.db.sql)).toBe(before);
  });

  it("RC-62 a second dependent of the same leaf is blocked by the first escalation", async () => {
    await sweep();
    const second = await issue({ status: "blocked" });
    await blocks(leaf, second);
    expect(await sweep()).toMatchObject({ findings: 2, existingEscalations: 2, escalationsCreated: 0 });
    const [escalation] = await escalations();
    expect(await blockersOf(world.db.sql, second)).toEqual([leaf, escalation?.id]);
  });

  it("RC-59 an escalation whose incident is over is cancelled and blocks nothing any more", async () => {
    const second = await issue({ status: "blocked" });
    await blocks(leaf, second);
    await sweep();
    const [escalation] = await escalations();
    await world.db.sql.query("UPDATE issues SET assignee_agent_id = $2 WHERE id = $1", [leaf, ownerId]);
    // Somebody works on it: it stays open, and blocks nobody.
    expect(await sweep(false)).toMatchObject({
      findings: 0,
      obsoleteRecoveriesActiveSkipped: 1,
      obsoleteRecoveriesRetired: 0,
      obsoleteRecoveryBlockerRelationsRemoved: 2,
    });
    for (const one of [source, second]) expect(await blockersOf(world.db.sql, one)).toEqual([leaf]);
    // It was not the last that blocked them: nobody is woken (DP-14).
    expect(await runsOf(world, source)).toEqual([]);
    const [working] = await runsOf(world, escalation?.id ?? "");
    await cancelRun(world.cancelDeps(), { runId: working?.id ?? "", actor: { type: "user", id: "someone" } });
    expect(await sweep(false)).toMatchObject({
      obsoleteRecoveriesRetired: 1,
      retiredRecoveryIssueIds: [escalation?.id],
    });
    expect((await issueOf(world.db.sql, escalation?.id ?? "")).status).toBe("cancelled");
    const before = await everything(world.db.sql);
    await sweep(false);
    expect(await everything(world.db.sql)).toBe(before);
  });

  it("W18, W19, DP-14 whoever only waited for a retired escalation is woken", async () => {
    await world.db.sql.query("UPDATE issues SET assignee_agent_id = $2 WHERE id = $1", [source, ownerId]);
    await sweep();
    const [escalation] = await escalations();
    const [working] = await runsOf(world, escalation?.id ?? "");
    await cancelRun(world.cancelDeps(), { runId: working?.id ?? "", actor: { type: "user", id: "someone" } });
    await world.db.sql.query("UPDATE issues SET status = 'done' WHERE id = $1", [leaf]);
    expect(await sweep(false)).toMatchObject({ obsoleteRecoveriesRetired: 1 });
    const [run, ...more] = await runsOf(world, source);
    expect(more).toEqual([]);
    expect(run?.contextSnapshot).toMatchObject({
      wakeReason: "issue_blockers_resolved",
      source: "issue.blockers_restored",
      blockerIssueIds: [leaf],
    });
  });

  it("RC-64, RC-89 an issue in review becomes blocked, and the next round takes nothing back", async () => {
    await world.db.sql.query("UPDATE issues SET status = 'done' WHERE id = $1", [leaf]);
    await world.db.sql.query("UPDATE issues SET status = 'done' WHERE id = $1", [source]);
    const review = await issue({ status: "in_review", assigneeAgentId: ownerId });
    expect(await sweep()).toMatchObject({ findings: 1, escalationsCreated: 1 });
    expect((await issueOf(world.db.sql, review)).status).toBe("blocked");
    const [escalation] = await escalations();
    expect(escalation?.parentId).toBe(review);
    const before = await everything(world.db.sql);
    for (let round = 0; round < 2; round += 1) await sweep();
    expect(await everything(world.db.sql)).toBe(before);
  });

  it("RC-53 a chain is one finding, at its top", async () => {
    const top = await issue({ status: "blocked" });
    await blocks(source, top);
    const { items } = await previewIssueGraph(world.db.sql, { lookbackHours: 24 });
    expect(
      items.map((item) => [item.issueId, item.recoveryIssueId, item.dependencyPath.map((one) => one.issueId)]),
    ).toEqual([[top, leaf, [top, source, leaf]]]);
  });

  it("RC-61 what has not changed for long is passed over", async () => {
    await world.db.sql.query("UPDATE issues SET updated_at = now() - interval '25 hours' WHERE company_id = $1", [
      companyId,
    ]);
    expect(await sweep()).toMatchObject({ findings: 1, skippedOutsideLookback: 1, skipped: 1, escalationsCreated: 0 });
    expect(await previewIssueGraph(world.db.sql, { lookbackHours: 24 })).toMatchObject({
      items: [],
      skippedOutsideLookback: 1,
    });
    expect((await previewIssueGraph(world.db.sql, { lookbackHours: 48 })).items).toHaveLength(1);
    expect(await sweep(true, 48)).toMatchObject({ escalationsCreated: 1, lookbackHours: 48 });
  });

  it("RC-62, RC-70 a hold over the source, or nobody to ask: skipped", async () => {
    const hold = await insertRow(world.db.sql, "issue_tree_holds", { companyId, rootIssueId: source, mode: "pause" });
    expect(await sweep()).toMatchObject({ skipped: 1, escalationsCreated: 0 });
    await world.db.sql.query("UPDATE issue_tree_holds SET status = 'released' WHERE id = $1", [hold]);
    await world.db.sql.query("UPDATE agents SET status = 'paused' WHERE company_id = $1", [companyId]);
    expect(await sweep()).toMatchObject({ skipped: 1, escalationsCreated: 0 });
  });

  const waits: [string, () => Promise<unknown>][] = [
    [
      "an assignee user",
      () => world.db.sql.query("UPDATE issues SET assignee_user_id = 'someone' WHERE id = $1", [leaf]),
    ],
    ["an active run", () => aRun(world.db.sql, { companyId, agentId: ownerId, issueId: leaf })],
    [
      "an active run by task",
      () => aRun(world.db.sql, { companyId, agentId: ownerId, contextSnapshot: { taskId: leaf } }),
    ],
    [
      "a queued wake",
      () =>
        insertRow(world.db.sql, "agent_wakeup_requests", {
          companyId,
          agentId: ownerId,
          source: "on_demand",
          status: "queued",
          issueId: leaf,
        }),
    ],
    [
      "a pending interaction",
      () =>
        insertRow(world.db.sql, "issue_thread_interactions", {
          companyId,
          issueId: leaf,
          kind: "ask_user_questions",
          payload: {},
        }),
    ],
    [
      "a pending approval",
      async () => {
        const approvalId = await insertRow(world.db.sql, "approvals", { companyId, type: "hire_agent", payload: {} });
        await world.db.sql.query(
          "INSERT INTO issue_approvals (company_id, issue_id, approval_id) VALUES ($1, $2, $3)",
          [companyId, leaf, approvalId],
        );
      },
    ],
    [
      "an open recovery issue",
      () => issue({ originKind: "stranded_issue_recovery", originId: leaf, assigneeUserId: "someone" }),
    ],
  ];
  it.each(waits)("RC-52 %s is a path", async (_what, make) => {
    expect((await previewIssueGraph(world.db.sql, { lookbackHours: 24 })).findings).toBe(1);
    await make();
    expect((await previewIssueGraph(world.db.sql, { lookbackHours: 24 })).findings).toBe(0);
  });

  it("RC-50, RC-54e hidden issues are as if they were not; an assignee of another company does not count", async () => {
    const elsewhere = await aCompany(world.db.sql);
    const stranger = await anAgent(world.db.sql, { companyId: elsewhere });
    world.allow({ rules: ["DM-95"] });
    await world.db.sql.query("UPDATE issues SET assignee_agent_id = $2 WHERE id = $1", [leaf, stranger]);
    const { items } = await previewIssueGraph(world.db.sql, { lookbackHours: 24 });
    expect(items[0]?.reason).toContain("but its assignee no longer exists.");
    await world.db.sql.query("UPDATE issues SET hidden_at = now() WHERE id = $1", [leaf]);
    expect((await previewIssueGraph(world.db.sql, { lookbackHours: 24 })).findings).toBe(0);
    await world.db.sql.query("UPDATE issues SET assignee_agent_id = NULL WHERE id = $1", [leaf]);
  });

  it("RC-55c a review whose participant was deleted", async () => {
    const gone = "00000000-0000-4000-8000-000000000000";
    await issue({ status: "in_review", executionState: reviewState({ type: "agent", agentId: gone }) });
    const { items } = await previewIssueGraph(world.db.sql, { lookbackHours: 24 });
    expect(items.map((item) => item.state)).toContain("invalid_review_participant");
  });

  it.each<[string, JsonObject]>([
    ["half a state", { currentParticipant: { type: "agent", agentId: "00000000-0000-4000-8000-000000000000" } }],
    ["a participant of no kind", { ...reviewState(null), currentParticipant: { type: "team", id: "x" } }],
    ["another status", { ...reviewState(null), status: "somewhere" }],
  ])("EP-1, RC-55f a stored state of another shape is no state: %s", async (_what, executionState) => {
    const id = await issue({ status: "in_review", executionState });
    const { items } = await previewIssueGraph(world.db.sql, { lookbackHours: 24 });
    expect(items.filter((item) => item.issueId === id)).toEqual([]);
  });
});
