/** When a usage limit of Codex ends, from what the CLI says about it (AD-162). Pure. */
import { readWrittenTime } from "../cli/clock-time.js";

const USAGE_LIMIT = /you['’]ve hit your usage limit/i;
const RESET =
  /you['’]ve hit your usage limit[^\n]{0,400}?\btry again at\s+(?:(?<month>[A-Z][a-z]{2,8})\s+(?<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?<year>\d{4}),?\s+)?(?<hour>\d{1,2})(?::(?<minute>\d{2}))?\s*(?<half>[AaPp])[Mm]\b(?:\s*\((?<zone>[^)\n]{1,60})\)|\s+(?<abbreviation>[A-Z]{2,5})\b)?/i;

/** True for a text that names a usage limit, with or without a time. */
export function namesUsageLimit(text: string): boolean {
  return USAGE_LIMIT.test(text);
}

/**
 * The end of the limit that `text` names; null when it names none or a time that does not exist.
 * `localZone` is the zone the CLI ran in; default the worker's.
 */
export function readCodexResetTime(
  text: string,
  options: { readonly now: Date; readonly localZone?: string | undefined },
): Date | null {
  const found = RESET.exec(text)?.groups;
  if (found === undefined) return null;
  const { month, day, year, hour, minute, half, zone, abbreviation } = found;
  return readWrittenTime(
    {
      hour: Number(hour),
      minute: Number(minute ?? 0),
      half: half?.toLowerCase() === "p" ? "pm" : "am",
      date: month === undefined ? null : { month, day: Number(day), year: Number(year) },
      zone: zone ?? abbreviation ?? null,
    },
    options,
  );
}
