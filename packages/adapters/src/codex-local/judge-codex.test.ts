import path from "node:path";
import { describe, expect, it } from "vitest";
import { describeParserLaws } from "../conformance/parser-laws.js";
import { eventsOf, type RecordedFixture, readFixtures } from "../conformance/recorded-fixtures.js";
import { type CodexEnding, isUnknownCodexSession, judgeCodex } from "./judge-codex.js";
import { createCodexParser } from "./parse-codex.js";

const fixtures = readFixtures(path.join(import.meta.dirname, "fixtures"));
const NOW = new Date("2026-11-22T06:39:20Z");

function endingOf(
  attempt: Pick<RecordedFixture, "stdout" | "stderr" | "exitCode"> & { readonly capturedAt?: Date },
  resumedSessionId: string | null = null,
): CodexEnding {
  const parser = createCodexParser();
  const { events, plain } = eventsOf(attempt.stdout);
  for (const event of events) parser.onEvent(event);
  const { exitCode, stderr, capturedAt } = attempt;
  // All recordings were made in UTC (fixtures' README).
  const place = { now: capturedAt ?? NOW, localZone: "UTC" };
  return { exitCode, output: parser.output(), stderr, plainStdout: plain, ...place, resumedSessionId };
}

const ending = (events: object[], more: { exitCode?: number; stderr?: string; resumed?: string } = {}): CodexEnding =>
  endingOf(
    {
      exitCode: more.exitCode ?? 1,
      stderr: more.stderr ?? "",
      stdout: events.map((event) => JSON.stringify(event)).join("\n"),
    },
    more.resumed ?? null,
  );
const failedTurn = (message: string): object => ({ type: "turn.failed", error: { message } });
const error = (message: string): object => ({ type: "error", message });

describeParserLaws({
  fixtures,
  createParser: createCodexParser,
  readerOptions: { sessionKeys: ["thread_id"] },
  sessionOf: (output) => output.threadId,
});

describe("AD-330 recordings of Codex", () => {
  it.each(fixtures.map((recorded) => [recorded.name, recorded] as const))("AD-330 AD-148 %s", (_name, recorded) => {
    const wanted = recorded.expect;
    const attempt = endingOf(recorded, wanted.unknownSession === true ? "resumed" : null);
    const failure = judgeCodex(attempt);
    expect(attempt.output.threadId ?? undefined).toBe(wanted.streamSessionId);
    expect(isUnknownCodexSession(attempt)).toBe(wanted.unknownSession === true);
    expect(failure === null).toBe(wanted.outcome === "succeeded");
    if (wanted.unknownSession === true) return;
    if ("errorCode" in wanted) expect(failure?.errorCode ?? null).toBe(wanted.errorCode);
    expect(failure?.errorFamily ?? null).toBe(wanted.errorFamily ?? null);
    expect(failure?.retryNotBefore ?? null).toBe(wanted.retryNotBefore ?? null);
    if (wanted.summary !== undefined) expect(attempt.output.summary).toBe(wanted.summary);
    if (wanted.usage !== undefined) expect(attempt.output.usage).toEqual(wanted.usage);
  });
});

describe("AD-167 AD-168 what Codex does by itself", () => {
  const recorded = (name: string): RecordedFixture => {
    const found = fixtures.find((one) => one.name === name);
    if (found === undefined) throw new Error(`There is no recording "${name}"`);
    return found;
  };

  it.each([
    ["ratelimit-429", 5],
    ["invalid-key", 5],
    ["usage-limit", 0],
    ["quota-429", 0],
  ])("AD-167 %s: it connects again %i times, and only what comes last is the error", (name, times) => {
    const { stdout } = recorded(name);
    expect(stdout.match(/Reconnecting\.\.\. \d\/5/g) ?? []).toHaveLength(times);
    expect(judgeCodex(endingOf(recorded(name)))?.errorMessage).not.toContain("Reconnecting");
  });

  it("AD-168 an empty prompt is said as Codex says it", () => {
    expect(judgeCodex(endingOf(recorded("empty-prompt")))).toEqual({ errorMessage: "No prompt provided via stdin." });
  });
});

describe("AD-160 AD-78 AD-150 AD-151 messages", () => {
  const noise =
    "2026-11-22T06:42:34.851044Z ERROR codex_api::endpoint::responses_websocket: failed to connect to Responses WebSocket stage=Unknown\n" +
    "2026-11-22T06:42:34.851044Z ERROR codex_core::rollout::list: state db missing rollout path for thread 1\n";
  it.each<[string, CodexEnding, string]>([
    ["the last error", ending([error("one"), error("two")]), "two"],
    ["the failed turn", ending([error("one"), failedTurn("two")]), "two"],
    ["AD-150 stderr without noise", ending([], { stderr: `${noise}real trouble\n` }), "real trouble"],
    ["nothing", ending([], { exitCode: 9, stderr: noise }), "Codex exited with code 9"],
    [
      "AD-78 no end",
      ending([{ type: "turn.started" }], { exitCode: 0 }),
      "Codex exited with code 0 without a final result",
    ],
    ["a failed turn with exit 0", ending([failedTurn("boom")], { exitCode: 0 }), "boom"],
  ])("AD-160 says %s", (_what, attempt, message) => {
    expect(judgeCodex(attempt)).toEqual({ errorMessage: message });
  });

  it("AD-148 an item of type error is a warning, AD-151 errors before a success count for nothing", () => {
    const warning = { type: "item.completed", item: { type: "error", message: "429 Too Many Requests" } };
    expect(judgeCodex(ending([warning]))).toEqual({ errorMessage: "Codex exited with code 1" });
    expect(judgeCodex(ending([error("401 Unauthorized"), { type: "turn.completed" }], { exitCode: 0 }))).toBeNull();
  });

  it("AD-76 never looks into what the agent or a tool says", () => {
    const item = (more: object): object => ({ type: "item.completed", item: more });
    const attempt = ending([
      item({ type: "agent_message", text: "401 Unauthorized" }),
      item({ type: "command_execution", aggregated_output: "429 Too Many Requests, at capacity" }),
      failedTurn("boom"),
    ]);
    expect(judgeCodex(attempt)).toEqual({ errorMessage: "boom" });
  });
});

describe("AD-161 AD-163 AD-164 which failure it is", () => {
  it.each([
    "We're currently experiencing high demand, which may cause temporary errors.",
    "remote compact task failed: 429",
    "exceeded retry limit, last status: 429 Too Many Requests",
    "last status: 503 Service Unavailable",
    "Selected model is at capacity. Please try a different model.",
    "You've hit your usage limit. Try again later.",
    "You’ve hit your usage limit for X.",
  ])("AD-161 AD-163 %j passes by itself", (words) => {
    expect(judgeCodex(ending([failedTurn(words)]))).toMatchObject({
      errorCode: "codex_transient_upstream",
      errorFamily: "transient_upstream",
    });
  });

  it.each([
    "Quota exceeded. Check your plan and billing details.",
    "To use Codex with your ChatGPT plan, upgrade to Plus: https://x.",
    "stream disconnected before completion: network error",
    "please try again later",
    "remote compact task failed",
  ])("AD-163 %j does not", (words) => {
    expect(judgeCodex(ending([failedTurn(words)]))).toEqual({ errorMessage: words });
  });

  it("AD-163 the reconnects that went before do not decide", () => {
    const attempt = ending([error("Reconnecting... 1/5 (last status: 429 Too Many Requests)"), failedTurn("boom")]);
    expect(judgeCodex(attempt)).toEqual({ errorMessage: "boom" });
  });

  it.each([
    "unexpected status 401 Unauthorized: x",
    "Missing environment variable: `X`.",
    "not logged in",
    "Invalid API key",
  ])("AD-164 %j asks for a login", (words) => {
    const failure = judgeCodex(ending([failedTurn(words)]));
    expect(failure).toMatchObject({ errorCode: "codex_auth_required" });
    expect(failure).not.toHaveProperty("errorFamily");
  });
});

describe("AD-162 the time of a retry", () => {
  it.each<[string, string | null]>([
    ["You've hit your usage limit. Upgrade to Pro (https://x), or try again at 9:39 AM.", "2026-11-22T09:39:00.000Z"],
    [
      "You’ve hit your usage limit. Visit https://x or try again at Nov 25th, 2026 6:40 AM.",
      "2026-11-25T06:40:00.000Z",
    ],
    [
      "You've hit your usage limit for M. Switch to another model now, or try again at 5 PM.",
      "2026-11-22T17:00:00.000Z",
    ],
    ["You've hit your usage limit. try again at 3:00 PM (America/New_York).", "2026-11-22T20:00:00.000Z"],
    ["You've hit your usage limit. try again at 3:00 PM UTC.", "2026-11-22T15:00:00.000Z"],
    ["You've hit your usage limit. Try again later.", null],
    ["You've hit your usage limit. try again at 25:00 PM.", null],
  ])("AD-162 reads %j", (words, expected) => {
    const failure = judgeCodex(ending([failedTurn(words)]));
    expect(failure?.errorFamily).toBe("transient_upstream");
    expect(failure?.retryNotBefore ?? null).toBe(expected);
  });

  it("AD-162 takes a time without a zone as the CLI's own", () => {
    const attempt = ending([failedTurn("You've hit your usage limit. try again at 9:39 AM.")]);
    expect(judgeCodex({ ...attempt, localZone: "Asia/Tokyo" })?.retryNotBefore).toBe("2026-11-23T00:39:00.000Z");
  });
});

describe("AD-165 lost threads", () => {
  it.each([
    "unknown session x",
    "unknown thread",
    "thread 123 not found",
    "conversation x not found",
    "missing rollout path for thread 1",
    "no rollout found for thread id 1",
    "2026-11-22T06:42:34Z ERROR codex_core::rollout::list: state db missing rollout path for thread 1",
  ])("AD-165 knows %j, when it resumed", (stderr) => {
    expect(isUnknownCodexSession(ending([], { stderr, resumed: "x" }))).toBe(true);
    expect(isUnknownCodexSession(ending([], { stderr }))).toBe(false);
    expect(isUnknownCodexSession(ending([], { stderr, resumed: "x", exitCode: 0 }))).toBe(false);
  });
});
