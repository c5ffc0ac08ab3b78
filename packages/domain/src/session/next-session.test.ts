import { describe, expect, it } from "vitest";
import type { SessionCodecLike } from "./codec.js";
import { nextSession, type SessionReport, sessionAfterThrow } from "./next-session.js";

const handed = {
  taskKey: "k",
  params: { sessionId: "old", cwd: "/w" },
  displayId: "old",
  sessionId: "old",
  hasTaskSession: true,
};
const nothing = { taskKey: "k", params: null, displayId: null, sessionId: null, hasTaskSession: false };
const long = "x".repeat(300);

describe("the session a run leaves", () => {
  it.each<[string, SessionReport, Partial<ReturnType<typeof nextSession>>]>([
    [
      "SE-51, SE-52 is the one handed over when the adapter names none",
      {},
      { params: handed.params, displayId: "old", sessionId: "old", taskSession: "written" },
    ],
    [
      "SE-50, SE-57 is none when it is cleared, whatever else is named",
      { clearSession: true, sessionId: "new", sessionDisplayId: "shown" },
      { params: null, displayId: null, sessionId: null, taskSession: "removed" },
    ],
    [
      "SE-51 is the params that are named",
      { sessionParams: { sessionId: "new" } },
      { params: { sessionId: "new" }, displayId: "new", sessionId: "new" },
    ],
    [
      "SE-51 is made of a session id alone",
      { sessionId: "new" },
      { params: { sessionId: "new" }, displayId: "new", sessionId: "new" },
    ],
    [
      "SE-51, SE-53 has the params' place and the result's id at the agent's level",
      { sessionParams: { sessionId: "p" }, sessionId: "s" },
      { params: { sessionId: "p" }, displayId: "p", sessionId: "s" },
    ],
    [
      "SE-51 is gone when the named id is blank",
      { sessionId: " " },
      { params: null, displayId: null, sessionId: null, taskSession: "removed" },
    ],
    [
      "SE-51 is gone when the named id is null",
      { sessionId: null },
      { params: null, displayId: null, sessionId: null, taskSession: "removed" },
    ],
    [
      "SE-51, SE-57 is gone when the named params are null",
      { sessionParams: null },
      { params: null, displayId: null, sessionId: null, taskSession: "removed" },
    ],
    [
      "SE-25 is gone when the named params are empty",
      { sessionParams: {} },
      { params: null, displayId: null, sessionId: null, taskSession: "removed" },
    ],
    [
      "SE-52 keeps the params when only a display id is named",
      { sessionDisplayId: "shown" },
      { params: handed.params, displayId: "shown", sessionId: "old" },
    ],
    [
      "SE-52 shows the session id last when the params have none",
      { sessionParams: { thread: 7 }, sessionId: "s" },
      { params: { thread: 7 }, displayId: "s", sessionId: "s" },
    ],
    [
      "SE-52 does not show the previous one for params without an id",
      { sessionParams: { thread: 7 } },
      { params: { thread: 7 }, displayId: null, sessionId: null, taskSession: "written" },
    ],
    [
      "SE-17, SE-28, SE-53 is cut for display and whole to resume",
      { sessionId: long },
      { params: { sessionId: long }, displayId: long.slice(0, 128), sessionId: long },
    ],
  ])("AD-31 %s", (_, report, expected) => expect(nextSession(report, handed)).toMatchObject(expected));

  it("SE-54 an adapter that names none does not bring back what a rotation or a reset took away", () => {
    expect(nextSession({}, nothing)).toEqual({
      params: null,
      displayId: null,
      sessionId: null,
      taskSession: "removed",
    });
  });

  it("SE-7 without a key the task session is left alone, the agent's own is kept whole", () => {
    const own = { ...nothing, taskKey: null, sessionId: long, displayId: long.slice(0, 128) };
    expect(nextSession({}, own)).toMatchObject({ sessionId: long, displayId: long.slice(0, 128), taskSession: "left" });
    expect(nextSession({ clearSession: true }, own)).toMatchObject({ sessionId: null, taskSession: "left" });
  });

  it("SE-51 what serialize gave is stored, what deserialize makes of it is shown", () => {
    const codec: SessionCodecLike = {
      serialize: (params) => (params === null ? null : { wire: params["sessionId"] ?? null }),
      deserialize: (raw) => ({ sessionId: (raw as { wire: string }).wire, read: true }),
      getDisplayId: (params) => `#${String(params?.["sessionId"])}`,
    };
    expect(nextSession({ sessionParams: { sessionId: "a" } }, handed, codec)).toMatchObject({
      params: { wire: "a" },
      displayId: "#a",
      sessionId: "a",
    });
  });

  it.each([
    ["params", { ...nothing, params: { sessionId: "s" } }, "written"],
    ["display id", { ...nothing, displayId: "s" }, "written"],
    ["row", { ...nothing, hasTaskSession: true }, "written"],
    ["nothing", nothing, "left"],
    ["params, but no key", { ...handed, taskKey: null }, "left"],
  ])("SE-58 after an adapter that threw what was handed over stays: %s", (_, given, taskSession) => {
    const { params, displayId, sessionId } = given;
    expect(sessionAfterThrow(given)).toEqual({ params, displayId, sessionId, taskSession });
  });
});
