/** Instants and lengths of time; the exact instant is in the title. */
import type { JSX } from "preact";
import { useNow } from "../state/clock.js";
import { duration, relativeTime } from "../text/format.js";

/** `5 min ago`, kept up to date. */
export function When({ at }: { at: string | null }): JSX.Element {
  const now = useNow();
  if (at === null) return <span class="quiet">never</span>;
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {relativeTime(at, now)}
    </time>
  );
}

/** How long something took, or has taken so far. */
export function Took({ from, to }: { from: string | null; to: string | null }): JSX.Element {
  const now = useNow();
  if (from === null) return <span class="quiet">–</span>;
  const end = to === null ? now : Date.parse(to);
  return <span class="figure">{duration(end - Date.parse(from))}</span>;
}
