import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { cutDisplayId, DEFAULT_SESSION_CODEC, readSessionParams, shownSessionId, writeSessionParams } from "./codec.js";
import { handedSession, rotatedSession, sessionIdBefore, sessionUse } from "./handed-session.js";
import { previousSession, type StoredSessions, sessionResetReason } from "./previous-session.js";

const stored: StoredSessions = {
  taskSession: { params: { sessionId: "task", cwd: "/w" }, displayId: "shown" },
  agentSession: { sessionId: "own", adapterType: "process" },
};
const previous = (context: JsonObject, from: StoredSessions = stored) =>
  previousSession({ context, adapterType: "process", stored: from, codec: DEFAULT_SESSION_CODEC });
const handed = (context: JsonObject, from: StoredSessions = stored) => {
  const found = previous(context, from);
  return handedSession(found, found.params, DEFAULT_SESSION_CODEC);
};

describe("which session a run resumes", () => {
  it("SE-1, SE-30, SE-34, AD-11 the task's, with what was stored to show", () => {
    expect(handed({ taskKey: "k" })).toMatchObject({
      taskKey: "k",
      sessionId: "task",
      params: { sessionId: "task", cwd: "/w" },
      displayId: "shown",
      taskSessionRead: true,
    });
  });

  it("SE-2, SE-7, SE-33 without a key the agent's own, and no task session is read", () => {
    expect(handed({})).toMatchObject({ taskKey: null, sessionId: "own", params: null, displayId: "own" });
    expect(handed({}).taskSessionRead).toBe(false);
  });

  it("SE-33 with a key the agent's own never stands in", () => {
    expect(handed({ taskKey: "k" }, { ...stored, taskSession: null })).toMatchObject({
      sessionId: null,
      displayId: null,
    });
  });

  it("SE-35 an agent-level session of another adapter is not handed on", () => {
    const other = { taskSession: null, agentSession: { sessionId: "own", adapterType: "codex_local" } };
    expect(handed({}, other)).toMatchObject({ sessionId: null, displayId: null });
  });

  it.each<[JsonObject, string | null]>([
    [{ wakeSource: "timer" }, "__heartbeat__"],
    [{ wakeSource: "timer", issueId: "i" }, "i"],
    [{ wakeSource: "timer", taskKey: "k", taskId: "t", issueId: "i" }, "k"],
    [{ wakeSource: "timer ", taskKey: " " }, null],
    [{ wakeSource: "on_demand" }, null],
    [{ taskId: "t", issueId: "i" }, "t"],
  ])("SE-4, SE-5 the key of %j is %s", (context, taskKey) => expect(previous(context).taskKey).toBe(taskKey));

  it.each<[JsonObject, string | null]>([
    [{ forceFreshSession: true }, "forceFreshSession was requested"],
    [{ forceFreshSession: true, wakeReason: "issue_assigned" }, "forceFreshSession was requested"],
    [{ wakeReason: "issue_assigned" }, "wake reason is issue_assigned"],
    [{ wakeReason: "execution_review_requested" }, "wake reason is execution_review_requested"],
    [{ wakeReason: "execution_approval_requested" }, "wake reason is execution_approval_requested"],
    [{ wakeReason: "execution_changes_requested" }, "wake reason is execution_changes_requested"],
    [{ forceFreshSession: "true" }, null],
    [{ forceFreshSession: 1 }, null],
    [{ wakeReason: "issue_commented" }, null],
    [{ wakeReason: "issue_comment_mentioned" }, null],
    [{ wakeReason: "transient_failure_retry" }, null],
    [{ wakeReason: "process_lost_retry", retryReason: "process_lost" }, null],
    [{ wakeReason: "missing_issue_comment" }, null],
    [{ wakeSource: "timer" }, null],
    [{}, null],
  ])("EX-6, SE-20, SE-23 %j resets because: %s", (context, reason) => expect(sessionResetReason(context)).toBe(reason));

  it("SE-21, SE-22 a reset reads neither session and says so, with the key or without", () => {
    expect(previous({ taskKey: "k", forceFreshSession: true })).toMatchObject({
      params: null,
      storedDisplayId: null,
      taskSessionRead: false,
      hasTaskSession: true,
      resetWarning: 'Skipping saved session resume for task "k" because forceFreshSession was requested.',
    });
    expect(previous({ wakeReason: "issue_assigned" })).toMatchObject({
      fallbackId: null,
      resetWarning: "Skipping saved session resume because wake reason is issue_assigned.",
    });
  });

  it("SE-16, SE-21, SE-30 an explicit resume wins over the task's session and over a reset", () => {
    const explicit = { taskKey: "k", resumeSessionParams: { sessionId: "asked" }, resumeSessionDisplayId: "asked…" };
    for (const context of [explicit, { ...explicit, forceFreshSession: true }]) {
      expect(handed(context)).toMatchObject({
        sessionId: "asked",
        params: { sessionId: "asked" },
        displayId: "asked…",
      });
    }
  });

  it("SE-16 what is shown of an explicit resume is its display id, else its params' own", () => {
    expect(previous({ resumeSessionParams: { sessionId: "asked" } }).explicitDisplayId).toBe("asked");
    expect(previous({ taskKey: "k", resumeSessionDisplayId: "named" }).params).toEqual({ sessionId: "named" });
  });

  it("SE-17 an id that may have been cut is shown, but not made into a session", () => {
    const context = { taskKey: "k", resumeSessionDisplayId: "x".repeat(128) };
    expect(previous(context, { ...stored, taskSession: null })).toMatchObject({
      params: null,
      explicitDisplayId: "x".repeat(128),
    });
  });

  it("SE-37 the run shows the display id, else the session id, cut", () => {
    expect(sessionIdBefore(handed({ taskKey: "k" }))).toBe("shown");
    const own = { taskSession: null, agentSession: { sessionId: "y".repeat(300), adapterType: "process" } };
    expect(handed({}, own).sessionId).toHaveLength(300);
    expect(sessionIdBefore(handed({}, own))).toHaveLength(128);
  });

  it("SE-47, SE-54 a rotation takes everything that could be resumed", () => {
    expect(rotatedSession(handed({ taskKey: "k" }), "session exceeded 2 runs")).toMatchObject({
      sessionId: null,
      params: null,
      displayId: null,
      taskKey: "k",
      rotationReason: "session exceeded 2 runs",
    });
  });

  it("SE-55 usage says how the session was used", () => {
    expect(sessionUse(handed({ taskKey: "k" }), "after")).toEqual({
      persistedSessionId: "after",
      sessionReused: true,
      taskSessionReused: true,
      freshSession: false,
      sessionRotated: false,
      sessionRotationReason: null,
    });
    expect(sessionUse(rotatedSession(handed({ taskKey: "k" }), "R"), null)).toMatchObject({
      sessionReused: false,
      taskSessionReused: true,
      freshSession: true,
      sessionRotated: true,
      sessionRotationReason: "R",
    });
  });
});

describe("codecs", () => {
  it("SE-26 the default one passes any object that is not empty", () => {
    expect(readSessionParams(DEFAULT_SESSION_CODEC, { a: 1 })).toEqual({ a: 1 });
    for (const none of [{}, [], null, "s", 3]) expect(readSessionParams(DEFAULT_SESSION_CODEC, none)).toBeNull();
    expect(writeSessionParams(DEFAULT_SESSION_CODEC, {})).toBeNull();
    expect(shownSessionId(DEFAULT_SESSION_CODEC, { sessionId: "s" })).toBe("s");
    expect(shownSessionId(DEFAULT_SESSION_CODEC, { sessionId: " " })).toBeNull();
  });

  it("SE-25 an empty object counts as null before and after", () => {
    const codec = { deserialize: () => ({}), serialize: () => ({}) };
    expect(readSessionParams(codec, { a: 1 })).toBeNull();
    expect(writeSessionParams(codec, { a: 1 })).toBeNull();
    const never = {
      deserialize: () => {
        throw new Error("an empty object is not asked about");
      },
      serialize: () => ({}),
    };
    expect(readSessionParams(never, {})).toBeNull();
  });

  it("SE-28 display ids are cut to 128 characters, blank ones are none, and a pair is never halved", () => {
    expect(cutDisplayId("x".repeat(129))).toBe("x".repeat(128));
    expect(cutDisplayId("  ")).toBeNull();
    expect(cutDisplayId(`${"x".repeat(127)}😀`)?.isWellFormed()).toBe(true);
  });
});
