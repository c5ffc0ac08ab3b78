/**
 * Changes of issues that happen at once, with random delays and many rounds: no wake is lost and no issue gets two runs
 * (DP-4, DP-15, WK-27, CL-10, CL-16, FI-8; 08 checks 29, 30, 38; 03 checks 3 to 5, 7, 11). The invariants are looked at after each.
 */
import type { CommentRow } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, aRun, insertRow } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { deleteIssue } from "../src/issues/delete-issue.js";
import { recoverOrphansOfHost } from "../src/runs/recover-orphans.js";
import { issueHand, PERSON, someTime } from "./issue-support.js";
import { countRows, endLease, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
let number = 0;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const agent = (name?: string): Promise<string> =>
  anAgent(world.db.sql, { companyId, ...(name !== undefined && { name }) });
const issue = (columns: object = {}): Promise<string> => {
  number += 1;
  return anIssue(world.db.sql, {
    companyId,
    status: "todo",
    identifier: `R-${companyId.slice(0, 6)}-${number}`,
    ...columns,
  });
};
const blocks = (issueId: string, relatedIssueId: string): Promise<string> =>
  insertRow(world.db.sql, "issue_relations", { companyId, issueId, relatedIssueId, type: "blocks" });
const activeRuns = (issueId: string): Promise<number> =>
  countRows(world.db.sql, "heartbeat_runs WHERE issue_id = $1 AND status IN ('queued','scheduled_retry','running')", [
    issueId,
  ]);

describe("dependencies", () => {
  it("DP-15, W9a two last blockers done at the same instant: every time one wake at least, one run (08-29)", {
    timeout: 120_000,
  }, async () => {
    const [one, other] = [issueHand(world, world.pool()), issueHand(world, world.pool())];
    const owner = await agent();
    for (let round = 0; round < 200; round += 1) {
      const [a, b, blocked] = [await issue(), await issue(), await issue({ assigneeAgentId: owner })];
      await blocks(a, blocked);
      await blocks(b, blocked);
      await Promise.all([
        someTime(4).then(() => one.change(a, { status: "done" })),
        someTime(4).then(() => other.change(b, { status: "done" })),
      ]);
      expect(await activeRuns(blocked)).toBe(1);
    }
  });

  it("DP-15 a blocker is done while another change makes it a blocker: the dependent is woken or waits for nothing", {
    timeout: 120_000,
  }, async () => {
    const [one, other] = [issueHand(world, world.pool()), issueHand(world, world.pool())];
    const owner = await agent();
    for (let round = 0; round < 40; round += 1) {
      const [stuck, a, blocked] = [await issue(), await issue(), await issue({ assigneeAgentId: owner })];
      await blocks(stuck, blocked);
      await Promise.all([
        someTime(4).then(() => one.change(blocked, { blockedByIssueIds: [a] })),
        someTime(4).then(() => other.change(a, { status: "done" })),
      ]);
      expect(await activeRuns(blocked)).toBe(1);
    }
  });

  it("DP-4 two changes that would close a ring of four together: never both (08-30)", {
    timeout: 120_000,
  }, async () => {
    const [one, other] = [issueHand(world, world.pool()), issueHand(world, world.pool())];
    for (let round = 0; round < 200; round += 1) {
      const [a, b, c, d] = [await issue(), await issue(), await issue(), await issue()];
      await blocks(a, b);
      await blocks(c, d);
      const outcomes = await Promise.allSettled([
        someTime(4).then(() => one.change(c, { blockedByIssueIds: [b] })),
        someTime(4).then(() => other.change(a, { blockedByIssueIds: [d] })),
      ]);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    }
  });

  it("DP-11 the last two children end at once: the parent is woken", { timeout: 120_000 }, async () => {
    const [one, other] = [issueHand(world, world.pool()), issueHand(world, world.pool())];
    const owner = await agent();
    for (let round = 0; round < 30; round += 1) {
      const parent = await issue({ assigneeAgentId: owner, status: "in_progress" });
      const [x, y] = [await issue({ parentId: parent }), await issue({ parentId: parent })];
      await Promise.all([
        someTime(4).then(() => one.change(x, { status: "done" })),
        someTime(4).then(() => other.change(y, { status: "cancelled" })),
      ]);
      expect(await activeRuns(parent)).toBe(1);
    }
  });
});

describe("comments and mentions", () => {
  it("WK-27, WK-28 two agents mentioned at once by several people: one works, the other waits, none is forgotten (03-5)", {
    timeout: 120_000,
  }, async () => {
    const hands = [issueHand(world, world.pool()), issueHand(world, world.pool())];
    for (let round = 0; round < 15; round += 1) {
      const [first, second] = [await agent(`First-${round}`), await agent(`Second-${round}`)];
      const talk = await issue();
      const comments = await Promise.all(
        Array.from({ length: 6 }, async (_, n) => {
          await someTime(6);
          return hands[n % 2]?.comment(talk, `@First-${round} and @Second-${round} ${n}`);
        }),
      );
      expect(await activeRuns(talk)).toBe(1);
      const told = await world.db.sql.query<{ agentId: string; ids: string[] }>(
        `SELECT agent_id AS "agentId", array_agg(DISTINCT id) AS ids FROM (
           SELECT r.agent_id, jsonb_array_elements_text(r.context_snapshot->'wakeCommentIds') AS id
             FROM heartbeat_runs r WHERE r.issue_id = $1
           UNION ALL
           SELECT w.agent_id, jsonb_array_elements_text(w.payload->'_wakefleetWakeContext'->'wakeCommentIds')
             FROM agent_wakeup_requests w WHERE w.issue_id = $1 AND w.status = 'deferred_issue_execution') t
         GROUP BY 1`,
        [talk],
      );
      const all = comments.map((comment) => comment?.id).sort();
      expect(new Map(told.map(({ agentId, ids }) => [agentId, [...ids].sort()]))).toEqual(
        new Map([
          [first, all],
          [second, all],
        ]),
      );
    }
  });

  it("WK-27, FI-8 fifty comments while the run runs: one deferred request, and its run is told of all fifty (03-4)", {
    timeout: 120_000,
  }, async () => {
    const owner = await agent();
    const talk = await issue({ assigneeAgentId: owner, status: "in_progress" });
    const run = { id: await aRun(world.db.sql, { companyId, agentId: owner, issueId: talk }), agentId: owner };
    const worker = await world.worker();
    const claimed = await worker.mustClaim(run);
    const hand = issueHand(world, world.pool());
    // Five people, each with a connection: nobody waits for the pool, all meet at the issue.
    const comments = (
      await Promise.all(
        Array.from({ length: 5 }, async (_, person) => {
          const own: CommentRow[] = [];
          for (let n = 0; n < 10; n += 1) {
            await someTime(5);
            own.push(await hand.comment(talk, `comment ${n} of ${person}`));
          }
          return own;
        }),
      )
    ).flat();
    const [deferred, ...more] = await world.db.sql.query<{ id: string; count: number }>(
      `SELECT id, coalesced_count AS count FROM agent_wakeup_requests
        WHERE issue_id = $1 AND status = 'deferred_issue_execution'`,
      [talk],
    );
    expect(more).toEqual([]);
    expect(deferred?.count).toBe(49);
    expect(claimed.run.id).toBe(run.id);
    await endLease(world.db.sql, run.id);
    await recoverOrphansOfHost(worker.recovery);
    const [promoted] = await world.db.sql.query<{ ids: string[] }>(
      `SELECT context_snapshot->'wakeCommentIds' AS ids FROM heartbeat_runs WHERE issue_id = $1 AND status = 'queued'`,
      [talk],
    );
    expect([...(promoted?.ids ?? [])].sort()).toEqual(comments.map(({ id }) => id).sort());
  });
});

describe("ownership", () => {
  it("CL-10, CL-16, CO-5 reassigning against the claim: the old owner runs or its run is cancelled, the new one is woken (03-11, 08-38)", {
    timeout: 120_000,
  }, async () => {
    const hand = issueHand(world, world.pool());
    const outcomes = { ran: 0, cancelled: 0 };
    for (let round = 0; round < 40; round += 1) {
      const worker = await world.worker(undefined, { db: world.pool() });
      const [old, next] = [await agent(), await agent()];
      const work = await issue({ assigneeAgentId: old });
      const { run } = await world.wake({ agentId: old, payload: { issueId: work } });
      if (run === null) throw new Error("the old owner was not woken");
      const [claim] = await Promise.all([
        someTime(5).then(() => worker.claim({ id: run.id, agentId: old })),
        someTime(5).then(() => hand.change(work, { assigneeAgentId: next })),
      ]);
      const [row] = await world.db.sql.query<{ status: string; code: string | null }>(
        `SELECT status, error_code AS code FROM heartbeat_runs WHERE id = $1`,
        [run.id],
      );
      const [asked] = await world.db.sql.query<{ status: string }>(
        "SELECT status FROM agent_wakeup_requests WHERE agent_id = $1 AND issue_id = $2",
        [next, work],
      );
      if (claim.kind === "claimed") {
        outcomes.ran += 1;
        expect(row?.status).toBe("running");
        expect(asked?.status).toBe("deferred_issue_execution");
      } else {
        outcomes.cancelled += 1;
        expect(row).toEqual({ status: "cancelled", code: "issue_assignee_changed" });
        expect(asked?.status).toBe("queued");
      }
      expect(await activeRuns(work)).toBe(1);
    }
    expect(outcomes.ran + outcomes.cancelled).toBe(40);
  });
});

it("CO-8, CL-9, DM-18 a deleted issue: its waiting run ends at the claim, what waited behind is cancelled", async () => {
  const [owner, other] = [await agent(), await agent()];
  const work = await issue({ assigneeAgentId: owner });
  const { run } = await world.wake({ agentId: owner, payload: { issueId: work } });
  if (run === null) throw new Error("the owner was not woken");
  const { wakeup } = await world.wake({ agentId: other, payload: { issueId: work } });
  await deleteIssue(issueHand(world).deps, { caller: PERSON, issueId: work });
  expect(await world.request(wakeup.id)).toMatchObject({
    status: "cancelled",
    error: "Cancelled because the target issue no longer exists",
  });
  await (await world.worker()).claim({ id: run.id, agentId: owner });
  expect(await world.run(run.id)).toMatchObject({ status: "cancelled", errorCode: "issue_not_found" });
});

describe("a cancelled issue stays cancelled (FI-8, CO-6)", () => {
  it("CO-6, FI-8 a person's comment that waits behind the run does not reopen the issue that was cancelled after it", async () => {
    const owner = await agent();
    const work = await issue({ assigneeAgentId: owner, status: "in_progress" });
    const run = { id: await aRun(world.db.sql, { companyId, agentId: owner, issueId: work }), agentId: owner };
    const worker = await world.worker();
    const hand = issueHand(world);
    await worker.mustClaim(run);
    await hand.comment(work, "what about this?");
    const { issue: cancelled } = await hand.change(work, { status: "cancelled" });
    expect(cancelled.status).toBe("cancelled");
    await endLease(world.db.sql, run.id);
    await recoverOrphansOfHost(worker.recovery);
    expect((await world.run(run.id)).status).toBe("cancelled");
    const [row] = await world.db.sql.query("SELECT status FROM issues WHERE id = $1", [work]);
    expect(row).toEqual({ status: "cancelled" });
    expect(await activeRuns(work)).toBe(0);
    const requests = await world.db.sql.query<{ status: string; error: string }>(
      "SELECT status, error FROM agent_wakeup_requests WHERE issue_id = $1 AND reason = 'issue_execution_deferred'",
      [work],
    );
    expect(requests).toEqual([{ status: "cancelled", error: "Cancelled because the issue was cancelled" }]);
  });

  it("FI-8, CO-42 a comment after the cancel reopens it", async () => {
    const owner = await agent();
    const work = await issue({ assigneeAgentId: owner, status: "in_progress" });
    const hand = issueHand(world);
    await hand.change(work, { status: "cancelled" });
    await hand.comment(work, "no, go on");
    const [row] = await world.db.sql.query("SELECT status FROM issues WHERE id = $1", [work]);
    expect(row).toEqual({ status: "todo" });
    expect(await activeRuns(work)).toBe(1);
  });
});
