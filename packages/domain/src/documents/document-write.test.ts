import { describe, expect, it } from "vitest";
import { documentKeyOf, judgeDocumentWrite } from "./document-write.js";

describe("writing a document", () => {
  it.each([
    ["plan", "plan"],
    [" Plan ", "plan"],
    ["a_b-9", "a_b-9"],
    ["x".repeat(64), "x".repeat(64)],
    ["x".repeat(65), null],
    ["", null],
    ["-a", null],
    ["a b", null],
    ["ä", null],
    ["a/b", null],
  ])("API-164, DM-66 the key %j is %j", (text, key) => {
    expect(documentKeyOf(text)).toBe(key);
  });

  const current = { latestRevisionId: "r2" };
  it.each([
    [null, null, { kind: "create" }],
    [null, "r1", { kind: "conflict", text: "Document does not exist yet" }],
    [current, "r2", { kind: "revise" }],
    [current, "R2", { kind: "revise" }],
    [
      current,
      null,
      { kind: "conflict", text: "Document update requires baseRevisionId", details: { currentRevisionId: "r2" } },
    ],
    [
      current,
      "r1",
      { kind: "conflict", text: "Document was updated by someone else", details: { currentRevisionId: "r2" } },
    ],
  ])("API-165 with %o written on %j", (stored, baseRevisionId, expected) => {
    expect(judgeDocumentWrite({ current: stored, baseRevisionId })).toEqual(expected);
  });
});
