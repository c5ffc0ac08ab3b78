/** An issue as far as waking goes: what people are asked, who holds its lock, which wakes wait for it, which runs were about it. */
import type { JSX } from "preact";
import { read, withQuery } from "../api/http.js";
import type { Interaction, Issue, IssueRun, LiveEvent, Wakeup } from "../api/shapes.js";
import { useLiveReload } from "../live/company-events.js";
import { Link } from "../navigation.js";
import { Badge } from "../parts/badge.js";
import { Facts } from "../parts/facts.js";
import { Empty, Shown } from "../parts/feedback.js";
import { Interactions } from "../parts/interactions.js";
import { Table } from "../parts/table.js";
import { Took, When } from "../parts/time.js";
import { useAgentNames } from "../state/agent-names.js";
import { useShownCompany } from "../state/company.js";
import { useLoaded } from "../state/use-loaded.js";
import { words } from "../text/format.js";

const EVERY_MS = 10_000;

interface IssueView {
  readonly issue: Issue;
  readonly runs: readonly IssueRun[];
  readonly deferred: readonly Wakeup[];
  readonly interactions: readonly Interaction[];
}

export function IssuePage({ id }: { id: string }): JSX.Element {
  const view = useLoaded(id, (signal) => readIssue(id, signal));
  useShownCompany(view.value?.issue.companyId);
  const issueId = view.value?.issue.id;
  useLiveReload({ reload: view.reload, isAbout: (heard) => isAbout(heard, issueId), everyMs: EVERY_MS });
  return <Shown loaded={view}>{(value) => <IssueView view={value} onDone={view.reload} />}</Shown>;
}

function isAbout(heard: LiveEvent, issueId: string | undefined): boolean {
  if (heard.type === "wakeup.recorded") return heard.payload.issueId === issueId;
  if (heard.type === "activity.logged") return heard.payload.entityId === issueId;
  return heard.type === "heartbeat.run.status";
}

async function readIssue(id: string, signal: AbortSignal): Promise<IssueView> {
  const path = `/api/issues/${encodeURIComponent(id)}`;
  const { body: issue } = await read<Issue>(path, signal);
  const wakes = withQuery(`/api/companies/${issue.companyId}/wakeups`, {
    issueId: issue.id,
    status: "deferred_issue_execution",
    limit: 50,
  });
  const [runs, deferred, interactions] = await Promise.all([
    read<readonly IssueRun[]>(`${path}/runs`, signal),
    read<readonly Wakeup[]>(wakes, signal),
    read<readonly Interaction[]>(withQuery(`${path}/interactions`, { limit: 50 }), signal),
  ]);
  return { issue, runs: runs.body, deferred: deferred.body, interactions: interactions.body };
}

function IssueView({ view, onDone }: { view: IssueView; onDone: () => void }): JSX.Element {
  const { issue, runs, deferred, interactions } = view;
  const { assigneeAgentId, executionRunId } = issue;
  const nameOf = useAgentNames([
    ...(assigneeAgentId === null ? [] : [assigneeAgentId]),
    ...runs.map((run) => run.agentId),
    ...deferred.map((wake) => wake.agentId),
  ]);
  const agentLink = (agentId: string): JSX.Element => <Link href={`/agents/${agentId}`}>{nameOf(agentId)}</Link>;
  return (
    <>
      <header class="row title">
        <h1>
          {issue.identifier !== null && <span class="quiet">{issue.identifier} </span>}
          {issue.title}
        </h1>
        <Badge status={issue.status} />
      </header>
      <section class="card" aria-label="Facts">
        <Facts
          facts={[
            ["Assignee", assigneeAgentId === null ? (issue.assigneeUserId ?? "nobody") : agentLink(assigneeAgentId)],
            ["Priority", issue.priority],
            [
              "Held by",
              executionRunId === null ? (
                "no run"
              ) : (
                <span>
                  run{" "}
                  <Link href={`/runs/${executionRunId}`} class="code">
                    {executionRunId.slice(-8)}
                  </Link>{" "}
                  {issue.executionLockedAt !== null && <When at={issue.executionLockedAt} />}
                </span>
              ),
            ],
            issue.blockedBy.length === 0
              ? null
              : ["Blocked by", issue.blockedBy.map((one) => one.identifier ?? one.title).join(", ")],
          ]}
        />
        {issue.description !== null && <p class="text">{issue.description}</p>}
      </section>
      {interactions.length > 0 && (
        <section class="card" aria-label="Asked of people">
          <h2>Asked of people</h2>
          <Interactions interactions={interactions} onDone={onDone} />
        </section>
      )}
      <section class="card">
        <h2>Deferred wakes</h2>
        {deferred.length === 0 ? (
          <Empty>No wake waits for this issue.</Empty>
        ) : (
          <Table
            label="Deferred wakes"
            rows={deferred}
            keyOf={(wake) => wake.id}
            columns={[
              { name: "Agent", cell: (wake) => agentLink(wake.agentId) },
              { name: "Reason", cell: (wake) => words(wake.reason ?? wake.source) },
              { name: "Asked", cell: (wake) => <When at={wake.requestedAt} /> },
              { name: "Joined", isNumber: true, cell: (wake) => wake.coalescedCount },
            ]}
          />
        )}
      </section>
      <section class="card">
        <h2>Runs about it</h2>
        {runs.length === 0 ? (
          <Empty>No run yet.</Empty>
        ) : (
          <Table
            label="Runs about this issue"
            rows={runs}
            keyOf={(run) => run.runId}
            columns={[
              {
                name: "Run",
                cell: (run) => (
                  <Link href={`/runs/${run.runId}`} class="code">
                    {run.runId.slice(-8)}
                  </Link>
                ),
              },
              { name: "Status", cell: (run) => <Badge status={run.status} /> },
              { name: "Agent", cell: (run) => agentLink(run.agentId) },
              { name: "Asked", cell: (run) => <When at={run.createdAt} /> },
              {
                name: "Took",
                isNumber: true,
                cell: (run) => <Took from={instantOf(run["startedAt"])} to={instantOf(run["finishedAt"])} />,
              },
            ]}
          />
        )}
      </section>
    </>
  );
}

function instantOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
