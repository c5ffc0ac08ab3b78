import type { JsonValue } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wellFormedJson, wellFormedText } from "./well-formed.js";

describe("text that PostgreSQL takes", () => {
  it.each([
    ["plain", "plain"],
    ["a\u0000b", "a\uFFFDb"],
    ["lone \ud83d end", "lone \uFFFD end"],
    ["\ude00 first", "\uFFFD first"],
    ["whole 😀", "whole 😀"],
    ["\u0000\ud83d", "\uFFFD\uFFFD"],
    ["the words \\u0000 stay", "the words \\u0000 stay"],
  ])("DM-8 %j becomes %j", (given, expected) => expect(wellFormedText(given)).toBe(expected));

  it("DM-8 mends keys and values at every depth, and leaves the rest as it was", () => {
    const given: JsonValue = { "a\u0000": ["\ud800", { deep: "x\u0000" }], n: 1, no: null, yes: true };
    expect(wellFormedJson(given)).toEqual({ "a\uFFFD": ["\uFFFD", { deep: "x\uFFFD" }], n: 1, no: null, yes: true });
  });

  it("DM-8 a key named __proto__ stays data", () => {
    const given = JSON.parse('{"__proto__": "\\u0000"}') as JsonValue;
    expect(Object.keys(wellFormedJson(given) as object)).toEqual(["__proto__"]);
  });

  const anyString = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });
  const anyJson = fc.oneof(
    fc.jsonValue({ stringUnit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
    anyString,
  ) as fc.Arbitrary<JsonValue>;

  it("DM-8 doing it twice changes nothing, and nothing PostgreSQL refuses is left", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const once = wellFormedJson(value);
        expect(wellFormedJson(once)).toEqual(once);
        expect(JSON.stringify(once) ?? "").not.toMatch(/(^|[^\\])(\\\\)*\\u(0000|d[89a-f][0-9a-f]{2})/i);
      }),
    );
  });
});
