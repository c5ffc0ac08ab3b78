import path from "node:path";
import { describe, expect, it } from "vitest";
import { describeParserLaws } from "../conformance/parser-laws.js";
import { eventsOf, type RecordedFixture, readFixtures } from "../conformance/recorded-fixtures.js";
import { isUnknownPiSession, judgePi, type PiEnding } from "./judge-pi.js";
import { createPiParser, PI_SKIPPED_PREFIXES } from "./parse-pi.js";

const fixtures = readFixtures(path.join(import.meta.dirname, "fixtures"));

function endingOf(fixture: Pick<RecordedFixture, "stdout" | "stderr" | "exitCode">): PiEnding {
  const parser = createPiParser();
  const { events, plain } = eventsOf(fixture.stdout);
  for (const event of events) parser.onEvent(event);
  return { exitCode: fixture.exitCode, output: parser.output(), stderr: fixture.stderr, plainStdout: plain };
}

const ending = (exitCode: number | null, events: object[], stderr = ""): PiEnding =>
  endingOf({ exitCode, stderr, stdout: events.map((event) => JSON.stringify(event)).join("\n") });
const turn = (message: object): object => ({ type: "turn_end", message: { role: "assistant", ...message } });
const failedTurn = (errorMessage: string): object => turn({ content: [], stopReason: "error", errorMessage });
const END = { type: "agent_end", messages: [] };

describeParserLaws({
  fixtures,
  createParser: createPiParser,
  readerOptions: { skippedPrefixes: PI_SKIPPED_PREFIXES },
  // The session is the file the run was given (AD-262), so nothing in the stream can lose it.
  sessionOf: () => null,
});

describe("AD-330 recordings of Pi", () => {
  it.each(fixtures.map((fixture) => [fixture.name, fixture] as const))("AD-330 AD-267 %s", (_name, fixture) => {
    const attempt = endingOf(fixture);
    const verdict = judgePi(attempt);
    const { expect: wanted } = fixture;
    if (wanted.unknownSession === true) {
      expect(isUnknownPiSession(attempt)).toBe(true);
      expect(verdict).not.toBeNull();
      return;
    }
    expect(verdict === null ? "succeeded" : "failed").toBe(wanted.outcome);
    expect(verdict?.errorCode).toBe(wanted.errorCode);
    expect(verdict?.errorFamily ?? null).toBe(wanted.errorFamily ?? null);
    if (wanted.exitCode !== undefined) expect(verdict?.exitCode).toBe(wanted.exitCode);
    if (wanted.errorMessage !== undefined) expect(verdict?.errorMessage).toBe(wanted.errorMessage);
    if (wanted.summary !== undefined) expect(attempt.output.summary).toBe(wanted.summary);
    if (wanted.usage !== undefined) expect(attempt.output.usage).toEqual(wanted.usage);
    if (wanted.costUsd !== undefined) expect(attempt.output.costUsd).toBe(wanted.costUsd);
    expect(attempt.output.streamSessionId ?? undefined).toBe(wanted.streamSessionId);
    expect(isUnknownPiSession(attempt)).toBe(false);
  });
});

describe("AD-267 to AD-275 events and verdicts", () => {
  it("AD-267 a later turn without an error clears a pending one", () => {
    const attempt = ending(0, [
      failedTurn("429 slow down"),
      turn({ content: [{ type: "text", text: "Done" }], stopReason: "stop" }),
      END,
    ]);
    expect(judgePi(attempt)).toBeNull();
    expect(attempt.output.summary).toBe("Done");
  });

  it("AD-269 the summary is the final message alone", () => {
    const { output } = ending(0, [
      { type: "message_update", assistantMessageEvent: { type: "text_delta", delta: "Do" } },
      turn({ content: [{ type: "text", text: "First" }], stopReason: "toolUse" }),
      turn({ content: [{ type: "text", text: "Done" }], stopReason: "stop" }),
      {
        type: "agent_end",
        messages: [{ role: "assistant", content: [{ type: "text", text: "Done" }], stopReason: "stop" }],
      },
    ]);
    expect(output.summary).toBe("Done");
  });

  it("AD-267 an exhausted retry without a text has one of its own", () => {
    expect(judgePi(ending(0, [{ type: "auto_retry_end", success: false }]))?.errorMessage).toBe(
      "Pi exhausted automatic retries without producing a response.",
    );
  });

  it("AD-270 the first error is the message", () => {
    expect(
      judgePi(
        ending(0, [
          { type: "error", message: "one" },
          { type: "error", message: "two" },
        ]),
      ),
    ).toEqual({
      errorMessage: "one",
      exitCode: 1,
    });
  });

  it("AD-270 falls back to stderr, then to the exit code", () => {
    const stderr = 'Warning: Model "x" not found for provider "y". Using custom model id.\nbroken\n';
    expect(judgePi(ending(2, [], stderr))?.errorMessage).toBe("broken");
    expect(judgePi(ending(2, []))?.errorMessage).toBe("Pi exited with code 2");
  });

  it("AD-78 exit 0 without an end is a failure", () => {
    expect(judgePi(ending(0, [{ type: "session", id: "s" }]))).toEqual({
      errorMessage: "Pi exited with code 0 without a final result",
    });
  });

  it.each([
    ["503 Service Unavailable", "pi_transient_upstream"],
    ["529 no", "pi_transient_upstream"],
    ["Provider is overloaded", "pi_transient_upstream"],
    ["Rate limit reached", "pi_transient_upstream"],
    ["403 Forbidden", "pi_auth_required"],
    ["400 Bad request", undefined],
    ["It took 429 ms", undefined],
  ])("AD-275 %j has code %s", (message, errorCode) => {
    expect(judgePi(ending(0, [failedTurn(message), END]))?.errorCode).toBe(errorCode);
  });

  it("AD-76 never looks into what the agent says", () => {
    const attempt = ending(
      1,
      [turn({ content: [{ type: "text", text: "overloaded" }], stopReason: "stop" }), END],
      "boom",
    );
    expect(judgePi(attempt)).toEqual({ errorMessage: "boom" });
  });

  it("AD-267 takes the end from a last line that was too long to keep", () => {
    const parser = createPiParser();
    parser.onEvent({ type: "turn_end", message: { role: "assistant", content: [{ type: "text", text: "Done" }] } });
    parser.onCutLine('{"type":"agent_end","messages":[');
    expect(parser.output()).toMatchObject({ ended: true, summary: "Done" });
  });
});
