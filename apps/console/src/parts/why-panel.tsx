/** Why (BY-1): which rule decided, on which facts, and what would change it; of a run, and of an agent as it is now. */
import type { AgentWhy, ExplainedReceipt, Reason, RunWhy } from "@wakefleet/contracts";
import type { ComponentChildren, JSX } from "preact";
import { read } from "../api/http.js";
import { useLiveReload } from "../live/company-events.js";
import { Link } from "../navigation.js";
import { useLoaded } from "../state/use-loaded.js";
import { words } from "../text/format.js";
import { Badge } from "./badge.js";
import { Shown } from "./feedback.js";
import { When } from "./time.js";

/** Places and due times move without an event of their own. */
const EVERY_MS = 10_000;

/** What decided about a run, and why it waits. */
export function RunWhyPanel({ run }: { run: { readonly id: string; readonly agentId: string } }): JSX.Element {
  const path = `/api/heartbeat-runs/${run.id}/why`;
  return (
    <Panel path={path} agentId={run.agentId}>
      {(why: RunWhy) => (
        <>
          {why.reason === null ? (
            <p class="empty">It was decided before reasons were kept.</p>
          ) : (
            <Told reason={why.reason} />
          )}
          {why.decisions.length > 1 && <Decisions decisions={why.decisions} />}
          {why.wakeups.length > 1 && <Joined wakeups={why.wakeups} />}
        </>
      )}
    </Panel>
  );
}

/** Why an agent does not run now, or that it does. */
export function AgentWhyPanel({ agentId }: { agentId: string }): JSX.Element {
  return (
    <Panel path={`/api/agents/${agentId}/why`} agentId={agentId}>
      {(why: AgentWhy) => (
        <>
          <Told reason={why.reason} />
          {why.reasons.slice(1).map((reason) => (
            <Told key={`${reason.rule} ${reason.text}`} reason={reason} />
          ))}
          {why.waiting.length > 0 && <Waiting waiting={why.waiting} />}
        </>
      )}
    </Panel>
  );
}

function Panel<Why>(props: { path: string; agentId: string; children: (why: Why) => ComponentChildren }): JSX.Element {
  const { path, agentId, children } = props;
  const why = useLoaded(path, async (signal) => (await read<Why>(path, signal)).body);
  useLiveReload({
    reload: why.reload,
    isAbout: (heard) =>
      (heard.type === "agent.status" ||
        heard.type === "heartbeat.run.queued" ||
        heard.type === "heartbeat.run.status") &&
      heard.payload.agentId === agentId,
    everyMs: EVERY_MS,
  });
  return (
    <section class="card reasons" aria-label="Why">
      <h2>Why</h2>
      <Shown loaded={why}>{children}</Shown>
    </section>
  );
}

function Told({ reason }: { reason: Reason }): JSX.Element {
  return (
    <div class="reason">
      <p>{reason.text}</p>
      {reason.change !== null && <p class="quiet">{reason.change}</p>}
      <FactsOf reason={reason} />
    </div>
  );
}

function FactsOf({ reason }: { reason: Reason }): JSX.Element {
  return (
    <details>
      <summary>
        Rule <span class="code">{reason.rule}</span> and its facts
      </summary>
      <pre>{JSON.stringify(reason.facts, null, 2)}</pre>
    </details>
  );
}

function Decisions({ decisions }: { decisions: readonly ExplainedReceipt[] }): JSX.Element {
  return (
    <>
      <h3>What was decided</h3>
      <ol class="plain-list">
        {decisions.map((one) => (
          <li key={`${one.at} ${one.rule}`}>
            <span class="quiet">
              {words(one.outcome)} <When at={one.at} />
            </span>
            <p>{one.text}</p>
            <FactsOf reason={one} />
          </li>
        ))}
      </ol>
    </>
  );
}

function Joined({ wakeups }: { wakeups: RunWhy["wakeups"] }): JSX.Element {
  return (
    <>
      <h3>Wakes that this run answers</h3>
      <ol class="plain-list">
        {wakeups.map((wakeup) => (
          <li key={wakeup.id}>
            {wakeup.reason ?? words(wakeup.source)}{" "}
            <span class="quiet">
              by {wakeup.requestedByActorType ?? "nobody"}, <When at={wakeup.requestedAt} />
              {wakeup.rule === null ? "" : `, rule ${wakeup.rule}`}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}

function Waiting({ waiting }: { waiting: AgentWhy["waiting"] }): JSX.Element {
  return (
    <>
      <h3>First in its queue</h3>
      <ol class="plain-list">
        {waiting.map((one) => (
          <li key={one.runId}>
            <Link href={`/runs/${one.runId}`} class="code" title={one.runId}>
              {one.runId.slice(-8)}
            </Link>{" "}
            <Badge status={one.status} />
            <p>{one.reason.text}</p>
          </li>
        ))}
      </ol>
    </>
  );
}
