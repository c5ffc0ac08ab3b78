/**
 * An event as readers pass it around: parsed once and serialised never, because its JSON comes ready from Redis and goes
 * to many clients as it is.
 */
import type { LiveEvent } from "@wakefleet/contracts";

export interface StampedEvent {
  readonly event: LiveEvent;
  /** Characters of its JSON, about what a client's buffer holds of it. */
  readonly size: number;
}

const texts = new WeakMap<LiveEvent, string>();

/** Reads a stored event, which has no id yet; null when it is none of ours. */
export function stampEvent(id: number, stored: string): StampedEvent | null {
  const json = `{"id":${id},${stored.slice(1)}`;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  if (!isLiveEvent(value)) return null;
  texts.set(value, json);
  return { event: value, size: json.length };
}

/** An event that the reader itself makes (`stream.reset`). */
export function stampOwn(event: LiveEvent): StampedEvent {
  const json = JSON.stringify(event);
  texts.set(event, json);
  return { event, size: json.length };
}

/** The JSON of an event that came from a reader, without serialising it again for each client. */
export function liveEventJson(event: LiveEvent): string {
  return texts.get(event) ?? JSON.stringify(event);
}

/** Only our publisher writes the streams; this guards against damage and other versions, not against callers. */
function isLiveEvent(value: unknown): value is LiveEvent {
  if (typeof value !== "object" || value === null) return false;
  const { companyId, type, createdAt, payload } = value as Record<string, unknown>;
  return (
    typeof companyId === "string" &&
    typeof type === "string" &&
    typeof createdAt === "string" &&
    typeof payload === "object" &&
    payload !== null
  );
}
