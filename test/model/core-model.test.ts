/**
 * Every interleaving of the core, and the safeguards one by one left out: a model that cannot fail proves nothing.
 */
import { describe, expect, it } from "vitest";
import { coreModel, type Mishaps, type Omissions } from "./core-model.js";
import { type Exploration, explore } from "./explore.js";

const NOTHING: Mishaps = { crashes: 0, pauses: 0, redisLosses: 0 };
const PATIENCE_MS = 600_000;

function check(mishaps: Partial<Mishaps>, without: Omissions = {}): Exploration {
  return explore(coreModel({ ...NOTHING, ...mishaps }, without));
}

describe("two wakes, two workers, every interleaving", () => {
  it.each<[string, Partial<Mishaps>]>([
    ["nothing goes wrong", {}],
    ["one crash", { crashes: 1 }],
    ["one loss of Redis", { redisLosses: 1 }],
    ["one worker that stands still past its lease", { pauses: 1 }],
    ["one crash and one loss of Redis", { crashes: 1, redisLosses: 1 }],
    ["one worker that stands still past its lease and one loss of Redis", { pauses: 1, redisLosses: 1 }],
  ])(
    "RL-1, RL-2, RL-4, RL-5, RL-7 with %s: no law is broken, and rest can be reached from everywhere",
    (name, mishaps) => {
      const { states, transitions, atRest, violation } = check(mishaps);
      console.log(`${name}: ${states} states, ${transitions} transitions, ${atRest} ways to be at rest`);
      expect(violation).toBeNull();
      expect(states).toBeGreaterThan(100);
    },
    PATIENCE_MS,
  );
});

describe("a core without", () => {
  it.each<[string, Omissions, Partial<Mishaps>, string]>([
    ["the fence at the end (CL-17)", { fence: true }, { pauses: 1 }, "ended twice"],
    ["the check at the start (RL-4)", { startCheck: true }, { pauses: 1 }, "execute at once"],
    ["the deadline of the start (RL-4)", { startDeadline: true }, { pauses: 1 }, "execute at once"],
    ["a host that knows its unrecorded children (BY-9)", { hostKnows: true }, { pauses: 1 }, "execute at once"],
    ["anybody who knows them (BY-9)", { hostKnows: true, unrecordedEnds: true }, { crashes: 1 }, "execute at once"],
    ["the limit (CL-18)", { limit: true }, {}, "are running"],
    ["the relay (RL-20)", { relay: true }, { crashes: 1 }, "come to rest"],
    ["the epoch (RL-21)", { epoch: true }, { redisLosses: 1 }, "come to rest"],
    ["a rebuild of everything that waits (RL-21)", { wholeRebuild: true }, { redisLosses: 1 }, "come to rest"],
    ["the search for orphaned jobs (CL-1)", { orphanSearch: true }, { crashes: 1 }, "come to rest"],
    ["recovery (PL-1)", { recovery: true }, { crashes: 1 }, "come to rest"],
  ])("%s is found out", (_name, without, mishaps, law) => {
    const { violation } = check(mishaps, without);
    expect(violation?.law).toContain(law);
    expect(violation?.path.length).toBeGreaterThan(0);
  });
});
