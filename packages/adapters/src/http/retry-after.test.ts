import { describe, expect, it } from "vitest";
import { readRetryAfter } from "./retry-after.js";

const NOW = new Date("2026-11-24T12:00:00.000Z");

describe("AD-88 Retry-After", () => {
  it.each<[string | null, string | null]>([
    ["600", "2026-11-24T12:10:00.000Z"],
    [" 0 ", "2026-11-24T12:00:00.000Z"],
    ["Wed, 25 Nov 2026 06:38:00 GMT", "2026-11-25T06:38:00.000Z"],
    ["Mon, 23 Nov 2026 06:38:00 GMT", "2026-11-24T12:00:00.000Z"],
    [null, null],
    ["", null],
    ["soon", null],
    ["99999999999999999999", null],
  ])("AD-88 reads %j as %j", (header, expected) => {
    const read = readRetryAfter(header, NOW);
    expect(read?.toISOString() ?? null).toBe(expected);
  });
});
