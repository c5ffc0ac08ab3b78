import { describe, expect, it } from "vitest";
import { nextLook, type QueueState } from "./peek.js";

const idle: QueueState = { waiting: 0, active: 0, nextDueMs: null, paused: false, concurrency: 2 };

describe("when to look at a queue again (RL-24)", () => {
  it.each([
    ["nothing there", {}, true, { at: null, withinMs: null }],
    ["another job and a free slot", { waiting: 3, active: 1 }, true, { at: "now", withinMs: 30_000 }],
    ["another job, but the fetch found none", { waiting: 3 }, false, { at: null, withinMs: 20 }],
    ["a full agent", { waiting: 3, active: 2 }, true, { at: null, withinMs: 30_000 }],
    ["a paused agent", { waiting: 3, paused: true }, false, { at: null, withinMs: null }],
    ["a paused agent with a job under way", { active: 1, paused: true }, true, { at: null, withinMs: 30_000 }],
    ["a delayed job", { nextDueMs: 5_000 }, false, { at: 5_000, withinMs: null }],
    ["a delayed job beside one under way", { nextDueMs: 5_000, active: 1 }, true, { at: 5_000, withinMs: 30_000 }],
    [
      "no limit known (a lost Redis)",
      { waiting: 1, active: 9, concurrency: null },
      true,
      { at: "now", withinMs: 30_000 },
    ],
  ] as const)("%s", (_name, state, fetched, expected) => {
    expect(nextLook({ state: { ...idle, ...state }, fetched, attentionMs: 30_000 })).toEqual(expected);
  });
});
