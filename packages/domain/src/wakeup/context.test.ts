import type { JsonObject } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  continuationAttemptOf,
  DEFERRED_CONTEXT_KEY,
  deferredContextOf,
  deferredPayload,
  enrichContext,
  mergeContexts,
  mergeDeferredPayload,
  needsFollowUpRun,
  publicPayload,
  sessionTaskKeyOf,
  taskKeyOf,
  type WakeToEnrich,
} from "./context.js";

describe("the task key", () => {
  it.each<[JsonObject, JsonObject | null, string | null]>([
    [{ taskKey: "k", taskId: "t", issueId: "i" }, { taskKey: "pk" }, "k"],
    [{ taskId: "t", issueId: "i" }, { taskKey: "pk" }, "t"],
    [{ issueId: "i" }, { taskKey: "pk" }, "i"],
    [{}, { taskKey: "pk", taskId: "pt", issueId: "pi" }, "pk"],
    [{}, { taskId: "pt", issueId: "pi" }, "pt"],
    [{}, { issueId: "pi" }, "pi"],
    [{ taskKey: "  ", taskId: 7, issueId: null }, { taskKey: "pk" }, "pk"],
    [{ taskKey: " padded " }, null, " padded "],
    [{}, null, null],
  ])("WK-1 context %j, payload %j: %j", (context, payload, key) => expect(taskKeyOf(context, payload)).toBe(key));

  it.each<[JsonObject, string | null]>([
    [{ wakeSource: "timer" }, "__heartbeat__"],
    [{ wakeSource: "timer", issueId: "i" }, "i"],
    [{ wakeSource: "on_demand" }, null],
    [{}, null],
  ])("WK-2 sessions of context %j use %j", (context, key) => expect(sessionTaskKeyOf(context)).toBe(key));
});

describe("enriching", () => {
  const enrich = (wake: Partial<WakeToEnrich>): JsonObject =>
    enrichContext({ context: {}, payload: null, reason: null, source: "on_demand", triggerDetail: null, ...wake });

  it("WK-3 fills what the context lacks", () => {
    const payload = { issueId: "i", commentId: "c", projectId: "p" };
    expect(enrich({ payload, reason: "because", source: "assignment", triggerDetail: "system" })).toEqual({
      wakeReason: "because",
      issueId: "i",
      taskId: "i",
      taskKey: "i",
      commentId: "c",
      wakeCommentId: "c",
      wakeCommentIds: ["c"],
      wakeSource: "assignment",
      wakeTriggerDetail: "system",
      projectId: "p",
    });
  });

  it.each<[string, JsonObject]>([
    ["wakeReason", { wakeReason: "own" }],
    ["issueId", { issueId: "own" }],
    ["taskId", { taskId: "own" }],
    ["taskKey", { taskKey: "own" }],
    ["wakeSource", { wakeSource: "own" }],
    ["wakeTriggerDetail", { wakeTriggerDetail: "own" }],
    ["projectId", { projectId: "own" }],
  ])("WK-3 leaves the context's own %s", (key, context) => {
    const payload = { issueId: "i", taskKey: "k", projectId: "p" };
    expect(enrich({ context, payload, reason: "r", triggerDetail: "ping" })[key]).toBe("own");
  });

  it("WK-3 fills a blank or a wrong type as if it were absent, and nothing from nothing", () => {
    expect(enrich({ context: { wakeReason: " ", issueId: 5 }, payload: { issueId: "i" }, reason: "r" })).toMatchObject({
      wakeReason: "r",
      issueId: "i",
    });
    expect(enrich({})).toEqual({ wakeSource: "on_demand" });
  });

  it("WK-3 the task key follows WK-1, which reads the context's issue before the payload's key", () => {
    expect(enrich({ context: { issueId: "i" }, payload: { taskKey: "k" } })["taskKey"]).toBe("i");
    expect(enrich({ payload: { taskKey: "k", issueId: "i" } })["taskKey"]).toBe("k");
  });

  it.each<[JsonObject, JsonObject | null, string[]]>([
    [{ wakeCommentIds: ["a", "b"] }, { commentId: "c" }, ["a", "b", "c"]],
    [{ wakeCommentIds: ["a", " ", 4, "a"] }, { commentId: "a" }, ["a"]],
    [{ wakeCommentIds: ["a"], commentId: "other" }, null, ["a"]],
    [{ wakeCommentId: "w", commentId: "c" }, { commentId: "p" }, ["w", "c", "p"]],
    [{ wakeCommentIds: [], commentId: "c" }, null, ["c"]],
    [{ wakeCommentIds: "no list", wakeCommentId: "w" }, null, ["w"]],
    [{}, { commentId: "p" }, ["p"]],
  ])("WK-4 context %j, payload %j collect %j", (context, payload, ids) => {
    const enriched = enrich({ context: { ...context, wakefleetWake: { prebuilt: true } }, payload });
    expect(enriched["wakeCommentIds"]).toEqual(ids);
    expect([enriched["commentId"], enriched["wakeCommentId"]]).toEqual([ids.at(-1), ids.at(-1)]);
    expect(enriched).not.toHaveProperty("wakefleetWake");
  });

  it("WK-4 without comments a prebuilt payload stays", () => {
    expect(enrich({ context: { wakefleetWake: { a: 1 } } })["wakefleetWake"]).toEqual({ a: 1 });
  });

  it("changes nothing it was given", () => {
    const context = Object.freeze({ wakeCommentIds: Object.freeze(["a"]) as unknown as string[] });
    enrich({ context, payload: Object.freeze({ commentId: "b" }) });
    expect(context).toEqual({ wakeCommentIds: ["a"] });
  });
});

describe("two wakes become one", () => {
  it("WK-5 the newer one's keys win, comment ids join, a prebuilt payload goes", () => {
    const older = { wakeReason: "a", only: 1, wakeCommentIds: ["x", "y"], commentId: "y", wakefleetWake: {} };
    const newer = { wakeReason: "b", commentId: "x", wakeCommentId: "z" };
    expect(mergeContexts(older, newer)).toEqual({
      wakeReason: "b",
      only: 1,
      wakeCommentIds: ["x", "y", "z"],
      commentId: "z",
      wakeCommentId: "z",
    });
  });

  it.each([
    [true, false, true],
    [true, undefined, true],
    [false, true, true],
    [false, false, false],
    [undefined, false, false],
  ])("SE-24 forceFreshSession %s then %s: %s", (older, newer, merged) => {
    const context = (value: boolean | undefined): JsonObject =>
      value === undefined ? {} : { forceFreshSession: value };
    expect(mergeContexts(context(older), context(newer))["forceFreshSession"]).toBe(merged);
  });

  const anId = fc.constantFrom("a", "b", "c", "d", " ", "");
  const aContext = fc.record(
    {
      wakeCommentIds: fc.array(anId, { maxLength: 4 }),
      wakeCommentId: anId,
      commentId: anId,
      wakeReason: fc.constantFrom("r1", "r2"),
      forceFreshSession: fc.boolean(),
      wakefleetWake: fc.constant({ prebuilt: true }),
      other: fc.integer({ min: 0, max: 3 }),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<JsonObject>;

  it("WK-5 it does not matter which two are joined first", () => {
    fc.assert(
      fc.property(aContext, aContext, aContext, (a, b, c) => {
        expect(mergeContexts(mergeContexts(a, b), c)).toEqual(mergeContexts(a, mergeContexts(b, c)));
      }),
    );
  });

  it("WK-5 comment ids are unique, in order, never blank, and none is lost", () => {
    const idsOf = (context: JsonObject): string[] => (mergeContexts({}, context)["wakeCommentIds"] ?? []) as string[];
    fc.assert(
      fc.property(fc.array(aContext, { minLength: 1, maxLength: 6 }), (contexts) => {
        const merged = contexts.reduce(mergeContexts, {});
        const expected = [...new Set(contexts.flatMap(idsOf).filter((id) => id.trim() !== ""))];
        const ids = (merged["wakeCommentIds"] ?? []) as string[];
        if (expected.length > 0) expect(ids).toEqual(expected);
        expect(merged).not.toHaveProperty("wakefleetWake");
      }),
    );
  });

  it("WK-5 merging a context into itself changes nothing more", () => {
    fc.assert(
      fc.property(aContext, (context) => {
        const once = mergeContexts(context, context);
        expect(mergeContexts(once, context)).toEqual(once);
      }),
    );
  });
});

describe("what a wake needs and says", () => {
  it.each<[JsonObject, boolean]>([
    [{ wakeCommentIds: ["a"] }, true],
    [{ wakeCommentId: "a" }, true],
    [{ commentId: "a" }, true],
    [{ wakeReason: "approval_approved" }, true],
    [{ wakeReason: "issue_assigned" }, false],
    [{ commentId: " ", wakeCommentIds: [] }, false],
    [{}, false],
  ])("WK-6 %j needs a follow-up run: %s", (context, expected) => expect(needsFollowUpRun(context)).toBe(expected));

  it.each<[unknown, number]>([
    [3, 3],
    [0, 0],
    [-1, 0],
    [0.9, 0],
    [1.5, 1],
    ["2", 2],
    ["2 of 2", 2],
    ["-1", 0],
    ["two", 0],
    ["", 0],
    [1e30, 2_147_483_647],
    [null, 0],
    [true, 0],
    [{}, 0],
  ])("WK-40, LV-78 livenessContinuationAttempt %j is kept as %i", (attempt, expected) => {
    expect(continuationAttemptOf({ livenessContinuationAttempt: attempt as number })).toBe(expected);
  });
});

describe("a deferred request's payload", () => {
  it("WK-28 keeps the caller's keys, the issue and, privately, the context", () => {
    const payload = deferredPayload({ issueId: "other", mine: 1 }, "i", { wakeReason: "r" });
    expect(payload).toEqual({ mine: 1, issueId: "i", [DEFERRED_CONTEXT_KEY]: { wakeReason: "r" } });
    expect(publicPayload(payload)).toEqual({ mine: 1, issueId: "i" });
    expect(publicPayload(null)).toBeNull();
  });

  it("WK-27 a later ask merges its context and overwrites payload keys", () => {
    const stored = deferredPayload({ mine: 1, kept: true }, "i", { wakeCommentIds: ["a"], wakeReason: "r" });
    const merged = mergeDeferredPayload(stored, { payload: { mine: 2 }, issueId: "i", context: { commentId: "b" } });
    expect(publicPayload(merged)).toEqual({ mine: 2, kept: true, issueId: "i" });
    expect(deferredContextOf(merged)).toMatchObject({ wakeReason: "r", wakeCommentIds: ["a", "b"], commentId: "b" });
  });

  it("WK-27 a caller cannot put a context of its own under the private key", () => {
    const forged = { [DEFERRED_CONTEXT_KEY]: { wakeReason: "forged" } };
    expect(deferredContextOf(deferredPayload(forged, "i", { wakeReason: "r" }))).toEqual({ wakeReason: "r" });
    const merged = mergeDeferredPayload(deferredPayload(null, "i", { wakeReason: "r" }), {
      payload: forged,
      issueId: "i",
      context: {},
    });
    expect(deferredContextOf(merged)).toEqual({ wakeReason: "r" });
  });
});
