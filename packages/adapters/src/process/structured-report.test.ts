import { describe, expect, it } from "vitest";
import { readStructuredReport } from "./structured-report.js";

const line = (report: unknown): string => JSON.stringify({ wakefleetResult: report });

describe("AD-83 a program's own report", () => {
  it("AD-83 takes the fields of the last line", () => {
    const report = {
      summary: "Done",
      usage: { inputTokens: 1, outputTokens: 2, cachedInputTokens: 3 },
      costUsd: 0.5,
      sessionParams: { sessionId: "s" },
    };
    const stdout = `noise\n${line({ summary: "early" })}\n${line(report)}\n\n`;
    expect(readStructuredReport({ stdout, failed: false })).toEqual(report);
  });

  it("AD-77 AD-83 takes error fields of a failed run only", () => {
    const report = { errorCode: "busy", errorFamily: "transient_upstream", retryNotBefore: "2026-11-25T06:38:00Z" };
    expect(readStructuredReport({ stdout: line(report), failed: true })).toEqual(report);
    expect(readStructuredReport({ stdout: line(report), failed: false })).toEqual({});
  });

  it("AD-83 ignores a field of the wrong type and keeps the others", () => {
    const stdout = line({
      summary: 5,
      usage: { inputTokens: -1 },
      costUsd: 1,
      errorFamily: "other",
      retryNotBefore: "soon",
    });
    expect(readStructuredReport({ stdout, failed: true })).toEqual({ costUsd: 1 });
  });

  it.each([
    "",
    "\n\n",
    "{broken",
    '{"other":1}',
    "[1]",
    '{"wakefleetResult":"text"}',
    `${line({ summary: "x" })}\nlast`,
  ])("AD-83 finds no report in %j", (stdout) => {
    expect(readStructuredReport({ stdout, failed: false })).toEqual({});
  });
});
