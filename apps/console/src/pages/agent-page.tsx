/** One agent: what it is, what it does now, and its runs. */
import type { JSX } from "preact";
import { read, withQuery } from "../api/http.js";
import type { Agent, Run } from "../api/shapes.js";
import { useLiveReload } from "../live/company-events.js";
import { Link } from "../navigation.js";
import { AgentActions } from "../parts/agent-actions.js";
import { Badge } from "../parts/badge.js";
import { Facts } from "../parts/facts.js";
import { Empty, Shown } from "../parts/feedback.js";
import { RunTable } from "../parts/run-table.js";
import { When } from "../parts/time.js";
import { AgentWhyPanel } from "../parts/why-panel.js";
import { learnNames } from "../state/agent-names.js";
import { useShownCompany } from "../state/company.js";
import { useLoaded } from "../state/use-loaded.js";
import { More, usePaged } from "./paged.js";

const PAGE_ROWS = 25;
const EVERY_MS = 15_000;

export function AgentPage({ id }: { id: string }): JSX.Element {
  const path = `/api/agents/${encodeURIComponent(id)}`;
  const agent = useLoaded(path, async (signal) => (await read<Agent>(path, signal)).body);
  const runs = usePaged<Run>(withQuery(`${path}/runs`, { limit: PAGE_ROWS }));
  useShownCompany(agent.value?.companyId);
  if (agent.value !== null) learnNames([agent.value]);
  const agentId = agent.value?.id;
  useLiveReload({
    reload: () => {
      agent.reload();
      runs.reload();
    },
    isAbout: (heard) =>
      (heard.type === "agent.status" ||
        heard.type === "heartbeat.run.queued" ||
        heard.type === "heartbeat.run.status") &&
      heard.payload.agentId === agentId,
    everyMs: EVERY_MS,
  });

  return (
    <Shown loaded={agent}>
      {(value) => (
        <>
          <header class="row title">
            <h1>{value.name}</h1>
            <Badge status={value.status} />
            <span class="grow" />
            <AgentActions agent={value} onDone={agent.reload} />
          </header>
          <section class="card" aria-label="Facts">
            <Facts
              facts={[
                ["Role", value.title ?? value.role],
                ["Adapter", <span class="code">{value.adapterType}</span>],
                ["Runs at once", `at most ${value.maxConcurrentRuns}`],
                ["Last run", <When at={value.lastHeartbeatAt} />],
                value.nextTimerAt === null ? null : ["Next timer", <When at={value.nextTimerAt} />],
                value.pauseReason === null ? null : ["Paused because", value.pauseReason],
                [
                  "Queue",
                  <a href={`/queues/queue/${encodeURIComponent(`${queueLabel(value.name)} ${value.id}`)}`}>
                    in Bull Board
                  </a>,
                ],
                ["Id", <span class="code">{value.id}</span>],
              ]}
            />
          </section>
          <AgentWhyPanel agentId={value.id} />
          <section class="card">
            <header class="row">
              <h2>Runs</h2>
              <span class="grow" />
              <Link href={`/runs?agentId=${value.id}`}>With filters</Link>
            </header>
            <Shown loaded={runs}>
              {(rows) =>
                rows.length === 0 ? (
                  <Empty>It has never run. Wake it with the button above.</Empty>
                ) : (
                  <>
                    <RunTable label={`Runs of ${value.name}`} runs={rows} withAgent={false} />
                    <More paged={runs} />
                  </>
                )
              }
            </Shown>
          </section>
        </>
      )}
    </Shown>
  );
}

/** The name in a queue's address on the board is for people; the id after it is what counts. */
function queueLabel(name: string): string {
  return name.replace(/[/\\%?#]+/g, " ").trim();
}
