/** Reads what the publishing script announces on a company's channel. */
import { type StampedEvent, stampEvent } from "./stamped-event.js";

export interface Announcement {
  /** The id before this batch; 0 when there was none or the counter was lost. */
  readonly previous: number;
  /** Id of the batch's last event. */
  readonly last: number;
  /** True when events before this batch could not be stored. */
  readonly lost: boolean;
  /** The batch, in order. An entry that is no event of ours is left out. */
  readonly events: readonly StampedEvent[];
}

/** Parses a message; null when it is none of ours. */
export function parseAnnouncement(message: string): Announcement | null {
  const [head = "", ...lines] = message.split("\n");
  const match = /^(\d+):(\d+):([01])$/.exec(head);
  if (match === null || lines.length === 0) return null;
  const first = Number(match[2]);
  return {
    previous: Number(match[1]),
    last: first + lines.length - 1,
    lost: match[3] === "1",
    events: lines.flatMap((line, index) => stampEvent(first + index, line) ?? []),
  };
}
