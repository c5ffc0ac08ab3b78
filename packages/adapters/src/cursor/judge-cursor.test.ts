import { describe, expect, it } from "vitest";
import { describeParserLaws } from "../conformance/parser-laws.js";
import { eventsOf } from "../conformance/recorded-fixtures.js";
import { type CursorEnding, isUnknownCursorSession, judgeCursor } from "./judge-cursor.js";
import { createCursorParser, splitStreamPrefix } from "./parse-cursor.js";

function ending(exitCode: number | null, lines: object[], stderr = ""): CursorEnding {
  const parser = createCursorParser();
  const { events, plain } = eventsOf(lines.map((line) => JSON.stringify(line)).join("\n"));
  for (const event of events) parser.onEvent(event);
  return { exitCode, output: parser.output(), stderr, plainStdout: plain };
}

/** The CLI is not distributed as a package, so there are no recordings: lines in the forms of AD-183. */
const written = [
  { type: "system", subtype: "init", session_id: "3f6f2c4e-0a6b-4c8e-9d55-7f1f0f0c1a2b", model: "m" },
  { type: "assistant", message: { content: [{ type: "output_text", text: "Wörking — 進捗" }] } },
  { type: "result", subtype: "success", result: "Done", usage: { input_tokens: 3, output_tokens: 1 }, cost: 0.5 },
]
  .map((line) => `${JSON.stringify(line)}\n`)
  .join("");

describeParserLaws({
  fixtures: [
    { name: "written", stdout: written, stderr: "", exitCode: 0, capturedAt: new Date(0), expect: {} },
    { name: "cut-off", stdout: written.slice(0, 200), stderr: "", exitCode: 1, capturedAt: new Date(0), expect: {} },
  ],
  createParser: createCursorParser,
  readerOptions: { sessionKeys: ["session_id", "sessionId", "sessionID"] },
  sessionOf: (output) => output.sessionId,
});

describe("AD-183 events of Cursor", () => {
  it.each(["session_id", "sessionId", "sessionID"])("AD-183 reads the session from %s", (key) => {
    expect(ending(0, [{ type: "system", subtype: "init", [key]: "c1", model: "m" }]).output).toMatchObject({
      sessionId: "c1",
      model: "m",
    });
  });

  it("AD-183 reads texts, usage and cost", () => {
    const { output } = ending(0, [
      {
        type: "assistant",
        message: {
          content: [
            { type: "output_text", text: "Working" },
            { type: "tool", text: "no" },
          ],
        },
      },
      { type: "assistant", message: { content: "Done" } },
      {
        type: "result",
        subtype: "success",
        result: "ignored",
        usage: { inputTokens: 10, cache_read_input_tokens: 4, output_tokens: 2 },
        total_cost_usd: 0.5,
      },
    ]);
    expect(output).toMatchObject({
      summary: "Working\n\nDone",
      usage: { inputTokens: 10, cachedInputTokens: 4, outputTokens: 2 },
      costUsd: 0.5,
    });
  });

  it("AD-183 takes the result as summary when the agent said nothing, and a cost of 0 as none", () => {
    const { output } = ending(0, [{ type: "result", result: "All done", cost: 0 }]);
    expect(output).toMatchObject({ summary: "All done", costUsd: null });
  });

  it("AD-183 reads the old forms", () => {
    const { output } = ending(0, [
      { type: "text", part: { text: "Hello" } },
      { type: "step_finish", part: { tokens: { input: 3, output: 1, cache: { read: 2 } }, cost: 0.25 } },
      { type: "step_finish", part: { tokens: { input: 3, output: 1 }, cost: 0.25 } },
    ]);
    expect(output).toMatchObject({
      summary: "Hello",
      usage: { inputTokens: 6, cachedInputTokens: 2, outputTokens: 2 },
      costUsd: 0.5,
    });
  });

  it.each([
    ['stdout: {"a":1}', '{"a":1}', "stdout"],
    ["stderr=[1]", "[1]", "stderr"],
    ['STDERR {"a":1}', '{"a":1}', "stderr"],
    ['{"a":1}', '{"a":1}', null],
    ["stdout: words", "stdout: words", null],
  ])("AD-182 splits the prefix of %j", (line, text, stream) => {
    expect(splitStreamPrefix(line)).toEqual({ text, stream });
  });
});

describe("AD-185 verdicts", () => {
  it.each<[string, CursorEnding, string | undefined]>([
    ["success", ending(0, [{ type: "result", subtype: "success" }]), undefined],
    ["an error result with exit 0", ending(0, [{ type: "result", is_error: true, result: "no" }]), "no"],
    ["an error subtype", ending(0, [{ type: "result", subtype: "error", error: { message: "no" } }]), "no"],
    ["an error result without a text", ending(0, [{ type: "result", is_error: true }]), "Cursor reported an error"],
    ["an error event", ending(1, [{ type: "error", message: "gone" }]), "gone"],
    ["a system error", ending(1, [{ type: "system", subtype: "error", message: "gone" }]), "gone"],
    ["no result", ending(0, []), "Cursor exited with code 0 without a final result"],
    ["stderr", ending(2, [], "\u001b[1mbroken\u001b[0m"), "broken"],
    ["nothing said", ending(2, []), "Cursor exited with code 2"],
  ])("AD-185 AD-78 %s", (_what, attempt, message) => {
    expect(judgeCursor(attempt)?.errorMessage).toBe(message);
  });

  it.each(["Unknown chat c1", "Chat c1 not found", "resume id not found", "Could not resume"])(
    "AD-185 knows %j as an unknown session",
    (stderr) => {
      expect(isUnknownCursorSession(ending(1, [], stderr))).toBe(true);
    },
  );
});
