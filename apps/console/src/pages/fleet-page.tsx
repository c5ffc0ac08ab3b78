/** The fleet at a glance (API-300): who works, what waits, whether the stores answer. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { read, withQuery } from "../api/http.js";
import type { Fleet, FleetQueue, FleetWorker, LiveEvent, Run } from "../api/shapes.js";
import { useHeard, useLiveReload } from "../live/company-events.js";
import { Link } from "../navigation.js";
import { Badge } from "../parts/badge.js";
import { Empty, Shown } from "../parts/feedback.js";
import { RunTable } from "../parts/run-table.js";
import { type Column, Table } from "../parts/table.js";
import { When } from "../parts/time.js";
import { learnNames } from "../state/agent-names.js";
import { useCompany } from "../state/company.js";
import { useLoaded } from "../state/use-loaded.js";
import { duration, number } from "../text/format.js";

const EVERY_MS = 5_000;
const SHOWN_QUEUES = 50;
const SHOWN_RUNS = 10;

const isAboutRuns = (heard: LiveEvent): boolean =>
  heard.type.startsWith("heartbeat.run.") ? heard.type !== "heartbeat.run.event" : heard.type !== "activity.logged";

export function FleetPage(): JSX.Element {
  const { company } = useCompany();
  const fleet = useLoaded("fleet", async (signal) => {
    const { body } = await read<Fleet>(withQuery("/api/fleet", { limit: SHOWN_QUEUES }), signal);
    learnNames(body.queues.map((queue) => ({ id: queue.agentId, name: queue.agentName })));
    return body;
  });
  const runs = useLoaded(company === null ? null : company.id, async (signal) => {
    const path = withQuery(`/api/companies/${company?.id}/heartbeat-runs`, { limit: SHOWN_RUNS });
    return (await read<readonly Run[]>(path, signal)).body;
  });
  useLiveReload({ reload: fleet.reload, isAbout: isAboutRuns, everyMs: EVERY_MS });
  useLiveReload({ reload: runs.reload, isAbout: isAboutRuns, everyMs: 6 * EVERY_MS });

  return (
    <>
      <h1>Fleet</h1>
      <Shown loaded={fleet}>
        {(value) => (
          <>
            <Figures fleet={value} />
            <div class="columns">
              <Workers workers={value.workers} />
              <Stores stores={value.stores} undispatched={value.totals.undispatched} />
            </div>
            <Queues queues={value.queues} />
          </>
        )}
      </Shown>
      {company !== null && (
        <section class="card">
          <header class="row">
            <h2>Latest runs of {company.name}</h2>
            <span class="grow" />
            <Link href="/runs">All runs</Link>
          </header>
          <Shown loaded={runs}>
            {(value) =>
              value.length === 0 ? (
                <Empty>
                  No run yet. Wake an agent on its <Link href="/agents">page</Link>, or over the API.
                </Empty>
              ) : (
                <RunTable label="Latest runs" runs={value} withAgent />
              )
            }
          </Shown>
        </section>
      )}
    </>
  );
}

function Figures({ fleet }: { fleet: Fleet }): JSX.Element {
  const { totals } = fleet;
  const finished = useFinishedPerMinute();
  const oldest = totals.oldestQueuedAgeSec;
  return (
    <ul class="figures" aria-label="Totals">
      <Figure
        name="Running"
        value={number(totals.running)}
        note={`${number(totals.inUse)} of ${number(totals.capacity)} slots in use`}
        share={totals.capacity === 0 ? null : totals.inUse / totals.capacity}
      />
      <Figure
        name="Waiting"
        value={number(totals.queued)}
        note={oldest === null ? "nothing waits" : `the oldest for ${duration(oldest * 1_000)}`}
      />
      <Figure name="Retries scheduled" value={number(totals.scheduledRetry)} note="start by themselves when due" />
      <Figure name="Deferred wakes" value={number(totals.deferredWakeups)} note="wait for an issue's run to end" />
      <Figure
        name="Workers"
        value={number(totals.workersAlive)}
        note={totals.workersAlive === 0 ? "nobody works: start one" : `serve ${number(totals.agents)} agents`}
        isBad={totals.workersAlive === 0}
      />
      <Figure
        name="Finished"
        value={number(finished.count)}
        note={finished.isWholeSpan ? "in the last minute" : "since this page was opened"}
      />
    </ul>
  );
}

function Figure(props: {
  name: string;
  value: string;
  note: string;
  isBad?: boolean;
  /** 0 to 1: drawn as a meter; null or absent: none. */
  share?: number | null;
}): JSX.Element {
  return (
    <li class="card" data-bad={props.isBad === true}>
      <span class="name">{props.name}</span>
      <strong>{props.value}</strong>
      {props.share !== undefined && props.share !== null && (
        <meter min={0} max={1} value={props.share} aria-label={props.note} />
      )}
      <span class="quiet">{props.note}</span>
    </li>
  );
}

const SPAN_MS = 60_000;

/** How many runs of the shown company finished within the last minute, or since the page has been open if that is less. */
function useFinishedPerMinute(): { count: number; isWholeSpan: boolean } {
  const openedAt = useRef(Date.now());
  const finishedAt = useRef<number[]>([]);
  const [now, setNow] = useState(Date.now());
  useHeard((heard) => {
    if (heard.type === "agent.run.finished" || heard.type === "agent.run.failed") finishedAt.current.push(Date.now());
  });
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  finishedAt.current = finishedAt.current.filter((at) => at > now - SPAN_MS);
  return { count: finishedAt.current.length, isWholeSpan: now - openedAt.current >= SPAN_MS };
}

const WORKER_COLUMNS: readonly Column<FleetWorker>[] = [
  { name: "Worker", cell: (worker) => <span title={worker.id}>{`${worker.hostname}:${worker.pid}`}</span> },
  { name: "State", cell: (worker) => <Badge status={workerState(worker)} /> },
  {
    name: "Slots",
    isNumber: true,
    cell: (worker) => (
      <span class="slots">
        <meter min={0} max={Math.max(1, worker.capacity)} value={worker.running} aria-hidden="true" />
        {`${worker.running} of ${worker.capacity}`}
      </span>
    ),
  },
  { name: "Seen", cell: (worker) => <When at={worker.lastSeenAt} /> },
  { name: "Version", cell: (worker) => worker.version },
];

function workerState(worker: FleetWorker): string {
  if (!worker.alive) return "gone";
  return worker.draining ? "draining" : "active";
}

function Workers({ workers }: { workers: readonly FleetWorker[] }): JSX.Element {
  return (
    <section class="card wide">
      <h2>Workers</h2>
      {workers.length === 0 ? (
        <Empty>No worker has been seen within a day. Runs wait until one is started.</Empty>
      ) : (
        <Table label="Workers" columns={WORKER_COLUMNS} rows={workers} keyOf={(worker) => worker.id} />
      )}
    </section>
  );
}

function Stores(props: { stores: Fleet["stores"]; undispatched: number }): JSX.Element {
  const { postgres, redis } = props.stores;
  return (
    <section class="card">
      <h2>Stores</h2>
      <ul class="plain-list">
        <Store name="PostgreSQL" state={postgres} away="Nothing can be accepted or finished." />
        <Store name="Redis" state={redis} away="Wakes are accepted; runs start when it is back." />
        <li>
          {props.undispatched === 0 ? (
            <span class="quiet">Every waiting run is in its queue.</span>
          ) : (
            `${number(props.undispatched)} waiting for a place in their queue`
          )}
        </li>
      </ul>
    </section>
  );
}

function Store(props: { name: string; state: { ok: boolean; latencyMs: number | null }; away: string }): JSX.Element {
  const { ok, latencyMs } = props.state;
  return (
    <li data-bad={!ok}>
      <strong>{props.name}</strong>{" "}
      {ok ? (
        <span class="quiet">{`answers in ${Math.max(1, Math.round(latencyMs ?? 0))} ms`}</span>
      ) : (
        <span>{`is away. ${props.away}`}</span>
      )}
    </li>
  );
}

const QUEUE_COLUMNS: readonly Column<FleetQueue>[] = [
  { name: "Agent", cell: (queue) => <Link href={`/agents/${queue.agentId}`}>{queue.agentName}</Link> },
  { name: "State", cell: (queue) => <Badge status={queue.paused ? "paused" : "active"} /> },
  { name: "Running", isNumber: true, cell: (queue) => `${queue.active} of ${queue.concurrency}` },
  { name: "Waiting", isNumber: true, cell: (queue) => number(queue.waiting) },
  { name: "Delayed", isNumber: true, cell: (queue) => number(queue.delayed) },
  { name: "Failed jobs kept", isNumber: true, cell: (queue) => number(queue.failed) },
];

function Queues({ queues }: { queues: readonly FleetQueue[] }): JSX.Element {
  return (
    <section class="card">
      <header class="row">
        <h2>Queues with work</h2>
        <span class="grow" />
        <a href="/queues">All in Bull Board</a>
      </header>
      {queues.length === 0 ? (
        <Empty>No agent has work right now.</Empty>
      ) : (
        <Table label="Queues with work" columns={QUEUE_COLUMNS} rows={queues} keyOf={(queue) => queue.agentId} />
      )}
    </section>
  );
}
