/** One run: what became of it and why, its steps, its output, and the runs before and after it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { post, read } from "../api/http.js";
import { ACTIVE_STATUSES, numberAt, type RunDetail, textAt, type WakeAnswer } from "../api/shapes.js";
import { useLiveReload } from "../live/company-events.js";
import { Link, navigate } from "../navigation.js";
import { Badge } from "../parts/badge.js";
import { Confirm } from "../parts/dialog.js";
import { type Fact, Facts } from "../parts/facts.js";
import { Shown, useAction } from "../parts/feedback.js";
import { useKey } from "../parts/keyboard.js";
import { LogPane } from "../parts/log-pane.js";
import { reasonOf } from "../parts/run-table.js";
import { Took, When } from "../parts/time.js";
import { Timeline } from "../parts/timeline.js";
import { RunWhyPanel } from "../parts/why-panel.js";
import { useAgentNames } from "../state/agent-names.js";
import { useShownCompany } from "../state/company.js";
import { useLoaded } from "../state/use-loaded.js";
import { number, shortId, words } from "../text/format.js";

const EVERY_MS = 10_000;

export function RunPage({ id }: { id: string }): JSX.Element {
  const path = `/api/heartbeat-runs/${encodeURIComponent(id)}`;
  const run = useLoaded(path, async (signal) => (await read<RunDetail>(path, signal)).body);
  useShownCompany(run.value?.companyId);
  useLiveReload({
    reload: run.reload,
    isAbout: (heard) =>
      (heard.type === "heartbeat.run.status" && heard.payload.runId === id) ||
      (heard.type === "heartbeat.run.queued" && heard.payload.agentId === run.value?.agentId),
    everyMs: EVERY_MS,
  });
  return (
    <Shown loaded={run}>
      {(value) => (
        <>
          <Head run={value} onDone={run.reload} />
          <Why run={value} />
          <div class="columns run">
            <div>
              <section class="card" aria-label="Facts">
                <Facts facts={factsOf(value)} />
              </section>
              <RunWhyPanel run={value} />
              <Ladder run={value} />
              <Timeline run={value} />
            </div>
            <LogPane run={{ id: value.id, logBytes: value.logBytes }} />
          </div>
        </>
      )}
    </Shown>
  );
}

function Head({ run, onDone }: { run: RunDetail; onDone: () => void }): JSX.Element {
  const nameOf = useAgentNames([run.agentId]);
  return (
    <header class="row title">
      <h1>
        <Link href={`/agents/${run.agentId}`}>{nameOf(run.agentId)}</Link> <span class="quiet">{reasonOf(run)}</span>
      </h1>
      <Badge status={run.status} />
      <span class="grow" />
      {ACTIVE_STATUSES.has(run.status) ? <Cancel run={run} onDone={onDone} /> : <Retry run={run} />}
    </header>
  );
}

function Cancel({ run, onDone }: { run: RunDetail; onDone: () => void }): JSX.Element {
  const { busy, run: act } = useAction();
  const [asks, setAsks] = useState(false);
  useKey("c", () => setAsks(true));
  const isAsked = run.cancelRequestedAt !== null;
  const cancel = (): void =>
    act(async () => {
      const { status } = await post(`/api/heartbeat-runs/${run.id}/cancel`);
      onDone();
      return status === 202 ? "The worker was asked to stop the run." : "The run is cancelled.";
    });
  const runNow = (): void =>
    act(async () => {
      await post(`/api/heartbeat-runs/${run.id}/run-now`);
      onDone();
      return "The retry is due now.";
    });
  return (
    <span class="actions">
      {run.status === "scheduled_retry" && (
        <button type="button" disabled={busy} onClick={runNow}>
          Run now
        </button>
      )}
      <button type="button" class="danger" disabled={busy || isAsked} onClick={() => setAsks(true)}>
        {isAsked ? "Stopping…" : "Cancel run"}
      </button>
      {asks && (
        <Confirm
          title="Cancel this run?"
          text={
            run.status === "running"
              ? "Its process is told to stop, and is stopped if it does not. What it did so far stays done."
              : "It has not started and will not start."
          }
          action="Cancel the run"
          onConfirm={cancel}
          onClose={() => setAsks(false)}
        />
      )}
    </span>
  );
}

function Retry({ run }: { run: RunDetail }): JSX.Element {
  const { busy, run: act } = useAction();
  const retry = (): void =>
    act(async () => {
      const { body } = await post<WakeAnswer>(`/api/heartbeat-runs/${run.id}/retry`);
      if (body.status === "skipped" || body.id === undefined) return body.message ?? "The retry was skipped.";
      navigate(`/runs/${body.id}`);
      return "This is the new run.";
    });
  return (
    <span class="actions">
      <button type="button" disabled={busy} onClick={retry}>
        Run again
      </button>
    </span>
  );
}

/** The one sentence somebody looks for first. */
function Why({ run }: { run: RunDetail }): JSX.Element | null {
  const cancelled = run.status === "cancelled" ? run.cancelReason : null;
  const text = run.error ?? cancelled ?? textAt(run.resultJson, "summary") ?? textAt(run.resultJson, "result");
  if (text === null) return null;
  const isBad = run.status === "failed" || run.status === "timed_out";
  return (
    <p class="why" data-bad={isBad}>
      {text}
      {run.errorCode !== null && <span class="code"> {run.errorCode}</span>}
    </p>
  );
}

function factsOf(run: RunDetail): (Fact | null)[] {
  const issueId = run.issueId;
  return [
    ["Asked", <When at={run.createdAt} />],
    run.startedAt === null ? null : ["Waited", <Took from={run.createdAt} to={run.startedAt} />],
    run.startedAt === null ? null : ["Took", <Took from={run.startedAt} to={run.finishedAt} />],
    ["Source", `${words(run.invocationSource)}${run.triggerDetail === null ? "" : `, ${words(run.triggerDetail)}`}`],
    issueId === null
      ? null
      : ["Issue", <Link href={`/issues/${encodeURIComponent(issueId)}`}>{shortId(issueId)}</Link>],
    run.taskKey === null || run.taskKey === issueId ? null : ["Task", <span class="code">{run.taskKey}</span>],
    run.worker === null
      ? null
      : ["Worker", `${run.worker.hostname}:${run.worker.pid}${run.worker.alive ? "" : " (gone)"}`],
    run.processPid === null ? null : ["Process", String(run.processPid)],
    run.exitCode === null ? null : ["Exit code", String(run.exitCode)],
    run.signal === null ? null : ["Signal", run.signal],
    usageFact(run),
    costFact(run),
    run.sessionIdAfter === null ? null : ["Session", <span class="code">{run.sessionIdAfter}</span>],
    run.livenessState === null ? null : ["Judged", `${words(run.livenessState)}: ${run.livenessReason ?? ""}`],
    run.traceId === null ? null : ["Trace", <span class="code">{run.traceId}</span>],
    ["Id", <span class="code">{run.id}</span>],
  ];
}

function usageFact(run: RunDetail): Fact | null {
  const input = numberAt(run.usageJson, "inputTokens");
  const output = numberAt(run.usageJson, "outputTokens");
  if (input === null && output === null) return null;
  return ["Tokens", `${number(input ?? 0)} in, ${number(output ?? 0)} out`];
}

function costFact(run: RunDetail): Fact | null {
  const cost = numberAt(run.resultJson, "costUsd") ?? numberAt(run.usageJson, "costUsd");
  return cost === null ? null : ["Cost", `$${cost.toFixed(4)}`];
}

/** The runs for the same work before and after this one. */
function Ladder({ run }: { run: RunDetail }): JSX.Element | null {
  const { retryOfRunId, retries } = run;
  if (retryOfRunId === null && retries.length === 0 && run.scheduledRetryAt === null) return null;
  return (
    <section class="card">
      <h2>Retries</h2>
      <ul class="plain-list">
        {retryOfRunId !== null && (
          <li>
            This run retries <RunLink id={retryOfRunId} />
            {run.scheduledRetryReason === null ? "" : ` after ${words(run.scheduledRetryReason)}`}
            {run.scheduledRetryAttempt > 0 && `, attempt ${run.scheduledRetryAttempt}`}.
          </li>
        )}
        {run.scheduledRetryAt !== null && run.status === "scheduled_retry" && (
          <li>
            It starts <When at={run.scheduledRetryAt} />.
          </li>
        )}
        {retries.map((id) => (
          <li key={id}>
            Retried by <RunLink id={id} />.
          </li>
        ))}
      </ul>
    </section>
  );
}

function RunLink({ id }: { id: string }): JSX.Element {
  return (
    <Link href={`/runs/${id}`} class="code" title={id}>
      {id.slice(-8)}
    </Link>
  );
}
