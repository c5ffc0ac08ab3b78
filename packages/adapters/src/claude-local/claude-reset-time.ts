/** When a limit of Claude ends, from what the CLI says about it (AD-125). Pure. */
import { readWrittenTime } from "../cli/clock-time.js";

/** A limit phrase, at most 120 characters, then the time. */
const RESET =
  /(?:extra usage|(?:usage (?:limit|cap)|5-hour limit|weekly limit) reached|hit your [^\n]{0,60}?limit)[\s\S]{0,120}?\bresets?\b[\s:]*(?:(?:at|on)\s+)?(?:(?<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?<day>\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(?<year>\d{4}))?,?\s+(?:at\s+)?)?(?<hour>\d{1,2})(?::(?<minute>\d{2}))?\s*(?<half>[ap])\.?\s?m\b\.?(?:\s*\((?<zone>[^)\n]{1,60})\))?/i;

/**
 * The end of the limit that `text` names; null when it names none or a time that does not exist.
 * `localZone` is the zone of times without one; default the worker's.
 */
export function readClaudeResetTime(
  text: string,
  options: { readonly now: Date; readonly localZone?: string | undefined },
): Date | null {
  const found = RESET.exec(text)?.groups;
  if (found === undefined) return null;
  const { month, day, year, hour, minute, half, zone } = found;
  return readWrittenTime(
    {
      hour: Number(hour),
      minute: Number(minute ?? 0),
      half: half?.toLowerCase() === "p" ? "pm" : "am",
      date: month === undefined ? null : { month, day: Number(day), year: year === undefined ? null : Number(year) },
      zone: zone ?? null,
    },
    options,
  );
}
