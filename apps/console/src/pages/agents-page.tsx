/** Agents of the company: found by name and status, woken, paused and resumed. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { withQuery } from "../api/http.js";
import type { Agent } from "../api/shapes.js";
import { useLiveReload } from "../live/company-events.js";
import { Link, navigate } from "../navigation.js";
import { AgentActions } from "../parts/agent-actions.js";
import { Badge } from "../parts/badge.js";
import { Empty, Shown } from "../parts/feedback.js";
import { type Column, Table } from "../parts/table.js";
import { When } from "../parts/time.js";
import { learnNames } from "../state/agent-names.js";
import { useCompany } from "../state/company.js";
import { words } from "../text/format.js";
import { More, usePaged } from "./paged.js";

const PAGE_ROWS = 50;
const EVERY_MS = 15_000;
/** A search begins when typing pauses for this long. */
const TYPING_MS = 250;
const STATUSES = ["idle", "running", "error", "paused", "pending_approval", "terminated"];

export function AgentsPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { company } = useCompany();
  const text = query.get("q") ?? "";
  const status = query.get("status") ?? "";
  const path =
    company === null ? null : withQuery(`/api/companies/${company.id}/agents`, { q: text, status, limit: PAGE_ROWS });
  const agents = usePaged<Agent>(path);
  learnNames(agents.value ?? []);
  useLiveReload({ reload: agents.reload, isAbout: (heard) => heard.type === "agent.status", everyMs: EVERY_MS });
  const show = (change: Record<string, string>): void => {
    navigate(withQuery("/agents", { q: text, status, ...change }), { replace: true });
  };

  return (
    <>
      <h1>Agents</h1>
      <div class="filters">
        <SearchField text={text} onSearch={(q) => show({ q })} />
        <label>
          Status{" "}
          <select value={status} onChange={(event) => show({ status: event.currentTarget.value })}>
            <option value="">any</option>
            {STATUSES.map((one) => (
              <option key={one} value={one}>
                {words(one)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <section class="card">
        <Shown loaded={agents}>
          {(rows) =>
            rows.length === 0 ? (
              <Empty>No agent is like this. Agents are made over the API or with the command line.</Empty>
            ) : (
              <>
                <Table label="Agents" columns={columnsFor(agents.reload)} rows={rows} keyOf={(agent) => agent.id} />
                <More paged={agents} />
              </>
            )
          }
        </Shown>
      </section>
    </>
  );
}

function columnsFor(reload: () => void): readonly Column<Agent>[] {
  return [
    { name: "Name", cell: (agent) => <Link href={`/agents/${agent.id}`}>{agent.name}</Link> },
    { name: "Status", cell: (agent) => <Badge status={agent.status} /> },
    { name: "Adapter", cell: (agent) => <span class="code">{agent.adapterType}</span> },
    { name: "At once", isNumber: true, cell: (agent) => agent.maxConcurrentRuns },
    { name: "Last run", cell: (agent) => <When at={agent.lastHeartbeatAt} /> },
    { name: "Next timer", cell: (agent) => (agent.nextTimerAt === null ? "–" : <When at={agent.nextTimerAt} />) },
    { name: "Actions", cell: (agent) => <AgentActions agent={agent} onDone={reload} /> },
  ];
}

function SearchField({ text, onSearch }: { text: string; onSearch: (text: string) => void }): JSX.Element {
  const [typed, setTyped] = useState(text);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => {
    if (typed === text) return;
    const timer = setTimeout(() => onSearch(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <input
      type="search"
      data-search
      aria-label="Find agents by name"
      placeholder="Find by name"
      value={typed}
      onInput={(event) => setTyped(event.currentTarget.value)}
    />
  );
}
