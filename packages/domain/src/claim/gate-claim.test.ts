import { AGENT_STATUSES, RUN_STATUSES } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ClaimFacts, freeSlot, gateClaim } from "./gate-claim.js";

const claimable: ClaimFacts = {
  run: { status: "queued", scheduledRetryAtMs: null },
  agent: { status: "idle", maxConcurrentRuns: 2 },
  takenSlots: [],
  issue: null,
  nowMs: 1_000,
};
const gate = (facts: Partial<ClaimFacts>) => gateClaim({ ...claimable, ...facts });

describe("the gates of a claim, in their order", () => {
  it("CL-1 a run that is gone ends the job", () => {
    expect(gate({ run: null })).toEqual({ kind: "ended", rule: "CL-1" });
  });

  it.each(RUN_STATUSES.filter((status) => status !== "queued" && status !== "scheduled_retry"))(
    "CL-1 a run that is %s ends the job, also when nothing else would let it run",
    (status) => {
      expect(gate({ run: { status, scheduledRetryAtMs: 9_999 }, agent: null })).toEqual({
        kind: "ended",
        rule: "CL-1",
      });
    },
  );

  it("CL-2 a retry that is not due goes back, before any other gate", () => {
    expect(gate({ run: { status: "scheduled_retry", scheduledRetryAtMs: 1_001 }, agent: null })).toEqual({
      kind: "not_due",
      rule: "CL-2",
      dueAtMs: 1_001,
    });
  });

  it("CL-3 a retry that is due goes on", () => {
    expect(gate({ run: { status: "scheduled_retry", scheduledRetryAtMs: 1_000 } })).toMatchObject({
      kind: "claim",
      wasRetry: true,
    });
  });

  it("CL-4 without its agent it is cancelled with the words of the rule", () => {
    expect(gate({ agent: null })).toEqual({
      kind: "cancel",
      rule: "CL-4",
      code: "cancelled",
      text: "Cancelled because the agent no longer exists",
    });
  });

  it.each(AGENT_STATUSES)("CL-5 an agent that is %s", (status) => {
    const decision = gate({ agent: { status, maxConcurrentRuns: 2 }, takenSlots: [1, 2] });
    if (["paused", "terminated", "pending_approval"].includes(status)) {
      expect(decision).toEqual({
        kind: "cancel",
        rule: "CL-5",
        code: "cancelled",
        text: "Cancelled because the agent is not invokable",
      });
    } else expect(decision).toEqual({ kind: "full", rule: "CL-18" });
  });

  it("CL-13 otherwise it runs, in the lowest free slot", () => {
    expect(gate({ takenSlots: [1] })).toEqual({
      kind: "claim",
      rule: "CL-13",
      slot: 2,
      takesLock: false,
      wasRetry: false,
    });
  });

  it.each([
    [true, true, true],
    [true, false, false],
    [false, true, false],
    [false, false, false],
  ])("CL-14 assignee %s, lock free or its own %s: takes the lock %s", (assignedToAgent, lockFreeOrOwn, takesLock) => {
    expect(gate({ issue: { assignedToAgent, lockFreeOrOwn } })).toMatchObject({ kind: "claim", takesLock });
  });
});

describe("slots", () => {
  it("CL-18 runs above a lowered limit still count", () => {
    expect(freeSlot([4, 5], 2)).toBeNull();
    expect(freeSlot([5], 2)).toBe(1);
  });

  it("CL-18 never gives a taken slot or one above the limit, and refuses exactly when the limit is reached", () => {
    const taken = fc.uniqueArray(fc.integer({ min: 1, max: 10 }));
    fc.assert(
      fc.property(taken, fc.integer({ min: 1, max: 10 }), (slots, limit) => {
        const slot = freeSlot(slots, limit);
        if (slots.length >= limit) return slot === null;
        return slot !== null && slot >= 1 && slot <= limit && !slots.includes(slot);
      }),
    );
  });
});
