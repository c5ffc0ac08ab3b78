/**
 * Proves each promise of the specification (RL-1 to RL-10) from the evidence, or names what breaks it. Pure: the same
 * evidence gives the same verdict.
 */
import { TERMINAL_RUN_STATUSES, type TerminalRunStatus, type WakeupStatus } from "@wakefleet/contracts";
import type { Evidence, RequestFact, RunFact } from "./evidence.js";
import type { InjectedFault } from "./faults.js";
import { LimitHistory } from "./limits.js";
import type { FaultKind } from "./schedule.js";
import type { EndLine, StartLine } from "./witness.js";

export interface Violation {
  readonly what: string;
  /** When it happened, by the machine's clock; null when that is not known. */
  readonly atMs: number | null;
}

export interface Verdict {
  readonly promise: string;
  readonly what: string;
  /** What was counted, in a few words. */
  readonly figure: string;
  readonly violations: readonly Violation[];
}

const RUN_STATUS_OF: Partial<Record<WakeupStatus, TerminalRunStatus>> = {
  completed: "succeeded",
  failed: "failed",
  timed_out: "timed_out",
  cancelled: "cancelled",
};
const SETTLED: readonly WakeupStatus[] = ["completed", "failed", "timed_out", "cancelled", "skipped", "coalesced"];
/** After PostgreSQL is back, callers may still be told that it is away for this long: pools find out one by one. */
const POSTGRES_ECHO_MS = 20_000;
const BEFORE_MS = 500;
/** How exactly the system tells when a process was started. */
const CLOCK_SLACK_MS = 200;

/** One verdict a promise. */
export function judge(evidence: Evidence): Verdict[] {
  return [
    accepted(evidence),
    limits(evidence),
    locks(evidence),
    claims(evidence),
    redis(evidence),
    postgres(evidence),
    processes(evidence),
    upgrades(evidence),
    walls(evidence),
    badInput(evidence),
    leftovers(evidence),
  ];
}

function isTerminal(run: RunFact | undefined): boolean {
  return run !== undefined && (TERMINAL_RUN_STATUSES as readonly string[]).includes(run.status);
}

function accepted({ accepted: wakes, runs, requests }: Evidence): Verdict {
  const violations: Violation[] = [];
  const keys = new Map<string, number>();
  for (const { idempotencyKey } of requests.values()) {
    if (idempotencyKey !== null) keys.set(idempotencyKey, (keys.get(idempotencyKey) ?? 0) + 1);
  }
  const outcomes = new Map<string, number>();
  for (const wake of wakes) {
    const request = requests.get(wake.wakeupId);
    const say = (what: string): number =>
      violations.push({ what: `wake ${wake.wakeupId} (${wake.outcome}): ${what}`, atMs: wake.atMs });
    if (request === undefined) {
      say("its request is not in the database");
      continue;
    }
    outcomes.set(request.status, (outcomes.get(request.status) ?? 0) + 1);
    if (request.idempotencyKey !== wake.key) say(`its request has the key ${request.idempotencyKey}, not ${wake.key}`);
    if ((keys.get(wake.key) ?? 0) !== 1) say(`its key stands in ${keys.get(wake.key) ?? 0} requests`);
    const problem = problemOfOutcome(request, request.runId === null ? undefined : runs.get(request.runId));
    if (problem !== null) say(problem);
  }
  for (const run of runs.values()) {
    if (!isTerminal(run)) violations.push({ what: `run ${run.id} is ${run.status}`, atMs: null });
  }
  const counted = [...outcomes].map(([status, count]) => `${count} ${status}`).join(", ");
  return { promise: "RL-1", what: "accepted is kept", figure: `${wakes.length} wakes: ${counted}`, violations };
}

/** Why a request is not a terminal outcome that can be read; null when it is one. */
function problemOfOutcome(request: RequestFact, run: RunFact | undefined): string | null {
  if (!SETTLED.includes(request.status)) return `it is ${request.status}`;
  if (request.runId !== null && run === undefined) return `its run ${request.runId} is not in the database`;
  const expected = RUN_STATUS_OF[request.status];
  if (expected !== undefined && run !== undefined && run.status !== expected) {
    return `it is ${request.status} and its run is ${run.status}`;
  }
  if (request.status === "completed" && run === undefined) return "it is completed without a run";
  if (request.status === "coalesced") {
    // One that joined a deferred wake names a run only when that one was promoted (WK-27).
    if (run === undefined && request.reason !== "issue_execution_deferred") return "it joined no run";
    if (run !== undefined && !isTerminal(run)) return `it joined run ${run.id}, which is ${run.status}`;
  }
  return null;
}

function groupBy<T, Key>(items: readonly T[], keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function startsOf({ lines }: Evidence): (StartLine & { line: number })[] {
  return lines.flatMap((line, index) => (line.kind === "start" ? [{ ...line, line: index }] : []));
}

function limits(evidence: Evidence): Verdict {
  const history = new LimitHistory(evidence.lines);
  const violations: Violation[] = [];
  let most = 0;
  for (const start of startsOf(evidence)) {
    const atOnce = 1 + start.besideOfAgent.length;
    const claimedAtMs = evidence.runs.get(start.runId)?.startedAt?.getTime() ?? 0;
    const allowed = history.mostAllowed(start.agentId, { claimedAtMs, startLine: start.line });
    most = Math.max(most, atOnce);
    if (atOnce > allowed) {
      violations.push({
        what: `agent ${start.agentId} executed ${atOnce} at once and was allowed ${allowed}: run ${start.runId} beside ${start.besideOfAgent.join(", ")}`,
        atMs: claimedAtMs || null,
      });
    }
  }
  for (const { rule, what, atMs } of evidence.invariants.broken) violations.push({ what: `${rule}: ${what}`, atMs });
  const executions = evidence.lines.filter((line) => line.kind === "start").length;
  const figure = `${executions} executions, at most ${most} at once of one agent; ${evidence.invariants.looks} looks at the database`;
  return { promise: "RL-2", what: "limits held at every start", figure, violations };
}

function locks(evidence: Evidence): Verdict {
  const onIssues = startsOf(evidence).filter((start) => start.issueId !== null);
  const violations = onIssues
    .filter((start) => start.besideOnIssue.length > 0)
    .map((start) => ({
      what: `issue ${start.issueId}: run ${start.runId} executed beside ${start.besideOnIssue.join(", ")}`,
      atMs: evidence.runs.get(start.runId)?.startedAt?.getTime() ?? null,
    }));
  return { promise: "RL-3", what: "one lock, one run", figure: `${onIssues.length} executions on issues`, violations };
}

function claims(evidence: Evidence): Verdict {
  const violations: Violation[] = [];
  let unrecorded = 0;
  const starts = groupBy(startsOf(evidence), (start) => start.runId);
  const ends = new Map<string, EndLine>();
  for (const line of evidence.lines) if (line.kind === "end") ends.set(line.runId, line);
  for (const [runId, executions] of starts) {
    const run = evidence.runs.get(runId);
    const atMs = run?.startedAt?.getTime() ?? null;
    const say = (what: string): number => violations.push({ what: `run ${runId}: ${what}`, atMs });
    if (run === undefined || run.startedAt === null) {
      say("it was executed and never claimed");
      continue;
    }
    if (executions.length > 1) say(`it was executed ${executions.length} times`);
    for (const { pid, claimToken, startedAtMs } of executions) {
      if (run.finishedAt !== null && startedAtMs > run.finishedAt.getTime() + CLOCK_SLACK_MS) {
        say(`process ${pid} was started after it had ended`);
      }
      // Its worker died, or PostgreSQL was away, before it was recorded; that it ran beside nobody is RL-2's to prove.
      if (run.processPid === null && run.errorCode === "process_lost") unrecorded += 1;
      else if (run.processPid !== pid) {
        say(`process ${pid} executed it, and the claim knows of process ${run.processPid}`);
      }
      if (claimToken !== null && claimToken > run.claimToken)
        say(`it was executed under claim ${claimToken} of ${run.claimToken}`);
    }
  }
  for (const run of evidence.runs.values()) {
    if (run.status !== "succeeded") continue;
    const executed = starts.get(run.id)?.length ?? 0;
    const end = ends.get(run.id);
    if (executed !== 1 || end?.exitCode !== 0) {
      violations.push({
        what: `run ${run.id} succeeded, and was executed ${executed} times and ended with ${end?.exitCode ?? "nothing"}`,
        atMs: run.startedAt?.getTime() ?? null,
      });
    }
  }
  const lost = [...evidence.runs.values()].filter((run) => run.errorCode === "process_lost");
  const retriesOf = groupBy(
    [...evidence.runs.values()].filter((run) => run.retryOfRunId !== null && run.retryReason === "process_lost"),
    (run) => run.retryOfRunId,
  );
  for (const [runId, retries] of retriesOf) {
    if (retries.length > 1)
      violations.push({ what: `lost run ${runId} was retried ${retries.length} times`, atMs: null });
  }
  const figure = `${starts.size} runs executed, ${lost.length} lost with their worker, ${retriesOf.size} of these run again under a new id, ${unrecorded} whose process was not recorded in time`;
  return { promise: "RL-4", what: "a claim is fenced", figure, violations };
}

function ofKinds(faults: readonly InjectedFault[], prefix: string): InjectedFault[] {
  return faults.filter((fault) => fault.kind.startsWith(prefix));
}

function redis(evidence: Evidence): Verdict {
  const faults = ofKinds(evidence.faults, "redis-");
  const meanwhile = evidence.accepted.filter(({ atMs }) =>
    faults.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs),
  );
  const figure = `${faults.length} faults, ${meanwhile.length} wakes accepted meanwhile`;
  return { promise: "RL-5", what: "Redis is disposable", figure, violations: [...evidence.wrongFailures] };
}

function postgres(evidence: Evidence): Verdict {
  const faults = ofKinds(evidence.faults, "postgres-");
  const outOfTime = evidence.unavailable.filter(
    ({ atMs }) => !faults.some(({ fromMs, toMs }) => atMs >= fromMs - BEFORE_MS && atMs <= toMs + POSTGRES_ECHO_MS),
  );
  const figure = `${faults.length} faults, ${evidence.unavailable.length} answers 503 with Retry-After, ${evidence.counts.repeated} attempts repeated`;
  const violations = [...outOfTime, ...evidence.unanswered];
  return { promise: "RL-6", what: "PostgreSQL down is survived", figure, violations };
}

function processes(evidence: Evidence): Verdict {
  const kinds: FaultKind[] = [
    "kill-worker",
    "kill-worker-and-agents",
    "kill-api",
    "stumble-worker",
    "stumble-api",
    "pause-worker",
    "pause-api",
    "block-worker",
  ];
  const count = evidence.faults.filter(({ kind }) => kinds.includes(kind)).length;
  const violations = evidence.crashes.map((what) => ({ what, atMs: null }));
  return {
    promise: "RL-7",
    what: "processes are disposable",
    figure: `${count} killed, paused or blocked`,
    violations,
  };
}

function upgrades(evidence: Evidence): Verdict {
  const count = evidence.faults.filter(({ kind }) => kind === "rolling-restart" || kind.startsWith("stop-")).length;
  const figure = `${count} orderly restarts beside running ones, of one version (two versions are not tried here)`;
  return { promise: "RL-8", what: "rolling restarts", figure, violations: [] };
}

function walls(evidence: Evidence): Verdict {
  const violations = [...evidence.wrongProbes, ...evidence.leaks.map((what) => ({ what, atMs: null }))];
  return {
    promise: "RL-9",
    what: "nobody gets in, no secret gets out",
    figure: `${evidence.counts.probes} probes`,
    violations,
  };
}

function badInput({ refusedKeys, requests }: Evidence): Verdict {
  const refused = new Set(refusedKeys);
  const violations = [...requests.values()]
    .filter(({ idempotencyKey }) => idempotencyKey !== null && refused.has(idempotencyKey))
    .map(({ id }) => ({ what: `a refused post left request ${id}`, atMs: null }));
  return {
    promise: "RL-10",
    what: "what is refused changes nothing",
    figure: `${refused.size} refused posts`,
    violations,
  };
}

function leftovers(evidence: Evidence): Verdict {
  const violations = evidence.leftovers.map((what) => ({ what, atMs: null }));
  return {
    promise: "settled",
    what: "nothing is left behind",
    figure: `${evidence.requests.size} requests, ${evidence.runs.size} runs`,
    violations,
  };
}
