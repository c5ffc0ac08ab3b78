/**
 * From a time as people read it ("resets 9:37am (UTC)", "Nov 25th, 2026 6:40 AM") to the instant it means (AD-125, AD-162).
 *
 * What must stay true: a time that does not exist gives nothing rather than a guess; daylight saving is taken into
 * account, because the zone's own calendar is asked.
 */

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY_MS = 24 * 60 * 60 * 1000;

/** A date as written; `year` is null when there was none. */
export interface WrittenDate {
  /** English name or its first three letters or more, any case. */
  readonly month: string;
  readonly day: number;
  readonly year: number | null;
}

/** A clock time of twelve hours as written. */
export interface WrittenTime {
  /** 1 to 12. */
  readonly hour: number;
  /** 0 to 59. */
  readonly minute: number;
  readonly half: "am" | "pm";
  /** Null means the next such time. */
  readonly date: WrittenDate | null;
  /** An IANA name, `UTC`, `GMT` or anything else; unknown and null mean `localZone`. */
  readonly zone: string | null;
}

/**
 * The instant a written time means, seen from `now`: without a date today if it is still ahead, else tomorrow; without a
 * year the next such date. Null for a time that does not exist.
 */
export function readWrittenTime(
  written: WrittenTime,
  options: {
    readonly now: Date;
    /** The zone where none is written. Default the worker's. */
    readonly localZone?: string | undefined;
  },
): Date | null {
  const { hour, minute, half, date } = written;
  if (hour < 1 || hour > 12 || minute < 0 || minute > 59) return null;
  const clock = { hour: (hour % 12) + (half === "pm" ? 12 : 0), minute };
  const zone = knownZone(written.zone) ?? knownZone(options.localZone ?? null) ?? ownZone();
  const { now } = options;
  return date === null ? nextClock(clock, { zone, now }) : nextDate(date, clock, { zone, now });
}

interface Clock {
  readonly hour: number;
  readonly minute: number;
}

interface Place {
  readonly zone: string;
  readonly now: Date;
}

function nextClock(clock: Clock, { zone, now }: Place): Date {
  const today = calendarDay(now, zone);
  for (const ahead of [0, 1, 2]) {
    const day = new Date(today + ahead * DAY_MS);
    const at = instantOf(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate(), clock, zone);
    if (at.getTime() > now.getTime()) return at;
  }
  throw new Error("No such time within three days");
}

function nextDate(date: WrittenDate, clock: Clock, { zone, now }: Place): Date | null {
  const month = MONTHS.indexOf(date.month.slice(0, 3).toLowerCase());
  if (month < 0) return null;
  const thisYear = new Date(calendarDay(now, zone)).getUTCFullYear();
  // A day such as Feb 29 comes again within eight years.
  const years = date.year === null ? Array.from({ length: 9 }, (_, index) => thisYear + index) : [date.year];
  for (const year of years) {
    const day = new Date(Date.UTC(year, month, date.day));
    if (day.getUTCMonth() !== month || day.getUTCDate() !== date.day) continue;
    const at = instantOf(year, month, date.day, clock, zone);
    if (date.year !== null || at.getTime() > now.getTime()) return at;
  }
  return null;
}

/** The day that `at` belongs to in `zone`, as midnight UTC of the same date. */
function calendarDay(at: Date, zone: string): number {
  const wall = wallClock(at, zone);
  return wall - (((wall % DAY_MS) + DAY_MS) % DAY_MS);
}

/** The instant at which a clock in `zone` shows this; the later one of a time that is skipped. */
function instantOf(year: number, month: number, day: number, clock: Clock, zone: string): Date {
  const wanted = Date.UTC(year, month, day, clock.hour, clock.minute);
  let at = wanted;
  // The offset at the guess may differ from the one at the answer: twice is enough on both sides of a change.
  for (let round = 0; round < 2; round += 1) at += wanted - wallClock(new Date(at), zone);
  return new Date(at);
}

/** What a clock in `zone` shows at `at`, as milliseconds since the epoch of the same date and time in UTC. */
function wallClock(at: Date, zone: string): number {
  const parts = new Map(
    formatOf(zone)
      .formatToParts(at)
      .map((part) => [part.type, Number(part.value)]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
}

function formatOf(zone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
}

function knownZone(zone: string | null): string | null {
  const name = zone?.trim() ?? "";
  if (name === "") return null;
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    // Not the name of a zone: the caller takes another.
    return null;
  }
}

function ownZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}
