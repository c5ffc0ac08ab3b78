/** Reads kept events of a company behind an id, with what is needed to say whether something is missing (API-262). */
import type { Redis } from "../redis.js";
import type { LiveKeys } from "./live-keys.js";
import { READ } from "./live-scripts.js";
import { type StampedEvent, stampEvent, stampOwn } from "./stamped-event.js";

export interface LivePage {
  /** The last id given; null when the company has none, or Redis lost it. */
  readonly seq: number | null;
  /** The id up to which events may be missing. */
  readonly floor: number;
  /** Id of the oldest event that is kept. */
  readonly oldestId: number | null;
  readonly events: readonly StampedEvent[];
  /** Everything up to this id is in `events` (or not kept). */
  readonly upTo: number;
  /** False when there is more behind `upTo`. */
  readonly complete: boolean;
}

export interface ReadLivePageOptions {
  readonly redis: Redis;
  readonly keys: LiveKeys;
  /** Id after which to read; 0 for the beginning. */
  readonly after: number;
  /** Greatest number of events, and of log chunks. */
  readonly limit: number;
  /** False leaves log chunks out. */
  readonly logs: boolean;
}

type Entry = [id: string, fields: [string, string]];
type Answer = [seq: string, floor: string, oldest: string, events: Entry[], logs: Entry[]];

/** One page in the order of ids. Rejects when Redis is away. */
export async function readLivePage(options: ReadLivePageOptions): Promise<LivePage> {
  const { redis, keys, after, limit } = options;
  const { state, events, logs } = keys;
  const answer = await redis.eval(READ, 3, state, events, logs, after, limit, options.logs ? 1 : 0);
  // The shape is the script's own.
  const [seqText, floorText, oldestText, eventEntries, logEntries] = answer as Answer;
  const seq = seqText === "" ? null : Number(seqText);
  const ends = [eventEntries, logEntries].filter((entries) => entries.length >= limit).map(lastId);
  const upTo = Math.min(...ends, seq ?? 0);
  const stamped = [...eventEntries, ...logEntries]
    .map(([id, fields]) => ({ id: idOf(id), json: fields[1] }))
    .filter(({ id }) => id <= upTo)
    .sort((a, b) => a.id - b.id)
    .flatMap(({ id, json }) => stampEvent(id, json) ?? []);
  return {
    seq,
    floor: Number(floorText),
    oldestId: oldestText === "" ? null : Number(oldestText),
    events: stamped,
    upTo,
    complete: ends.length === 0,
  };
}

/** How far a reader is. */
export interface LivePosition {
  /** Everything up to this id was given to it. */
  readonly position: number;
  /** The greatest floor it was told of: one loss is told once. */
  readonly toldFloor: number;
}

/**
 * The `stream.reset` that a reader must be given before this page, and the id it goes on from; null when nothing it
 * lacks was lost.
 */
export function resetFor(
  page: LivePage,
  reader: LivePosition & { readonly companyId: string },
): { event: StampedEvent; position: number } | null {
  const { position } = reader;
  const { seq, floor, oldestId } = page;
  // Redis lost its data and has no event yet, or has older data than the reader saw.
  const emptied = seq === null && position > 0;
  const fromElsewhere = seq !== null && position > seq;
  const belowFloor = position < floor && reader.toldFloor < floor;
  if (!emptied && !fromElsewhere && !belowFloor) return null;
  const goesOnFrom = emptied ? 0 : fromElsewhere ? seq : position;
  const event = stampOwn({
    id: Math.max(1, emptied ? position : goesOnFrom),
    companyId: reader.companyId,
    type: "stream.reset",
    createdAt: new Date().toISOString(),
    payload: { oldestId, latestId: seq },
  });
  return { event, position: goesOnFrom };
}

function lastId(entries: readonly Entry[]): number {
  return idOf(entries.at(-1)?.[0] ?? "0");
}

function idOf(streamId: string): number {
  return Number.parseInt(streamId, 10);
}
