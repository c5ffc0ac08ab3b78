import type { JsonValue } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { normalizeWakePayload } from "./wake-payload.js";

describe("AD-61 the wake payload", () => {
  it.each<[string, JsonValue | undefined]>([
    ["nothing", undefined],
    ["null", null],
    ["a string", "wake"],
    ["an empty object", {}],
    ["empty parts", { reason: " ", issue: {}, comments: [], activeTreeHold: {}, commentWindow: { requestedCount: 0 } }],
  ])("AD-61 finds nothing usable in %s", (_what, value) => {
    expect(normalizeWakePayload(value)).toBeNull();
  });

  it("AD-61 keeps the issue's fields and drops the others", () => {
    const payload = normalizeWakePayload({ issue: { id: "1", identifier: "WF-1", title: "T", extra: "x" }, other: 1 });
    expect(payload?.["issue"]).toEqual({ id: "1", identifier: "WF-1", title: "T", status: null, priority: null });
    expect(payload).not.toHaveProperty("other");
  });

  it("AD-61 CX-31 flattens authors and the comment window", () => {
    const payload = normalizeWakePayload({
      comments: [{ id: "c", body: "hello", author: { type: "user", id: "u" } }, "not a comment"],
      commentWindow: { requestedCount: 3, includedCount: 1, missingCount: 2 },
    });
    expect(payload).toMatchObject({
      comments: [{ id: "c", body: "hello", bodyTruncated: false, authorType: "user", authorId: "u" }],
      requestedCount: 3,
      includedCount: 1,
      missingCount: 2,
    });
  });

  it("EP-24 hands a whole execution stage on unchanged", () => {
    const executionStage = {
      wakeRole: "executor",
      stageId: "s",
      stageType: "review",
      currentParticipant: { type: "user", userId: "ann" },
      returnAssignee: { type: "agent", agentId: "a" },
      reviewRequest: { instructions: "  mind the edges\n " },
      lastDecisionOutcome: "changes_requested",
      allowedActions: ["address_changes", "resubmit"],
    };
    expect(normalizeWakePayload({ executionStage })?.["executionStage"]).toEqual(executionStage);
  });

  it("AD-61 reads the execution stage", () => {
    const payload = normalizeWakePayload({
      executionStage: { wakeRole: "reviewer", reviewRequest: { instructions: "Look" }, allowedActions: ["approve", 1] },
    });
    expect(payload?.["executionStage"]).toMatchObject({
      wakeRole: "reviewer",
      reviewRequest: { instructions: "Look" },
      allowedActions: ["approve"],
    });
  });
});
