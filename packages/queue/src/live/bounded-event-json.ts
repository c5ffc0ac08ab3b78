/** The JSON of an event as it is stored: without id, and never so long that it alone would cut a client off (API-263). */
import type { LiveEventDraft } from "@wakefleet/contracts";

/** Characters of an event's JSON; a client's buffer holds 1 MiB. */
const MAX_EVENT_CHARS = 131_072;

/** Serialises `event`; free-form content that is too long becomes a note of its length, to be read over HTTP. */
export function boundedEventJson(event: LiveEventDraft, createdAt: string): string {
  const json = jsonOf(event, createdAt);
  return json.length <= MAX_EVENT_CHARS ? json : jsonOf(withoutContent(event, json.length), createdAt);
}

function jsonOf({ companyId, type, payload }: LiveEventDraft, createdAt: string): string {
  return JSON.stringify({ companyId, type, createdAt, payload });
}

function withoutContent(event: LiveEventDraft, chars: number): LiveEventDraft {
  const stub = { _truncated: true, omittedChars: chars };
  if (event.type === "heartbeat.run.event") return { ...event, payload: { ...event.payload, payload: stub } };
  if (event.type === "activity.logged") return { ...event, payload: { ...event.payload, details: stub } };
  return event;
}
