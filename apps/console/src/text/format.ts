/** How figures, times and words of the API read for people. Pure. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time in its two greatest units: `3.2 s`, `4 min 5 s`, `2 h 10 min`. Negative ones count as none. */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  if (length < SECOND) return `${Math.round(length)} ms`;
  if (length < 10 * SECOND) return `${(length / SECOND).toFixed(1)} s`;
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return pair(length, { unit: MINUTE, name: "min", lesser: SECOND, lesserName: "s" });
  if (length < DAY) return pair(length, { unit: HOUR, name: "h", lesser: MINUTE, lesserName: "min" });
  return pair(length, { unit: DAY, name: "d", lesser: HOUR, lesserName: "h" });
}

function pair(ms: number, by: { unit: number; name: string; lesser: number; lesserName: string }): string {
  const whole = Math.floor(ms / by.unit);
  const rest = Math.floor((ms - whole * by.unit) / by.lesser);
  return rest === 0 ? `${whole} ${by.name}` : `${whole} ${by.name} ${rest} ${by.lesserName}`;
}

/** `just now`, `5 min ago`, `in 2 h`; one unit only. */
export function relativeTime(at: string, now: number): string {
  const difference = now - Date.parse(at);
  const distance = Math.abs(difference);
  if (distance < 2 * SECOND) return "just now";
  const text =
    distance < MINUTE
      ? `${Math.floor(distance / SECOND)} s`
      : distance < HOUR
        ? `${Math.floor(distance / MINUTE)} min`
        : distance < DAY
          ? `${Math.floor(distance / HOUR)} h`
          : `${Math.floor(distance / DAY)} d`;
  return difference >= 0 ? `${text} ago` : `in ${text}`;
}

/** `1.5 MB`; decimal units. */
export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"] as const;
  let value = count;
  let unit: (typeof units)[number] = "kB";
  for (const next of units) {
    value /= 1_000;
    unit = next;
    if (value < 1_000) break;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** `scheduled_retry` as `scheduled retry`. */
export function words(code: string): string {
  return code.replaceAll("_", " ");
}

/** The first eight characters of an id: enough for a person to compare. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** `1,234`. */
export function number(value: number): string {
  return value.toLocaleString("en-US");
}
