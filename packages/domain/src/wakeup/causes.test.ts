/** BY-2: the causes of a run, and what is news to one that runs. BY-3: who is waiting. */
import type { JsonObject } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wakePayload } from "../wake-payload/index.js";
import { bringsNews, CAUSES_OMITTED_KEY, causesOf, isAskedByPerson, type WakeCause, withCause } from "./causes.js";
import { deferredContextOf, mergeContexts, mergeDeferredPayload } from "./context.js";
import { type ActiveRunFact, decideWakeup, type WakeupFacts } from "./decide-wakeup.js";

const cause = (requestId: string, more: Partial<WakeCause> = {}): WakeCause => ({
  requestId,
  at: new Date(0),
  source: "on_demand",
  reason: null,
  payload: null,
  commentIds: [],
  requester: { type: "user", id: "u" },
  ...more,
});
const asked = (requestId: string, payload: JsonObject | null = null, context: JsonObject = {}): JsonObject =>
  withCause(context, cause(requestId, { payload }));
const ids = (context: JsonObject): unknown[] => causesOf(context).map((one) => one["requestId"]);

describe("the causes of a run", () => {
  it("BY-2 keeps who asked, when, why, with what and which comments", () => {
    const context = withCause(
      { issueId: "i" },
      cause("r1", { reason: "why", payload: { note: 1 }, commentIds: ["c1"], at: new Date("2026-11-24T12:00:00Z") }),
    );
    expect(context).toEqual({
      issueId: "i",
      wakeCauses: [
        {
          requestId: "r1",
          at: "2026-11-24T12:00:00.000Z",
          source: "on_demand",
          reason: "why",
          requestedByType: "user",
          requestedById: "u",
          commentIds: ["c1"],
          payload: { note: 1 },
        },
      ],
    });
  });

  it("BY-2 merging, deferring and deferring again keep every cause in order", () => {
    expect(ids(mergeContexts(asked("1"), asked("2")))).toEqual(["1", "2"]);
    const deferred = mergeDeferredPayload(null, { payload: null, issueId: "i", context: asked("1") });
    const again = mergeDeferredPayload(deferred, { payload: null, issueId: "i", context: asked("2") });
    expect(ids(deferredContextOf(again))).toEqual(["1", "2"]);
  });

  it("BY-2 no cause stands twice, also where a retry's wake carries the run's own", () => {
    const run = mergeContexts(asked("1"), asked("2"));
    expect(ids(mergeContexts(run, withCause(run, cause("3"))))).toEqual(["1", "2", "3"]);
  });

  it("BY-2 is bounded: the first and the newest stay, the rest is counted, a long payload is left to its request", () => {
    let context: JsonObject = {};
    for (let n = 0; n < 200; n += 1) context = mergeContexts(context, asked(`r${n}`, { text: "x".repeat(5_000) }));
    expect(ids(context)).toEqual([
      ...Array.from({ length: 10 }, (_, n) => `r${n}`),
      ...Array.from({ length: 40 }, (_, n) => `r${160 + n}`),
    ]);
    expect(context[CAUSES_OMITTED_KEY]).toBe(150);
    expect(causesOf(context)[0]).toMatchObject({ payload: null, payloadOmitted: true });
    expect(JSON.stringify(context).length).toBeLessThan(20_000);
  });

  it("BY-2, WK-5 it does not matter which contexts are joined first", () => {
    const contexts = fc
      .array(fc.nat(60), { maxLength: 60 })
      .map((names) => [...new Set(names)].reduce<JsonObject>((all, name) => mergeContexts(all, asked(`r${name}`)), {}));
    const distinct = fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100)).map(([a, b, c]) => {
      const list = (from: string, count: number) =>
        Array.from({ length: count }, (_, n) => n).reduce<JsonObject>(
          (all, n) => mergeContexts(all, asked(`${from}${n}`)),
          {},
        );
      return [list("a", a), list("b", b), list("c", c)] as const;
    });
    fc.assert(
      fc.property(distinct, ([a, b, c]) => {
        expect(mergeContexts(mergeContexts(a, b), c)).toEqual(mergeContexts(a, mergeContexts(b, c)));
      }),
      { numRuns: 40 },
    );
    fc.assert(
      fc.property(contexts, (one) => {
        expect(ids(mergeContexts(one, one))).toEqual(ids(one));
      }),
      { numRuns: 40 },
    );
  });

  it("BY-3 knows that a person asked, also through an automatic retry of the same context", () => {
    const machine = withCause({}, cause("1", { requester: { type: "system", id: null } }));
    expect(isAskedByPerson(machine)).toBe(false);
    expect(isAskedByPerson(mergeContexts(machine, asked("2")))).toBe(true);
    expect(isAskedByPerson({ ...mergeContexts(machine, asked("2")), wakeReason: "transient_failure_retry" })).toBe(
      true,
    );
    expect(isAskedByPerson({})).toBe(false);
  });
});

describe("what the agent is told", () => {
  const payload = (context: JsonObject) =>
    wakePayload({ context, issue: null, comments: [], summary: null, checkedOut: false });

  it("BY-2 several wakes in one run are all in its wake payload, also without an issue; one alone is what the run is", () => {
    expect(payload(asked("1", { note: 1 }))).toBeNull();
    const told = payload(mergeContexts(asked("1", { note: 1 }), asked("2", { note: 2 })));
    expect(told).toMatchObject({
      causes: [{ requestId: "1" }, { requestId: "2", payload: { note: 2 } }],
      causesOmitted: 0,
    });
  });
});

describe("what is news to a run whose agent has its payload", () => {
  const known = asked("1", { taskKey: "t", note: { b: 1, a: [1, 2] } });
  it.each([
    ["nothing", null, {}, false],
    ["the same payload, keys in another order", { note: { a: [1, 2], b: 1 }, taskKey: "t" }, {}, false],
    [
      "only what it is about",
      { issueId: "i", taskKey: "t2", taskId: "x", projectId: "p", mutation: "update" },
      {},
      false,
    ],
    ["an empty value", { extra: null }, {}, false],
    ["another value", { note: { a: [2, 1], b: 1 } }, {}, true],
    ["another key", { extra: 0 }, {}, true],
    ["a payload too long to compare", { note: "x".repeat(3_000) }, {}, true],
    ["a fresh session", null, { forceFreshSession: true }, true],
  ])("BY-2 %s", (_what, payload, context, isNews) => {
    expect(bringsNews(known, asked("2", payload as JsonObject | null, context as JsonObject))).toBe(isNews);
  });

  it("BY-2 what any of several causes told is known", () => {
    const run = mergeContexts(asked("1", { a: 1 }), asked("2", { a: 2 }));
    expect(bringsNews(run, asked("3", { a: 1 }))).toBe(false);
    expect(bringsNews(run, asked("3", { a: 3 }))).toBe(true);
  });
});

describe("decisions", () => {
  const run = (status: ActiveRunFact["status"], agentId = "ann"): ActiveRunFact => ({
    id: "run",
    agentId,
    status,
    context: asked("1", { note: 1 }),
    createdAtMs: 1,
  });
  const wake = (more: Partial<WakeupFacts>): WakeupFacts => ({
    agent: {
      id: "ann",
      status: "idle",
      policy: { enabled: false, intervalSec: 0, wakeOnDemand: true, maxConcurrentRuns: 5 },
    },
    budget: null,
    source: "on_demand",
    isPersonWaiting: false,
    reason: null,
    payload: null,
    context: asked("2", { note: 1 }),
    issue: null,
    sameTaskRuns: [],
    ...more,
  });
  const onIssue = (holder: ActiveRunFact, more: Partial<WakeupFacts>): WakeupFacts =>
    wake({
      ...more,
      issue: {
        issueId: "i",
        exists: true,
        lockRunId: "run",
        activeRuns: [holder],
        deferred: null,
        hold: null,
        unresolvedBlockers: [],
        isInteraction: false,
      },
    });
  const news = { context: asked("2", { note: 2 }) };

  it.each([
    ["running", {}, "coalesce", "WK-30"],
    ["running", news, "queue", "WK-31"],
    ["queued", news, "coalesce", "WK-30"],
    ["scheduled_retry", news, "coalesce", "WK-30"],
  ] as const)("BY-2, WK-30 without an issue: a %s run, %o: %s", (status, more, kind, rule) => {
    expect(decideWakeup(wake({ sameTaskRuns: [run(status)], ...more }))).toMatchObject({ kind, rule });
  });

  it.each([
    ["running", {}, "coalesce", "WK-26"],
    ["running", news, "defer", "WK-28"],
    ["queued", news, "coalesce", "WK-26"],
    ["scheduled_retry", news, "coalesce", "WK-26"],
  ] as const)("BY-2, WK-26, WK-28 on an issue: its own %s run, %o: %s", (status, more, kind, rule) => {
    expect(decideWakeup(onIssue(run(status), more))).toMatchObject({ kind, rule });
  });

  it.each([
    ["a parked retry and a person", "scheduled_retry", true, true],
    ["a parked retry and a machine", "scheduled_retry", false, false],
    ["a queued run and a person", "queued", true, false],
  ] as const)("BY-3 %s", (_what, status, isPersonWaiting, hastens) => {
    const one = run(status);
    expect(decideWakeup(wake({ isPersonWaiting, sameTaskRuns: [one] }))).toMatchObject({ kind: "coalesce", hastens });
    expect(decideWakeup(onIssue(one, { isPersonWaiting }))).toMatchObject({ kind: "coalesce", hastens });
    const others = run(status, "bob");
    expect(decideWakeup(onIssue(others, { isPersonWaiting }))).toMatchObject({ kind: "defer", hastens });
  });
});
