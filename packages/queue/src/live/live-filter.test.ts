import type { LiveEvent } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { type LiveEventFilter, passesFilter, wantsLogs } from "./live-filter.js";

const stamp = { id: 1, companyId: "c", createdAt: "2026-01-01T00:00:00.000Z" };
const log: LiveEvent = {
  ...stamp,
  type: "heartbeat.run.log",
  payload: { runId: "r1", agentId: "a1", ts: stamp.createdAt, stream: "stdout", chunk: "x", truncated: false },
};
const wakeup: LiveEvent = {
  ...stamp,
  type: "wakeup.recorded",
  payload: { wakeupId: "w", agentId: "a1", status: "coalesced", reason: null, runId: "r1", issueId: "i1" },
};
const activity: LiveEvent = {
  ...stamp,
  type: "activity.logged",
  payload: {
    actorType: "user",
    actorId: "u",
    action: "issue.updated",
    entityType: "issue",
    entityId: "i1",
    agentId: null,
    runId: null,
    details: {},
  },
};
const reset: LiveEvent = { ...stamp, type: "stream.reset", payload: { oldestId: null, latestId: null } };

describe("API-261 filters", () => {
  it.each<[LiveEventFilter, string, LiveEvent, boolean]>([
    [{}, "a log chunk", log, true],
    [{ types: [] }, "a log chunk", log, true],
    [{ types: ["heartbeat.run.*"] }, "a log chunk", log, true],
    [{ types: ["heartbeat.run.*"] }, "a wakeup", wakeup, false],
    [{ types: ["agent.status", "wakeup.recorded"] }, "a wakeup", wakeup, true],
    [{ types: ["wakeup"] }, "a wakeup", wakeup, false],
    [{ types: ["*"] }, "a wakeup", wakeup, true],
    [{ agentId: "a1", runId: "r1" }, "its log chunk", log, true],
    [{ agentId: "a1", runId: "r2" }, "another run's chunk", log, false],
    [{ issueId: "i1" }, "a chunk, which names no issue", log, false],
    [{ issueId: "i1" }, "its wakeup", wakeup, true],
    [{ issueId: "i1" }, "activity on it", activity, true],
    [{ issueId: "i2" }, "activity on another", activity, false],
    [{ agentId: "i1" }, "activity on an issue of that id", activity, false],
    [{ types: ["agent.status"], runId: "r9" }, "a reset", reset, true],
  ])("%j and %s", (filter, _name, event, passes) => expect(passesFilter(filter, event)).toBe(passes));

  it.each<[LiveEventFilter, boolean]>([
    [{}, true],
    [{ types: ["heartbeat.*"], runId: "r1" }, true],
    [{ types: ["agent.*"] }, false],
    [{ issueId: "i1" }, false],
  ])("%j reads log chunks: %s", (filter, wants) => expect(wantsLogs(filter)).toBe(wants));
});
