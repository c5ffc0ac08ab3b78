/** Names in Redis of a company's live events. The braces keep a company's keys in one Cluster slot (OP-12). */

export interface LiveKeys {
  /** Hash: `seq`, the last id given; `floor`, the id up to which events may be missing. */
  readonly state: string;
  /** Stream of the events, ids `<event id>-0`. */
  readonly events: string;
  /** Stream of the log chunks among them, kept shorter (API-262). */
  readonly logs: string;
  /** Publish/subscribe channel that carries each batch as it is stored. */
  readonly channel: string;
}

/** The keys of `companyId` (`*` for the fleet's own events). */
export function liveKeys(prefix: string, companyId: string): LiveKeys {
  const events = `${prefix}:live:{${companyId}}`;
  return { state: `${events}:state`, events, logs: `${events}:logs`, channel: `${events}:channel` };
}
