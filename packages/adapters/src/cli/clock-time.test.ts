import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readWrittenTime, type WrittenTime } from "./clock-time.js";

const time = (hour: number, minute: number, half: "am" | "pm", more: Partial<WrittenTime> = {}): WrittenTime => ({
  hour,
  minute,
  half,
  date: null,
  zone: "UTC",
  ...more,
});
const NOW = new Date("2026-11-22T06:37:27Z");

describe("AD-125 AD-162 times as people write them", () => {
  it.each<[string, WrittenTime, string | null]>([
    ["later today", time(9, 37, "am"), "2026-11-22T09:37:00.000Z"],
    ["this very minute is past", time(6, 37, "am"), "2026-11-23T06:37:00.000Z"],
    ["earlier today is tomorrow", time(6, 0, "am"), "2026-11-23T06:00:00.000Z"],
    ["midnight", time(12, 0, "am"), "2026-11-23T00:00:00.000Z"],
    ["noon", time(12, 0, "pm"), "2026-11-22T12:00:00.000Z"],
    ["another zone", time(3, 0, "am", { zone: "America/New_York" }), "2026-11-22T08:00:00.000Z"],
    ["a zone ahead", time(3, 0, "pm", { zone: "Asia/Tokyo" }), "2026-11-23T06:00:00.000Z"],
    ["an unknown zone is local", time(9, 37, "am", { zone: "Nowhere" }), "2026-11-22T08:37:00.000Z"],
    ["no zone is local", time(9, 37, "am", { zone: null }), "2026-11-22T08:37:00.000Z"],
    ["a date", time(6, 38, "am", { date: { month: "Nov", day: 25, year: null } }), "2026-11-25T06:38:00.000Z"],
    [
      "a date of next year",
      time(6, 38, "am", { date: { month: "January", day: 2, year: null } }),
      "2027-01-02T06:38:00.000Z",
    ],
    ["a leap day", time(1, 0, "am", { date: { month: "feb", day: 29, year: null } }), "2028-02-29T01:00:00.000Z"],
    [
      "a date with a year",
      time(6, 40, "am", { date: { month: "Nov", day: 25, year: 2026 } }),
      "2026-11-25T06:40:00.000Z",
    ],
    ["no such hour", time(13, 0, "pm"), null],
    ["hour zero", time(0, 0, "am"), null],
    ["no such minute", time(9, 60, "am"), null],
    ["no such day", time(9, 0, "am", { date: { month: "Nov", day: 31, year: null } }), null],
    ["no such month", time(9, 0, "am", { date: { month: "Foo", day: 1, year: null } }), null],
  ])("AD-125 %s", (_what, written, expected) => {
    expect(readWrittenTime(written, { now: NOW, localZone: "Europe/Berlin" })?.toISOString() ?? null).toBe(expected);
  });

  it("AD-125 keeps the wall clock over a change of daylight saving", () => {
    const now = new Date("2026-10-24T22:00:00Z");
    const written = time(9, 0, "pm", { zone: "Europe/Berlin" });
    expect(readWrittenTime(written, { now })?.toISOString()).toBe("2026-10-25T20:00:00.000Z");
  });

  it("AD-125 is always ahead, by at most a day and an hour", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 59 }),
        fc.constantFrom("am" as const, "pm" as const),
        fc.constantFrom("UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"),
        fc.date({ min: new Date("2025-01-01"), max: new Date("2028-01-01"), noInvalidDate: true }),
        (hour, minute, half, zone, now) => {
          const at = readWrittenTime(time(hour, minute, half, { zone }), { now });
          const ahead = (at?.getTime() ?? 0) - now.getTime();
          expect(ahead).toBeGreaterThan(0);
          expect(ahead).toBeLessThanOrEqual(25 * 60 * 60 * 1000);
        },
      ),
    );
  });
});
