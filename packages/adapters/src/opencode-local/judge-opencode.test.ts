import path from "node:path";
import { describe, expect, it } from "vitest";
import { describeParserLaws } from "../conformance/parser-laws.js";
import { eventsOf, type RecordedFixture, readFixtures } from "../conformance/recorded-fixtures.js";
import { isUnknownOpenCodeSession, judgeOpenCode, type OpenCodeEnding } from "./judge-opencode.js";
import { createOpenCodeParser } from "./parse-opencode.js";

const fixtures = readFixtures(path.join(import.meta.dirname, "fixtures"));
const NOW = new Date("2026-11-24T09:00:00Z");

function endingOf(
  fixture: Pick<RecordedFixture, "stdout" | "stderr" | "exitCode"> & { readonly capturedAt?: Date },
): OpenCodeEnding {
  const parser = createOpenCodeParser();
  const { events, plain } = eventsOf(fixture.stdout);
  for (const event of events) parser.onEvent(event);
  return {
    exitCode: fixture.exitCode,
    output: parser.output(),
    stderr: fixture.stderr,
    plainStdout: plain,
    now: fixture.capturedAt ?? NOW,
  };
}

const ending = (exitCode: number | null, events: object[], stderr = ""): OpenCodeEnding =>
  endingOf({ exitCode, stderr, stdout: events.map((event) => JSON.stringify(event)).join("\n") });
const apiError = (data: object): object => ({
  type: "error",
  error: { name: "APIError", data: { message: "no", ...data } },
});

describeParserLaws({
  fixtures,
  createParser: createOpenCodeParser,
  readerOptions: { sessionKeys: ["sessionID"] },
  sessionOf: (output) => output.sessionId,
});

describe("AD-330 recordings of OpenCode", () => {
  it.each(fixtures.map((fixture) => [fixture.name, fixture] as const))("AD-330 AD-234 %s", (_name, fixture) => {
    const attempt = endingOf(fixture);
    const verdict = judgeOpenCode(attempt);
    const { expect: wanted } = fixture;
    if (wanted.unknownSession === true) {
      expect(isUnknownOpenCodeSession(attempt)).toBe(true);
      expect(verdict?.errorMessage).toBe("Error: Session not found");
      return;
    }
    expect(verdict === null ? "succeeded" : "failed").toBe(wanted.outcome);
    expect(verdict?.errorCode).toBe(wanted.errorCode);
    expect(verdict?.errorFamily ?? null).toBe(wanted.errorFamily ?? null);
    if (wanted.summary !== undefined) expect(attempt.output.summary).toBe(wanted.summary);
    if (wanted.usage !== undefined) expect(attempt.output.usage).toEqual(wanted.usage);
    if (wanted.costUsd !== undefined) expect(attempt.output.costUsd).toBe(wanted.costUsd);
    expect(attempt.output.sessionId ?? undefined).toBe(wanted.streamSessionId);
    expect(isUnknownOpenCodeSession(attempt)).toBe(false);
  });
});

describe("AD-234 AD-235 AD-245 events and verdicts", () => {
  it("AD-234 sums steps, reasoning among the output, and keeps tool errors apart", () => {
    const step = (reason: string): object => ({
      type: "step_finish",
      sessionID: "ses_1",
      part: { reason, tokens: { input: 10, output: 2, reasoning: 3, cache: { read: 4, write: 9 } }, cost: 0.1 },
    });
    const attempt = ending(0, [
      step("tool-calls"),
      { type: "tool_use", part: { state: { status: "error", error: "command failed" } } },
      step("stop"),
    ]);
    expect(attempt.output).toMatchObject({
      usage: { inputTokens: 20, cachedInputTokens: 8, outputTokens: 10 },
      costUsd: 0.2,
      toolErrors: ["command failed"],
      errorMessage: null,
      sessionId: "ses_1",
    });
    expect(judgeOpenCode(attempt)).toBeNull();
  });

  it("AD-237 takes the message of today's error event, and of an unknown model the CLI's own words", () => {
    const attempt = ending(1, [
      {
        type: "error",
        sessionID: "ses_1",
        error: { name: "APIError", data: { message: "no such key", statusCode: 401, isRetryable: false } },
      },
    ]);
    expect(judgeOpenCode(attempt)).toEqual({ errorMessage: "no such key", errorCode: "opencode_auth_required" });
    const unknownModel = fixtures.find(({ name }) => name === "bad-model");
    expect(unknownModel === undefined ? null : judgeOpenCode(endingOf(unknownModel))?.errorMessage).toBe(
      "Unexpected server error. Check server logs for details.",
    );
  });

  it("AD-78 an end in the middle of tool calls is no end", () => {
    expect(judgeOpenCode(ending(0, [{ type: "step_finish", part: { reason: "tool-calls" } }]))).toEqual({
      errorMessage: "OpenCode exited with code 0 without a final result",
    });
  });

  it("AD-235 joins several errors by newlines, whatever the exit code", () => {
    const attempt = ending(0, [
      { type: "error", error: { message: "one" } },
      { type: "error", error: { name: "TwoError" } },
    ]);
    expect(judgeOpenCode(attempt)).toEqual({ errorMessage: "one\nTwoError", exitCode: 1 });
  });

  it("AD-235 AD-79 falls back to stderr without colours, then to the exit code", () => {
    expect(judgeOpenCode(ending(3, [], "\n\u001b[91mError: \u001b[0mbroken\n"))?.errorMessage).toBe("Error: broken");
    expect(judgeOpenCode(ending(3, []))?.errorMessage).toBe("OpenCode exited with code 3");
  });

  it.each<[string, object, object]>([
    ["429", { statusCode: 429 }, { errorFamily: "transient_upstream" }],
    ["529", { statusCode: 529, isRetryable: false }, { errorCode: "opencode_transient_upstream" }],
    ["what the provider calls retryable", { isRetryable: true }, { errorCode: "opencode_transient_upstream" }],
    ["403", { statusCode: 403, isRetryable: false }, { errorCode: "opencode_auth_required" }],
    ["401 with a retry", { statusCode: 401, isRetryable: true }, { errorCode: "opencode_auth_required" }],
  ])("AD-245 %s", (_what, data, verdict) => {
    expect(judgeOpenCode(ending(1, [apiError(data)]))).toMatchObject(verdict);
  });

  it.each([
    ["61", "2026-11-24T09:01:01.000Z"],
    ["60", undefined],
    ["1", undefined],
    ["Tue, 24 Nov 2026 10:00:00 GMT", "2026-11-24T10:00:00.000Z"],
    ["soon", undefined],
  ])("AD-245 retry-after %j", (header, notBefore) => {
    const verdict = judgeOpenCode(
      ending(1, [apiError({ statusCode: 429, responseHeaders: { "retry-after": header } })]),
    );
    expect(verdict?.retryNotBefore).toBe(notBefore);
  });

  it("AD-76 leaves a 400 alone, whatever the agent said", () => {
    const attempt = ending(1, [
      { type: "text", part: { text: "429 too many requests, unauthorized" } },
      apiError({ statusCode: 400, isRetryable: false }),
    ]);
    expect(judgeOpenCode(attempt)).toEqual({ errorMessage: "no" });
  });

  it.each([
    "Unknown session ses_1",
    "Resource not found: /x/storage/session/p/ses_1.json",
    "NotFoundError",
    "no session",
  ])("AD-236 knows %j as an unknown session", (stderr) => {
    expect(isUnknownOpenCodeSession(ending(1, [], stderr))).toBe(true);
  });
});
