/** Runs in a table: on the fleet, of an agent, of an issue and by themselves. */
import type { JSX } from "preact";
import { type Run, textAt } from "../api/shapes.js";
import { Link } from "../navigation.js";
import { useAgentNames } from "../state/agent-names.js";
import { shortId, words } from "../text/format.js";
import { Badge } from "./badge.js";
import { type Column, Table } from "./table.js";
import { Took, When } from "./time.js";

/** Why a run was started, in the words of whoever asked. */
export function reasonOf(run: Pick<Run, "contextSnapshot" | "invocationSource">): string {
  return words(textAt(run.contextSnapshot, "wakeReason") ?? run.invocationSource);
}

export function RunTable(props: { label: string; runs: readonly Run[]; withAgent: boolean }): JSX.Element {
  const nameOf = useAgentNames(props.withAgent ? props.runs.map((run) => run.agentId) : []);
  const columns: (Column<Run> | null)[] = [
    {
      name: "Run",
      cell: (run) => (
        <Link href={`/runs/${run.id}`} class="code" title={run.id}>
          {shortId(run.id.replaceAll("-", "").slice(-8))}
        </Link>
      ),
    },
    { name: "Status", cell: (run) => <Badge status={run.status} /> },
    props.withAgent
      ? { name: "Agent", cell: (run) => <Link href={`/agents/${run.agentId}`}>{nameOf(run.agentId)}</Link> }
      : null,
    { name: "Reason", cell: (run) => reasonOf(run) },
    { name: "Asked", cell: (run) => <When at={run.createdAt} /> },
    { name: "Took", isNumber: true, cell: (run) => <Took from={run.startedAt} to={run.finishedAt} /> },
    { name: "Outcome", cell: (run) => <Outcome run={run} /> },
  ];
  return (
    <Table
      label={props.label}
      columns={columns.filter((column) => column !== null)}
      rows={props.runs}
      keyOf={(run) => run.id}
    />
  );
}

function Outcome({ run }: { run: Run }): JSX.Element {
  if (run.status === "scheduled_retry" && run.scheduledRetryAt !== null) {
    return (
      <span>
        due <When at={run.scheduledRetryAt} />
      </span>
    );
  }
  const text = run.error ?? textAt(run.resultJson, "summary") ?? textAt(run.resultJson, "result") ?? "";
  return (
    <span class="clip" title={text}>
      {text === "" ? <span class="quiet">–</span> : text}
    </span>
  );
}
