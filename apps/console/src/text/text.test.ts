import { describe, expect, it } from "vitest";
import { bytes, duration, relativeTime } from "./format.js";
import { plainText } from "./plain.js";

describe("OP-21 figures a person can read", () => {
  it.each([
    [-5, "0 ms"],
    [0, "0 ms"],
    [999, "999 ms"],
    [1_000, "1.0 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [245_000, "4 min 5 s"],
    [7_800_000, "2 h 10 min"],
    [90_000_000, "1 d 1 h"],
  ])("OP-21 %i ms are %s", (ms, text) => expect(duration(ms)).toBe(text));

  it.each([
    ["2026-01-01T00:00:00.000Z", "just now"],
    ["2025-12-31T23:59:30.000Z", "30 s ago"],
    ["2025-12-31T23:00:00.000Z", "1 h ago"],
    ["2026-01-01T00:05:00.500Z", "in 5 min"],
    ["2025-12-29T00:00:00.000Z", "3 d ago"],
  ])("OP-21 %s is %s", (at, text) => expect(relativeTime(at, Date.parse("2026-01-01T00:00:00.500Z"))).toBe(text));

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.0 kB"],
    [25_400, "25 kB"],
    [3_200_000, "3.2 MB"],
    [5e15, "5000 TB"],
  ])("OP-21 %i bytes are %s", (count, text) => expect(bytes(count)).toBe(text));
});

describe("OP-21 output of programs as text", () => {
  it.each([
    ["\u001b[32mgreen\u001b[0m plain", "green plain"],
    ["\u001b]0;a title\u0007after", "after"],
    ["10%\r20%\r\ndone\n", "10%\n20%\ndone\n"],
    ["bell\u0007 and nul\u0000", "bell and nul"],
    ["<b>tags</b> stay text", "<b>tags</b> stay text"],
  ])("OP-21 %j reads %j", (text, plain) => expect(plainText(text)).toBe(plain));
});
