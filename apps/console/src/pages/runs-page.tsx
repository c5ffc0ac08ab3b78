/** Runs of the company, by status and agent. The filters are in the address, so that a view can be kept and sent. */
import type { JSX } from "preact";
import { withQuery } from "../api/http.js";
import type { Run } from "../api/shapes.js";
import { useLiveReload } from "../live/company-events.js";
import { navigate } from "../navigation.js";
import { Empty, Shown } from "../parts/feedback.js";
import { RunTable } from "../parts/run-table.js";
import { useAgentNames } from "../state/agent-names.js";
import { useCompany } from "../state/company.js";
import { words } from "../text/format.js";
import { More, usePaged } from "./paged.js";

const PAGE_ROWS = 30;
const EVERY_MS = 15_000;

const VIEWS: readonly (readonly [name: string, statuses: string])[] = [
  ["All", ""],
  ["Active", "queued,running,scheduled_retry"],
  ["Running", "running"],
  ["Waiting", "queued"],
  ["Retries", "scheduled_retry"],
  ["Succeeded", "succeeded"],
  ["Failed", "failed,timed_out"],
  ["Cancelled", "cancelled"],
];
const SOURCES = ["on_demand", "assignment", "timer", "automation"];

export function RunsPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { company } = useCompany();
  const status = query.get("status") ?? "";
  const source = query.get("source") ?? "";
  const agentId = query.get("agentId");
  const path =
    company === null
      ? null
      : withQuery(`/api/companies/${company.id}/heartbeat-runs`, { status, source, agentId, limit: PAGE_ROWS });
  const runs = usePaged<Run>(path);
  const nameOf = useAgentNames(agentId === null ? [] : [agentId]);
  useLiveReload({
    reload: runs.reload,
    isAbout: (heard) => heard.type === "heartbeat.run.queued" || heard.type === "heartbeat.run.status",
    everyMs: EVERY_MS,
  });
  const show = (change: Record<string, string | null>): void => {
    navigate(withQuery("/runs", { status, source, agentId, ...change }), { replace: true });
  };

  return (
    <>
      <h1>Runs</h1>
      <div class="filters">
        <fieldset class="tabs">
          <legend class="unseen">Status</legend>
          {VIEWS.map(([name, statuses]) => (
            <button
              key={name}
              type="button"
              aria-pressed={status === statuses}
              onClick={() => show({ status: statuses })}
            >
              {name}
            </button>
          ))}
        </fieldset>
        <label>
          Source{" "}
          <select data-search value={source} onChange={(event) => show({ source: event.currentTarget.value })}>
            <option value="">any</option>
            {SOURCES.map((one) => (
              <option key={one} value={one}>
                {words(one)}
              </option>
            ))}
          </select>
        </label>
        {agentId !== null && (
          <button type="button" class="chip" onClick={() => show({ agentId: null })}>
            Agent: {nameOf(agentId)} <span aria-hidden="true">×</span>
            <span class="unseen">(show every agent's)</span>
          </button>
        )}
      </div>
      <section class="card">
        <Shown loaded={runs}>
          {(rows) =>
            rows.length === 0 ? (
              <Empty>No run is like this.</Empty>
            ) : (
              <>
                <RunTable label="Runs" runs={rows} withAgent={agentId === null} />
                <More paged={runs} />
              </>
            )
          }
        </Shown>
      </section>
    </>
  );
}
