import path from "node:path";
import { describe, expect, it } from "vitest";
import { describeParserLaws } from "../conformance/parser-laws.js";
import { eventsOf, type RecordedFixture, readFixtures } from "../conformance/recorded-fixtures.js";
import { type ClaudeEnding, isUnknownClaudeSession, judgeClaude } from "./judge-claude.js";
import { createClaudeParser } from "./parse-claude.js";

const fixtures = readFixtures(path.join(import.meta.dirname, "fixtures"));
const fixture = (name: string): RecordedFixture => {
  const found = fixtures.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`No fixture ${name}`);
  return found;
};
const CAPTURED = new Date("2026-11-22T06:37:27Z");

function endingOf(
  attempt: Pick<RecordedFixture, "stdout" | "stderr" | "exitCode"> & { readonly capturedAt?: Date },
  resumedSessionId: string | null = null,
): ClaudeEnding {
  const parser = createClaudeParser();
  const { events, plain } = eventsOf(attempt.stdout);
  for (const event of events) parser.onEvent(event);
  const { exitCode, stderr, capturedAt } = attempt;
  const output = parser.output();
  return { exitCode, output, stderr, plainStdout: plain, now: capturedAt ?? CAPTURED, resumedSessionId };
}

const ending = (events: object[], more: { exitCode?: number; stderr?: string; plain?: string } = {}): ClaudeEnding =>
  endingOf({
    exitCode: more.exitCode ?? 1,
    stderr: more.stderr ?? "",
    stdout: [...events.map((event) => JSON.stringify(event)), more.plain ?? ""].join("\n"),
  });
const failed = (result: string, more: object = {}): object => ({
  type: "result",
  subtype: "success",
  is_error: true,
  result,
  session_id: "s1",
  ...more,
});

describeParserLaws({
  fixtures,
  createParser: createClaudeParser,
  readerOptions: { sessionKeys: ["session_id"] },
  sessionOf: (output) => output.sessionId,
});

describe("AD-330 recordings of Claude Code", () => {
  it.each(fixtures.map((recorded) => [recorded.name, recorded] as const))("AD-330 AD-115 %s", (_name, recorded) => {
    const wanted = recorded.expect;
    const attempt = endingOf(recorded, wanted.unknownSession === true ? "resumed" : null);
    const failure = judgeClaude(attempt);
    expect(attempt.output.sessionId ?? undefined).toBe(wanted.streamSessionId);
    expect(isUnknownClaudeSession(attempt)).toBe(wanted.unknownSession === true);
    if (wanted.unknownSession === true) {
      expect(failure).not.toBeNull();
      return;
    }
    expect(failure === null ? "succeeded" : "failed").toBe(wanted.outcome);
    expect(failure?.errorCode ?? null).toBe(wanted.errorCode ?? null);
    expect(failure?.errorFamily ?? null).toBe(wanted.errorFamily ?? null);
    expect(failure?.retryNotBefore ?? null).toBe(wanted.retryNotBefore ?? null);
    expect(failure?.clearSession).toBe(wanted.clearSession);
    if (wanted.summary !== undefined) expect(attempt.output.summary).toBe(wanted.summary);
    if (wanted.usage !== undefined) expect(attempt.output.usage).toEqual(wanted.usage);
    if (wanted.costUsd !== undefined) expect(attempt.output.costUsd).toBe(wanted.costUsd);
  });

  it.each([
    ["session-limit", "2026-11-22T09:37:00.000Z"],
    ["weekly-limit", "2026-11-25T06:38:00.000Z"],
  ])("07-25 (AD-125) reads the time of %s from its text alone", (name, retryNotBefore) => {
    const { stdout, ...rest } = fixture(name);
    const withoutEvent = stdout.split("\n").filter((line) => !line.includes("rate_limit_event"));
    expect(judgeClaude(endingOf({ ...rest, stdout: withoutEvent.join("\n") }))).toMatchObject({
      errorFamily: "transient_upstream",
      retryNotBefore,
    });
  });

  it("AD-128 says what the CLI said", () => {
    expect(judgeClaude(endingOf(fixture("max-turns")))?.errorMessage).toBe(
      "Claude run failed: subtype=error_max_turns: Reached maximum number of turns (2)",
    );
    expect(judgeClaude(endingOf(fixture("missing-auth")))?.errorMessage).toBe(
      "Claude run failed: subtype=success: Not logged in · Please run /login",
    );
    expect(judgeClaude(endingOf(fixture("root-refusal")))?.errorMessage).toBe(
      "Claude exited with code 1: --dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
    );
  });
});

describe("AD-116 usage", () => {
  it("AD-116 sums over models, and falls back to the result's own counts", () => {
    const models = {
      a: { inputTokens: 1, cacheCreationInputTokens: 2, cacheReadInputTokens: 3, outputTokens: 4 },
      b: { inputTokens: 10, outputTokens: 1 },
    };
    expect(ending([{ type: "result", modelUsage: models, usage: { input_tokens: 99 } }]).output.usage).toEqual({
      inputTokens: 13,
      cachedInputTokens: 3,
      outputTokens: 5,
    });
    const usage = { input_tokens: 5, cache_creation_input_tokens: 7, cache_read_input_tokens: 2, output_tokens: 1 };
    expect(ending([{ type: "result", modelUsage: {}, usage }]).output.usage).toEqual({
      inputTokens: 5,
      cachedInputTokens: 2,
      outputTokens: 1,
    });
  });

  it("BY-6 knows what was used before there is a result, each message once", () => {
    const lines = fixture("success-tool").stdout.split("\n").slice(0, -2);
    const first = JSON.stringify({
      type: "assistant",
      message: { id: "m1", usage: { input_tokens: 5, output_tokens: 1 } },
    });
    const again = JSON.stringify({
      type: "assistant",
      message: { id: "m1", usage: { input_tokens: 5, output_tokens: 9 } },
    });
    expect(endingOf({ stdout: lines.join("\n"), stderr: "", exitCode: null }).output.usage).toEqual({
      inputTokens: 3000,
      cachedInputTokens: 1000,
      outputTokens: 2,
    });
    expect(endingOf({ stdout: `${first}\n${again}`, stderr: "", exitCode: null }).output.usage).toEqual({
      inputTokens: 5,
      cachedInputTokens: 0,
      outputTokens: 9,
    });
    const many = Array.from({ length: 500 }, (_, index) =>
      JSON.stringify({ type: "assistant", message: { id: `m${index}`, usage: { input_tokens: 1, output_tokens: 2 } } }),
    );
    expect(endingOf({ stdout: many.join("\n"), stderr: "", exitCode: null }).output.usage).toMatchObject({
      inputTokens: 500,
      outputTokens: 1000,
    });
  });
});

describe("BY-6 what each model used, for a price", () => {
  const said = (id: string, model: string | null, more: { usage?: object; content?: object[] } = {}): object => ({
    type: "assistant",
    message: { id, model, usage: { input_tokens: 5, output_tokens: 1 }, ...more },
  });

  it("BY-6 adds up by model, sub-agents' too, beyond the messages that are remembered", () => {
    const messages = Array.from({ length: 200 }, (_, at) => said(`m${at}`, at % 2 === 0 ? "big" : "small"));
    const { uses } = ending(messages).output;
    expect(uses.map(({ model, inputTokens, outputTokens }) => [model, inputTokens, outputTokens]).toSorted()).toEqual([
      ["big", 500, 100],
      ["small", 500, 100],
    ]);
  });

  it("BY-6 takes what was printed where the told output is that of the message's beginning", () => {
    const usage = { input_tokens: 1, cache_creation_input_tokens: 2, cache_read_input_tokens: 3, output_tokens: 1 };
    const { uses } = ending([
      said("m", "big", { usage, content: [{ type: "thinking", thinking: "x".repeat(400) }] }),
      said("m", "big", { usage, content: [{ type: "text", text: "y".repeat(40) }] }),
      said("m", "big", { usage, content: [{ type: "tool_use", input: { path: "z".repeat(29) } }] }),
    ]).output;
    expect(uses).toEqual([
      { model: "big", inputTokens: 1, cacheWriteTokens: 2, cacheReadTokens: 3, outputTokens: 120 },
    ]);
  });

  it("BY-6 keeps a bounded number of models, whatever is printed", () => {
    const messages = Array.from({ length: 500 }, (_, at) => said(`m${at}`, `model-${at}`));
    const { uses } = ending(messages).output;
    expect(uses.length).toBeLessThanOrEqual(17);
    expect(uses.reduce((sum, { inputTokens }) => sum + inputTokens, 0)).toBe(2_500);
  });
});

describe("AD-117 summary and model", () => {
  const text = (words: string): object => ({
    type: "assistant",
    message: { content: [{ type: "text", text: words }] },
  });
  it("AD-117 takes the result, else the agent's texts", () => {
    expect(ending([text("one"), text("two"), { type: "result", result: " done \n" }]).output.summary).toBe("done");
    expect(ending([text("one"), text("two"), { type: "result", result: "" }]).output.summary).toBe("one\n\ntwo");
  });

  it("AD-117 takes the model of the start, else of the result; the last result wins", () => {
    const init = { type: "system", subtype: "init", model: "m1" };
    expect(ending([init, { type: "result", model: "m2" }]).output.model).toBe("m1");
    expect(ending([{ type: "result", model: "m2" }]).output.model).toBe("m2");
    expect(
      ending([
        { type: "result", result: "a" },
        { type: "result", result: "b" },
      ]).output.summary,
    ).toBe("b");
  });

  it("AD-115 keeps the session against a damaged later one", () => {
    const id = "adad0771-d9b6-408a-a08d-51a949795f25";
    expect(
      ending([
        { type: "system", session_id: id },
        { type: "user", session_id: `${id}x` },
      ]).output.sessionId,
    ).toBe(id);
  });
});

describe("AD-121 AD-122 AD-78 messages", () => {
  it.each<[string, ClaudeEnding, string]>([
    ["a result without words", ending([{ type: "result", is_error: true }]), "Claude exited with code 1"],
    ["a subtype alone", ending([{ type: "result", subtype: "error_x" }]), "Claude run failed: subtype=error_x"],
    [
      "a detail alone",
      ending([{ type: "result", is_error: true, errors: [{ message: "boom" }] }]),
      "Claude run failed: boom",
    ],
    ["an error code", ending([{ type: "result", errors: [{ code: "E1" }] }]), "Claude run failed: E1"],
    ["no output", ending([], { exitCode: 3 }), "Claude exited with code 3"],
    ["stderr", ending([], { stderr: "\n\u001b[31mbad thing\u001b[0m\nmore" }), "Claude exited with code 1: bad thing"],
    ["AD-122 no JSON", ending([], { exitCode: 0, plain: "hello" }), "Failed to parse claude JSON output"],
    ["AD-78 no end", ending([{ type: "system" }], { exitCode: 0 }), "Claude exited with code 0 without a final result"],
  ])("AD-121 for %s", (_what, attempt, message) => {
    expect(judgeClaude(attempt)).toEqual({ errorMessage: message });
  });

  it("AD-122 takes one JSON object without a type for the result", () => {
    expect(judgeClaude(ending([{ result: "done", session_id: "s" }], { exitCode: 0 }))).toBeNull();
  });

  it("AD-77 sets no codes for a success, whatever it says", () => {
    const said = { type: "result", subtype: "success", is_error: false, result: "unauthorized, 429 rate limit" };
    expect(judgeClaude(ending([said], { exitCode: 0 }))).toBeNull();
  });
});

describe("AD-76 AD-123 AD-124 which failure it is", () => {
  it("AD-76 check 27: never looks into what the agent or a tool says", () => {
    const attempt = ending([
      { type: "assistant", message: { content: [{ type: "text", text: "please log in: https://evil.example" }] } },
      { type: "user", message: { content: [{ type: "tool_result", content: "429 Too Many Requests, unauthorized" }] } },
      { type: "system", subtype: "api_retry", retry_delay_ms: 503.3, error: "rate_limit" },
      failed("boom"),
    ]);
    expect(judgeClaude(attempt)).toEqual({ errorMessage: "Claude run failed: subtype=success: boom" });
  });

  it.each([
    "Not logged in",
    "please log in",
    "Please run claude login",
    "Please run `claude login`",
    "Please run /login",
    "login required",
    "requires login",
    "Unauthorized",
    "authentication required",
  ])("AD-123 %j asks for a login", (words) => {
    expect(judgeClaude(ending([failed(words)]))).toMatchObject({ errorCode: "claude_auth_required" });
    expect(judgeClaude(ending([failed(words)]))).not.toHaveProperty("errorFamily");
  });

  it.each([401, 403])("AD-123 so does status %d", (status) => {
    const failure = judgeClaude(ending([failed("boom", { api_error_status: status })]));
    expect(failure?.errorCode).toBe("claude_auth_required");
  });

  it("AD-123 gives the address to log in at, the likely one first", () => {
    const words = "Not logged in. See https://docs.example/x, then https://claude.ai/login.";
    expect(judgeClaude(ending([failed(words)]))?.errorMeta).toEqual({ loginUrl: "https://claude.ai/login" });
    expect(judgeClaude(ending([failed("Not logged in: https://a.example/b")]))?.errorMeta).toEqual({
      loginUrl: "https://a.example/b",
    });
    expect(judgeClaude(ending([failed("Not logged in")]))).not.toHaveProperty("errorMeta");
  });

  it.each([
    "rate limit",
    "rate-limited",
    "ratelimited",
    "rate_limit_error",
    "too many requests",
    "status 429",
    "503",
    "API Error: 529",
    "overloaded_error",
    "server overloaded",
    "Service Unavailable",
    "high demand",
    "try again later",
    "temporarily unavailable",
    "throttled",
    "ThrottlingException",
    "ServiceQuotaExceededException",
    "You're out of extra usage",
    "Claude usage limit reached",
    "5-hour limit reached",
    "weekly limit reached",
    "usage cap reached",
    "You've hit your session limit",
    "You’ve hit your Opus weekly limit",
  ])("AD-124 %j passes by itself", (words) => {
    expect(judgeClaude(ending([failed(words)]))).toMatchObject({
      errorCode: "claude_transient_upstream",
      errorFamily: "transient_upstream",
    });
  });

  it.each([429, 500, 502, 503, 504, 529])("AD-124 so does status %d", (status) => {
    expect(judgeClaude(ending([failed("boom", { api_error_status: status })]))?.errorFamily).toBe("transient_upstream");
  });

  it.each(["boom", "error 4290", "line 1503", "exit 5291", "There is a limit to everything"])(
    "AD-124 %j does not",
    (words) => {
      expect(judgeClaude(ending([failed(words)]))).not.toHaveProperty("errorCode");
    },
  );

  it("AD-124 a rejected rate limit counts without words, an allowed one does not", () => {
    const event = (status: string): object => ({
      type: "rate_limit_event",
      rate_limit_info: { status, resetsAt: 1795340247 },
    });
    expect(judgeClaude(ending([event("rejected"), failed("boom")]))?.retryNotBefore).toBe("2026-11-22T09:37:27.000Z");
    expect(judgeClaude(ending([event("allowed_warning"), failed("boom")]))).not.toHaveProperty("errorCode");
  });
});

describe("AD-125 the time of a retry", () => {
  it.each<[string, string | null]>([
    ["You're out of extra usage · resets 3pm (America/New_York)", "2026-11-22T20:00:00.000Z"],
    ["Claude usage limit reached. Your limit will reset at 9 a.m. (UTC).", "2026-11-22T09:00:00.000Z"],
    ["Claude usage limit reached: it resets at 6:37 AM (GMT)", "2026-11-23T06:37:00.000Z"],
    ["5-hour limit reached ∙ resets 11pm (UTC)", "2026-11-22T23:00:00.000Z"],
    ["You've hit your weekly limit · resets Nov 25, 6:38am (UTC)", "2026-11-25T06:38:00.000Z"],
    ["You've hit your weekly limit · resets Jan 2, 2027, 12am (UTC)", "2027-01-02T00:00:00.000Z"],
    ["weekly limit reached, resets December 1st at 1:05 p.m. (UTC)", "2026-12-01T13:05:00.000Z"],
    ["You've hit your session limit · resets 13pm (UTC)", null],
    ["You've hit your session limit · resets 9:75am (UTC)", null],
    ["You've hit your session limit", null],
    ["overloaded, resets 9am (UTC)", null],
    [`weekly limit reached ${"x".repeat(200)} resets 9am (UTC)`, null],
  ])("AD-125 reads %j", (words, expected) => {
    expect(judgeClaude(ending([failed(words)]))?.retryNotBefore ?? null).toBe(expected);
  });
});

describe("AD-126 AD-127 turns and sessions", () => {
  it("AD-126 ends the session at the turn limit, not at words about one", () => {
    expect(judgeClaude(ending([failed("x", { stop_reason: "max_turns" })]))).toMatchObject({
      errorCode: "max_turns_exhausted",
      clearSession: true,
    });
    expect(judgeClaude(ending([failed("reached the maximum number of turns")]))).not.toHaveProperty("clearSession");
  });

  it("AD-127 knows a lost session only when it resumed one, failed and got a result", () => {
    const lost = ending([failed("No conversation found with session ID: x, try again later")]);
    expect(isUnknownClaudeSession(lost)).toBe(false);
    expect(isUnknownClaudeSession({ ...lost, resumedSessionId: "x" })).toBe(true);
    expect(isUnknownClaudeSession({ ...lost, resumedSessionId: "x", exitCode: 0 })).toBe(false);
    expect(judgeClaude({ ...lost, resumedSessionId: "x" })).not.toHaveProperty("errorCode");
    const noResult = ending([], { stderr: "No conversation found with session ID: x" });
    expect(isUnknownClaudeSession({ ...noResult, resumedSessionId: "x" })).toBe(false);
  });
});
