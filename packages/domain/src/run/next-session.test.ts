import { describe, expect, it } from "vitest";
import { DEFAULT_SESSION_CODEC, nextSession, type SessionCodecLike, type SessionReport } from "./next-session.js";

const previous = { params: { sessionId: "old", cwd: "/w" }, displayId: "old" };

describe("the session a run leaves", () => {
  it.each<[string, SessionReport, ReturnType<typeof nextSession>]>([
    [
      "is the previous one when the adapter names none",
      {},
      { params: previous.params, displayId: "old", sessionId: "old" },
    ],
    [
      "is none when it is cleared",
      { clearSession: true, sessionId: "new" },
      { params: null, displayId: null, sessionId: null },
    ],
    [
      "is the params that are named",
      { sessionParams: { sessionId: "new" } },
      { params: { sessionId: "new" }, displayId: "new", sessionId: "new" },
    ],
    [
      "is made of a session id alone",
      { sessionId: "new" },
      { params: { sessionId: "new" }, displayId: "new", sessionId: "new" },
    ],
    [
      "prefers params to the session id",
      { sessionParams: { sessionId: "p" }, sessionId: "s" },
      { params: { sessionId: "p" }, displayId: "p", sessionId: "p" },
    ],
    ["is gone when the named id is empty", { sessionId: "" }, { params: null, displayId: null, sessionId: null }],
    ["is gone when the named id is null", { sessionId: null }, { params: null, displayId: null, sessionId: null }],
    [
      "is gone when the named params are null",
      { sessionParams: null },
      { params: null, displayId: null, sessionId: null },
    ],
    [
      "keeps the params when only a display id is named",
      { sessionDisplayId: "shown" },
      { params: previous.params, displayId: "shown", sessionId: "old" },
    ],
    [
      "shows the session id last when the params have none",
      { sessionParams: { thread: 7 }, sessionId: "s" },
      { params: { thread: 7 }, displayId: "s", sessionId: "s" },
    ],
    [
      "does not show the previous one for params without an id",
      { sessionParams: { thread: 7 } },
      { params: { thread: 7 }, displayId: null, sessionId: null },
    ],
  ])("AD-31 %s", (_, report, expected) => expect(nextSession(report, previous)).toEqual(expected));

  it("AD-31 a display id is cut to 128 characters", () => {
    expect(nextSession({ sessionDisplayId: "x".repeat(200) }, previous).displayId).toHaveLength(128);
  });

  it("AD-31 params pass through serialize, then deserialize, and the codec may show another id", () => {
    const codec: SessionCodecLike = {
      serialize: (params) => (params === null ? null : { wire: params["sessionId"] ?? null }),
      deserialize: (raw) => ({ sessionId: (raw as { wire: string }).wire, read: true }),
      getDisplayId: (params) => `#${String(params?.["sessionId"])}`,
    };
    expect(nextSession({ sessionId: "a" }, previous, codec)).toEqual({
      params: { sessionId: "a", read: true },
      displayId: "#a",
      sessionId: "a",
    });
  });

  it("SE-26 the default codec passes any object that is not empty", () => {
    expect(DEFAULT_SESSION_CODEC.deserialize({ a: 1 })).toEqual({ a: 1 });
    for (const none of [{}, [], null, "s", 3]) expect(DEFAULT_SESSION_CODEC.deserialize(none)).toBeNull();
  });
});
