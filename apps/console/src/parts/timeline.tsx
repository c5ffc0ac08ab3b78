/** A run's events in order (API-122), growing as they are written. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { read, withQuery } from "../api/http.js";
import type { RunDetail, RunEvent } from "../api/shapes.js";
import { useLiveReload } from "../live/company-events.js";
import { useLoaded } from "../state/use-loaded.js";
import { duration, words } from "../text/format.js";
import { Empty, Shown } from "./feedback.js";

const PAGE_EVENTS = 1_000;
const EVERY_MS = 20_000;
/** A longer timeline shows its newest events until all are asked for. */
const SHOWN_EVENTS = 60;

export function Timeline({ run }: { run: RunDetail }): JSX.Element {
  const events = useLoaded(run.id, (signal) => readAll(run.id, signal));
  useLiveReload({
    reload: events.reload,
    isAbout: (heard) => heard.type === "heartbeat.run.event" && heard.payload.runId === run.id,
    everyMs: EVERY_MS,
  });
  return (
    <section class="card">
      <h2>Timeline</h2>
      <Shown loaded={events}>
        {(value) =>
          value.length === 0 ? <Empty>Nothing has happened yet.</Empty> : <Events events={value} run={run} />
        }
      </Shown>
    </section>
  );
}

async function readAll(runId: string, signal: AbortSignal): Promise<readonly RunEvent[]> {
  const all: RunEvent[] = [];
  for (;;) {
    const path = withQuery(`/api/heartbeat-runs/${runId}/events`, {
      afterSeq: all.at(-1)?.seq ?? 0,
      limit: PAGE_EVENTS,
    });
    const { body } = await read<readonly RunEvent[]>(path, signal);
    all.push(...body);
    if (body.length < PAGE_EVENTS) return all;
  }
}

function Events({ events, run }: { events: readonly RunEvent[]; run: RunDetail }): JSX.Element {
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? events : events.slice(-SHOWN_EVENTS);
  const hidden = events.length - shown.length;
  return (
    <>
      {hidden > 0 && (
        <p class="notice">
          {hidden} earlier events.{" "}
          <button type="button" class="link" onClick={() => setShowsAll(true)}>
            Show them
          </button>
        </p>
      )}
      <ol class="timeline">
        {shown.map((event) => (
          <li key={event.seq} data-level={event.level ?? "info"}>
            <span class="at" title={new Date(event.createdAt).toLocaleString()}>
              +{duration(Date.parse(event.createdAt) - Date.parse(run.createdAt))}
            </span>
            <span>{event.message ?? words(event.eventType)}</span>
            <Payload payload={event.payload} />
          </li>
        ))}
      </ol>
    </>
  );
}

function Payload({ payload }: { payload: unknown }): JSX.Element | null {
  if (typeof payload !== "object" || payload === null || Object.keys(payload).length === 0) return null;
  return (
    <details>
      <summary>details</summary>
      <pre>{JSON.stringify(payload, null, 2)}</pre>
    </details>
  );
}
