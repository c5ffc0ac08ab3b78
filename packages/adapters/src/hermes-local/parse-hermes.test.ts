import { describe, expect, it } from "vitest";
import { describeParserLaws } from "../conformance/parser-laws.js";
import { createHermesParser, type HermesOutput, isBenignHermesLine } from "./parse-hermes.js";

function outputOf(stdout: string, stderr = ""): HermesOutput {
  const parser = createHermesParser();
  for (const line of stdout.split("\n")) parser.onPlainLine(line);
  for (const line of stderr.split("\n")) parser.onStderrLine(line);
  return parser.output();
}

/** Hermes prints text; there are no recordings of it. */
const written = "[tool] reading\nAll sörted — 進捗.\ntokens: 12 input / 3 output\n\nsession_id: 20261124_ab12cd\n";

describeParserLaws({
  fixtures: [{ name: "written", stdout: written, stderr: "", exitCode: 0, capturedAt: new Date(0), expect: {} }],
  createParser: createHermesParser,
  readerOptions: { textOnly: true },
  sessionOf: (output) => output.sessionId,
});

describe("AD-293 what Hermes prints", () => {
  it("AD-293 takes the text before the session line as the answer", () => {
    const output = outputOf(
      "[tool] reading\n2026-11-24 09:00:00 INFO start\nAll sorted.\n\nTwo left.\n\nsession_id: 2026_ab-1\nafter",
    );
    expect(output).toMatchObject({
      sessionId: "2026_ab-1",
      answer: "All sorted.\n\nTwo left.",
      summary: "All sorted.\n\nTwo left.",
    });
  });

  it("AD-293 cuts the summary at 2000 characters", () => {
    const output = outputOf("x".repeat(5000));
    expect(output.summary).toHaveLength(2000);
    expect(output.answer).toHaveLength(5000);
  });

  it("AD-293 reads usage and cost from phrases on either stream", () => {
    expect(outputOf("ok", "tokens: 1,200 input / 34 output\nCost: $0.0125\nsession_id: s1")).toMatchObject({
      usage: { inputTokens: 1200, outputTokens: 34 },
      costUsd: 0.0125,
      sessionId: "s1",
    });
  });

  it.each([
    ["2026-11-24T09:00:00 something failed", true],
    ["[09:00:00] error count 0", true],
    ["INFO: errors 0", true],
    ["WARNING hermes.core - slow", true],
    ["MCP server github connected", true],
    ["Traceback (most recent call last):", false],
    ["ValueError: no", false],
  ])("AD-294 %j is benign: %s", (line, benign) => {
    expect(isBenignHermesLine(line)).toBe(benign);
  });

  it("AD-295 keeps at most five lines that name a fault", () => {
    const output = outputOf("", ["starting", ...Array.from({ length: 9 }, (_, n) => `Error ${n}`)].join("\n"));
    expect(output.faultLines).toEqual(["Error 0", "Error 1", "Error 2", "Error 3", "Error 4"]);
    expect(output.firstErrorLine).toBe("starting");
  });
});
