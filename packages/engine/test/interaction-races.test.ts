/**
 * Answers of people that meet each other and other changes, with random delays and many rounds (API-182, W14, W15, API-14):
 * one answer wins, and whoever is to be woken is woken once. The invariants are looked at after each.
 */
import { type InteractionCreate, interactionCreateSchema } from "@wakefleet/contracts";
import type { InteractionRow } from "@wakefleet/store";
import { aCompany, anAgent, anIssue } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { createTreeHold } from "../src/holds/create-tree-hold.js";
import { createInteraction } from "../src/interactions/create-interaction.js";
import { resolveInteractionAs } from "../src/interactions/resolve-interaction.js";
import { type IssueHand, issueHand, PERSON, someTime } from "./issue-support.js";
import { countRows, useWorld } from "./support.js";

const ROUNDS = 40;
const world = useWorld();
let companyId: string;
let number = 0;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const agent = (): Promise<string> => anAgent(world.db.sql, { companyId });
const issue = (assigneeAgentId: string): Promise<string> => {
  number += 1;
  return anIssue(world.db.sql, { companyId, assigneeAgentId, identifier: `I-${companyId.slice(0, 6)}-${number}` });
};
const confirmation = (payload: object = {}): InteractionCreate =>
  interactionCreateSchema.parse({
    kind: "request_confirmation",
    continuationPolicy: "wake_assignee",
    payload: { version: 1, prompt: "Go on?", ...payload },
  });
const tasksFor = (assigneeAgentId: string): InteractionCreate =>
  interactionCreateSchema.parse({
    kind: "suggest_tasks",
    payload: {
      version: 1,
      tasks: [
        { clientKey: "a", title: "A", assigneeAgentId },
        { clientKey: "b", parentClientKey: "a", title: "B", assigneeAgentId },
      ],
    },
  });
const ask = (hand: IssueHand, issueId: string, body: InteractionCreate): Promise<InteractionRow> =>
  createInteraction(hand.deps, { caller: PERSON, issueId, body });
const answer = (hand: IssueHand, asked: InteractionRow, verb: "accept" | "reject"): Promise<InteractionRow> =>
  resolveInteractionAs(hand.deps, {
    caller: PERSON,
    issueId: asked.issueId,
    interactionId: asked.id,
    resolution: { verb, body: {} },
  });
const statusOf = async (asked: InteractionRow): Promise<string | undefined> =>
  (
    await world.db.sql.query<{ status: string }>("SELECT status FROM issue_thread_interactions WHERE id = $1", [
      asked.id,
    ])
  )[0]?.status;
const activeRuns = (issueId: string): Promise<number> =>
  countRows(world.db.sql, "heartbeat_runs WHERE issue_id = $1 AND status IN ('queued','scheduled_retry','running')", [
    issueId,
  ]);
const requestsOf = (agentId: string, issueId: string): Promise<{ status: string; reason: string }[]> =>
  world.db.sql.query(
    "SELECT status, reason FROM agent_wakeup_requests WHERE agent_id = $1 AND issue_id = $2 ORDER BY requested_at, id",
    [agentId, issueId],
  );
const settled = (outcomes: readonly PromiseSettledResult<unknown>[]): { won: number; lost: string[] } => ({
  won: outcomes.filter(({ status }) => status === "fulfilled").length,
  lost: outcomes.flatMap((one) => (one.status === "rejected" ? [(one.reason as Error).message] : [])),
});

describe("API-182 two people at once", () => {
  it("API-182, W15 one accepts, one rejects: one wins, the other is told, the assignee is woken once", {
    timeout: 120_000,
  }, async () => {
    const hands = [issueHand(world, world.pool()), issueHand(world, world.pool())] as const;
    const owner = await agent();
    for (let round = 0; round < ROUNDS; round += 1) {
      const work = await issue(owner);
      const asked = await ask(hands[0], work, confirmation());
      const outcomes = await Promise.allSettled([
        someTime(4).then(() => answer(hands[0], asked, "accept")),
        someTime(4).then(() => answer(hands[1], asked, "reject")),
      ]);
      expect(settled(outcomes)).toEqual({ won: 1, lost: ["Interaction has already been resolved"] });
      const winner = outcomes[0].status === "fulfilled" ? "accepted" : "rejected";
      expect(await statusOf(asked)).toBe(winner);
      expect(await requestsOf(owner, work)).toEqual([{ status: "queued", reason: "issue_commented" }]);
      expect(await activeRuns(work)).toBe(1);
    }
  });

  it("API-182, W14 five people accept the same tasks: they are made once, each wakes its assignee once", {
    timeout: 120_000,
  }, async () => {
    const hands = Array.from({ length: 5 }, () => issueHand(world, world.pool()));
    const [hand] = hands;
    if (hand === undefined) throw new Error("nobody is there");
    const [owner, worker] = [await agent(), await agent()];
    for (let round = 0; round < 15; round += 1) {
      const work = await issue(owner);
      const asked = await ask(hand, work, tasksFor(worker));
      const outcomes = await Promise.allSettled(
        hands.map((one) => someTime(6).then(() => answer(one, asked, "accept"))),
      );
      expect(settled(outcomes).won).toBe(1);
      const made = await world.db.sql.query<{ id: string }>(
        `WITH RECURSIVE tree AS (
           SELECT id FROM issues WHERE parent_id = $1 UNION ALL SELECT i.id FROM issues i JOIN tree t ON i.parent_id = t.id)
         SELECT id FROM tree`,
        [work],
      );
      expect(made).toHaveLength(2);
      for (const { id } of made) expect(await requestsOf(worker, id)).toMatchObject([{ reason: "issue_assigned" }]);
      expect(await requestsOf(owner, work)).toMatchObject([{ reason: "issue_commented" }]);
    }
  });

  it("API-181, W15 an answer against a person's comment that takes its place: one of the two, and the assignee hears of it", {
    timeout: 120_000,
  }, async () => {
    const hands = [issueHand(world, world.pool()), issueHand(world, world.pool())] as const;
    const owner = await agent();
    for (let round = 0; round < ROUNDS; round += 1) {
      const work = await issue(owner);
      const asked = await ask(hands[0], work, confirmation({ supersedeOnUserComment: true }));
      const [answered] = await Promise.allSettled([
        someTime(5).then(() => answer(hands[0], asked, "accept")),
        someTime(5).then(() => hands[1].comment(work, "something else")),
      ]);
      expect(await statusOf(asked)).toBe(answered.status === "fulfilled" ? "accepted" : "expired");
      expect(await activeRuns(work)).toBe(1);
    }
  });
});

describe("an answer against other changes", () => {
  it("W15, API-14, TH-30 against a hold: the wake was ended by it or never got through, and the answer stays", {
    timeout: 120_000,
  }, async () => {
    const hand = issueHand(world, world.pool());
    const holding = { ...world.cancelDeps(), queue: world.told.runQueue(), db: world.pool() };
    const owner = await agent();
    for (let round = 0; round < ROUNDS; round += 1) {
      const work = await issue(owner);
      const asked = await ask(hand, work, confirmation());
      await Promise.all([
        someTime(4).then(() => answer(hand, asked, "accept")),
        someTime(4).then(() =>
          createTreeHold(holding, {
            companyId,
            rootIssueId: work,
            actor: { type: "user", id: "olga", agentId: null, userId: "olga", runId: null },
            mode: "pause",
            reason: null,
            releasePolicy: { strategy: "manual" },
            metadata: null,
          }),
        ),
      ]);
      expect(await statusOf(asked)).toBe("accepted");
      expect(await activeRuns(work)).toBe(0);
      const [asking, ...more] = await requestsOf(owner, work);
      expect(more).toEqual([]);
      expect(["skipped", "cancelled"]).toContain(asking?.status);
    }
  });

  it("W15, API-14 against a reassignment: whoever has the issue in the end is woken, and there is one run", {
    timeout: 120_000,
  }, async () => {
    const hands = [issueHand(world, world.pool()), issueHand(world, world.pool())] as const;
    for (let round = 0; round < ROUNDS; round += 1) {
      const [old, next] = [await agent(), await agent()];
      const work = await issue(old);
      const asked = await ask(hands[0], work, confirmation());
      await Promise.all([
        someTime(4).then(() => answer(hands[0], asked, "accept")),
        someTime(4).then(() => hands[1].change(work, { assigneeAgentId: next })),
      ]);
      expect(await statusOf(asked)).toBe("accepted");
      const told = await requestsOf(next, work);
      expect(told.length).toBeGreaterThanOrEqual(1);
      const waiting = told.filter(({ status }) => status === "queued" || status === "deferred_issue_execution");
      expect(waiting.length).toBeGreaterThanOrEqual(1);
      // The old owner's run, if it got one, ends at its claim (CL-10); nothing else runs about the issue.
      expect(await activeRuns(work)).toBe(1);
    }
  });
});
