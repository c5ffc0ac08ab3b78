import path from "node:path";
import { describe, expect, it } from "vitest";
import { describeParserLaws } from "../conformance/parser-laws.js";
import { eventsOf, type RecordedFixture, readFixtures } from "../conformance/recorded-fixtures.js";
import { type GeminiEnding, isUnknownGeminiSession, judgeGemini } from "./judge-gemini.js";
import { createGeminiParser, GEMINI_SESSION_KEYS } from "./parse-gemini.js";

const fixtures = readFixtures(path.join(import.meta.dirname, "fixtures"));

function endingOf(fixture: Pick<RecordedFixture, "stdout" | "stderr" | "exitCode">): GeminiEnding {
  const parser = createGeminiParser();
  const { events, plain } = eventsOf(fixture.stdout);
  for (const event of events) parser.onEvent(event);
  return { exitCode: fixture.exitCode, output: parser.output(), stderr: fixture.stderr, plainStdout: plain };
}

const ending = (exitCode: number | null, events: object[], stderr = ""): GeminiEnding =>
  endingOf({ exitCode, stderr, stdout: events.map((event) => JSON.stringify(event)).join("\n") });
const failedResult = (message: string): object => ({
  type: "result",
  status: "error",
  error: { type: "unknown", message },
});

describeParserLaws({
  fixtures,
  createParser: createGeminiParser,
  readerOptions: { sessionKeys: GEMINI_SESSION_KEYS },
  sessionOf: (output) => output.sessionId,
});

describe("AD-330 recordings of Gemini CLI", () => {
  it.each(fixtures.map((fixture) => [fixture.name, fixture] as const))("AD-330 AD-206 %s", (_name, fixture) => {
    const attempt = endingOf(fixture);
    const verdict = judgeGemini(attempt);
    const { expect: wanted } = fixture;
    if (wanted.unknownSession === true) {
      expect(isUnknownGeminiSession(attempt)).toBe(true);
      expect(verdict).not.toBeNull();
      return;
    }
    expect(verdict === null ? "succeeded" : "failed").toBe(wanted.outcome);
    expect(verdict?.errorCode).toBe(wanted.errorCode);
    expect(verdict?.errorFamily ?? null).toBe(wanted.errorFamily ?? null);
    expect(verdict?.clearSession).toBe(wanted.clearSession);
    if (wanted.summary !== undefined) expect(attempt.output.summary).toBe(wanted.summary);
    if (wanted.usage !== undefined) expect(attempt.output.usage).toEqual(wanted.usage);
    expect(attempt.output.sessionId ?? undefined).toBe(wanted.streamSessionId);
    expect(isUnknownGeminiSession(attempt)).toBe(false);
  });
});

describe("AD-207 older forms", () => {
  it("AD-207 AD-27 reads parts, questions, other names of session and usage", () => {
    const { output } = ending(0, [
      { type: "system", subtype: "init", sessionID: "s1", model: "m" },
      {
        type: "assistant",
        message: {
          content: [
            { type: "output_text", text: "Which one?" },
            { type: "content", content: "Tell me." },
            {
              type: "question",
              question: { prompt: "Which?", choices: [{ key: "a", label: "A" }, { label: "no key" }] },
            },
          ],
        },
      },
      { type: "text", part: { text: "More" } },
      {
        type: "result",
        status: "success",
        usageMetadata: { promptTokenCount: 5, cachedContentTokenCount: 2, candidatesTokenCount: 3 },
        total_cost_usd: 0.25,
      },
    ]);
    expect(output).toMatchObject({
      sessionId: "s1",
      model: "m",
      summary: "Which one?\nTell me.\n\nMore",
      question: { prompt: "Which?", choices: [{ key: "a", label: "A" }] },
      usage: { inputTokens: 5, cachedInputTokens: 2, outputTokens: 3 },
      costUsd: 0.25,
    });
  });

  it("AD-206 joins deltas to one message and begins another after a tool", () => {
    const delta = (content: string): object => ({ type: "message", role: "assistant", content, delta: true });
    const { output } = ending(0, [
      delta("One "),
      delta("message."),
      { type: "tool_use" },
      delta("Two."),
      { type: "unheard_of" },
    ]);
    expect(output.summary).toBe("One message.\n\nTwo.");
  });

  it("AD-207 sums the steps of a stream without a result, and takes errors of error and system events", () => {
    const { output } = ending(1, [
      { type: "step_finish", usage: { inputTokens: 1, outputTokens: 1 } },
      { type: "step_finish", usage: { inputTokens: 2, outputTokens: 1 } },
      { type: "error", error: { message: "first" } },
      { type: "system", subtype: "error", message: "second" },
    ]);
    expect(output.usage).toEqual({ inputTokens: 3, cachedInputTokens: 0, outputTokens: 2 });
    expect(output.errorMessage).toBe("second");
  });
});

describe("AD-210 AD-211 AD-212 AD-216 verdicts", () => {
  it.each<[string, GeminiEnding, object]>([
    [
      "a request that was not authorised",
      ending(145, [failedResult("Unauthorized")]),
      { errorCode: "gemini_auth_required" },
    ],
    ["a missing login on stderr", ending(1, [], "Please authenticate first"), { errorCode: "gemini_auth_required" }],
    ["exit 41", ending(41, []), { errorCode: "gemini_auth_required", errorMessage: "Gemini exited with code 41" }],
    [
      "a turn limit as status",
      ending(0, [{ type: "result", status: "max_turns" }]),
      { errorCode: "max_turns_exhausted", clearSession: true },
    ],
    ["500 as exit code", ending(244, []), { errorFamily: "transient_upstream" }],
    ["UNAVAILABLE", ending(1, [failedResult("status: UNAVAILABLE")]), { errorCode: "gemini_transient_upstream" }],
    [
      "a status without a text",
      ending(0, [{ type: "result", status: "error" }]),
      { errorMessage: "Gemini run failed: status=error" },
    ],
  ])("AD-216 %s", (_what, attempt, verdict) => {
    expect(judgeGemini(attempt)).toMatchObject(verdict);
  });

  it("AD-216 does not retry a daily quota, nor count the CLI's own retries", () => {
    expect(judgeGemini(ending(173, [failedResult("You have exhausted your daily quota")]))).not.toHaveProperty(
      "errorFamily",
    );
    const retried = ending(
      1,
      [failedResult("boom")],
      "Attempt 1 failed with status 503. Retrying: UNAVAILABLE overloaded",
    );
    expect(judgeGemini(retried)).toEqual({ errorMessage: "boom" });
  });

  it("AD-76 never looks into what the agent or a tool says", () => {
    const attempt = ending(1, [
      { type: "message", role: "assistant", content: "unauthorized, overloaded", delta: true },
      { type: "tool_result", output: "429 Too Many Requests" },
      failedResult("boom"),
    ]);
    expect(judgeGemini(attempt)).toEqual({ errorMessage: "boom" });
  });

  it.each<[number, string, object | null]>([
    [0, "", null],
    [41, "Invalid auth method selected.", { errorCode: "gemini_auth_required" }],
    [44, "no docker", {}],
    [53, "Reached max session turns", { errorCode: "max_turns_exhausted", clearSession: true }],
    [55, "not trusted", {}],
    [144, "400", {}],
    [145, "401", {}],
    [173, "429", { errorCode: "gemini_transient_upstream" }],
    [247, "503", { errorCode: "gemini_transient_upstream" }],
  ])("AD-209 AD-204 AD-214 exit %i, %j", (exitCode, stderr, verdict) => {
    const judged = judgeGemini(ending(exitCode, exitCode === 0 ? [{ type: "result", status: "success" }] : [], stderr));
    if (verdict === null) expect(judged).toBeNull();
    else
      expect(judged).toEqual({
        errorMessage: stderr,
        ...("errorCode" in verdict && exitCode > 100 ? { errorFamily: "transient_upstream" } : {}),
        ...verdict,
      });
  });

  it("AD-78 check 39: exit 0 without a result is a failure", () => {
    expect(judgeGemini(ending(0, [{ type: "init", session_id: "s" }]))).toEqual({
      errorMessage: "Gemini exited with code 0 without a final result",
    });
  });

  it("AD-210 AD-79 takes the first line of stderr that is no start-up chatter, without colours", () => {
    const stderr = "YOLO mode is enabled. All…\n[STARTUP] x\n\u001b[31mGEMINI_SANDBOX is true but…\u001b[0m\n";
    expect(judgeGemini(ending(44, [], stderr))?.errorMessage).toBe("GEMINI_SANDBOX is true but…");
  });

  it.each(["Unknown session x", "Session abc was not found", "cannot resume", "Failed to resume"])(
    "AD-213 knows %j as an unknown session",
    (stderr) => {
      expect(isUnknownGeminiSession(ending(42, [], stderr))).toBe(true);
    },
  );
});
