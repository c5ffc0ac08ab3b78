/** Reading runs, their events and their place among others (API-120 to API-122, API-131 to API-134). */
import type { JsonValue } from "@wakefleet/contracts";
import { isTransientFailure, redactSecrets } from "@wakefleet/domain";
import {
  findActiveIssueRun,
  findRun,
  findRunCompany,
  isRunRequestedBy,
  listIssueLiveRuns,
  listIssueRuns,
  listLiveRuns,
  listRunEvents,
  listRuns,
  type Page,
  type RunFilter,
  type RunRow,
  readRetryExhaustedReasons,
  readSilenceNotes,
} from "@wakefleet/store";
import { requireAgent } from "../agents/find-agent.js";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertCompanyAccess, insufficientScope } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { requireIssue } from "../issues/find-issue.js";
import type { Principal } from "../principal.js";
import {
  outputSilenceOf,
  presentIssueLiveRun,
  presentIssueRun,
  presentListedRun,
  presentLiveRun,
  presentRunDetail,
  type RunSilence,
} from "./present-run.js";

const RUN_NOT_FOUND = "Heartbeat run not found";
/** Rows of lists the reference answers unbounded (API-11). */
const ISSUE_RUNS_LIMIT = 500;

/** A run the caller may see; an enqueue key sees those its wakes caused or joined (API-36). */
export async function requireRun(
  deps: Pick<ApiDeps, "db">,
  query: { caller: Principal; runId: string },
): Promise<RunRow> {
  const run = found(await findRun(deps.db.sql, pathId(query.runId, RUN_NOT_FOUND)), RUN_NOT_FOUND);
  assertCompanyAccess(query.caller, run.companyId);
  if (query.caller.kind === "enqueue") {
    const isOwn = await isRunRequestedBy(deps.db.sql, { runId: run.id, actorId: query.caller.userId });
    if (!isOwn) throw insufficientScope();
  }
  return run;
}

/** API-121. */
export async function readRun(deps: ApiDeps, query: { caller: Principal; runId: string }): Promise<object> {
  const run = await requireRun(deps, query);
  const around = await findRunCompany(deps.db.sql, { run, leaseMs: deps.settings.leaseMs });
  const [notesOf, exhausted, [shown = run]] = await Promise.all([
    silenceNotes(deps, [run]),
    exhaustedReasons(deps, [run]),
    deps.runTexts.answerable([run]),
  ]);
  return {
    ...presentRunDetail(shown),
    retryExhaustedReason: exhausted.get(run.id) ?? null,
    outputSilence: outputSilenceOf(run, notesOf(run)),
    worker: around.worker,
    retries: around.retries,
  };
}

/** API-120. */
export async function readRuns(
  deps: ApiDeps,
  query: Omit<RunFilter, "requestedBy"> & { caller: Principal },
): Promise<{ page: Page<RunRow>; rows: object[] }> {
  const company = await requireCompany(deps, query);
  const page = await listRuns(deps.db.sql, { ...query, companyId: company.id });
  return { page, rows: (await deps.runTexts.answerable(page.rows)).map(presentListedRun) };
}

/** API-306: one agent's runs. */
export async function readAgentRuns(
  deps: ApiDeps,
  query: Omit<RunFilter, "requestedBy" | "companyId" | "agentId"> & { caller: Principal; ref: string },
): Promise<{ page: Page<RunRow>; rows: object[] }> {
  const agent = await requireAgent(deps, query);
  const page = await listRuns(deps.db.sql, { ...query, companyId: agent.companyId, agentId: agent.id });
  return { page, rows: (await deps.runTexts.answerable(page.rows)).map(presentListedRun) };
}

/** API-122; payloads are redacted. */
export async function readRunEvents(
  deps: ApiDeps,
  query: { caller: Principal; runId: string; afterSeq: number; limit: number },
): Promise<object[]> {
  const run = await requireRun(deps, query);
  const events = await listRunEvents(deps.db.sql, { runId: run.id, afterSeq: query.afterSeq, limit: query.limit });
  return events.map((event) => ({
    ...event,
    payload: event.payload === null ? null : redactSecrets(event.payload as JsonValue),
  }));
}

/** API-131. */
export async function readLiveRuns(
  deps: ApiDeps,
  query: { caller: Principal; companyId: string; limit: number; minCount: number },
): Promise<object[]> {
  const company = await requireCompany(deps, query);
  const runs = await listLiveRuns(deps.db.sql, { companyId: company.id, limit: query.limit, minCount: query.minCount });
  const notesOf = await silenceNotes(deps, runs);
  return runs.map((run) => presentLiveRun(run, notesOf(run)));
}

/** API-132. */
export async function readIssueLiveRuns(deps: ApiDeps, query: { caller: Principal; ref: string }): Promise<object[]> {
  const issue = await requireIssue(deps, query);
  const runs = await listIssueLiveRuns(deps.db.sql, issue);
  const notesOf = await silenceNotes(deps, runs);
  return runs.map((run) => presentIssueLiveRun(run, notesOf(run)));
}

/** API-133. */
export async function readActiveIssueRun(
  deps: ApiDeps,
  query: { caller: Principal; ref: string },
): Promise<object | null> {
  const issue = await requireIssue(deps, query);
  const run = await findActiveIssueRun(deps.db.sql, issue.id);
  if (run === null) return null;
  const notesOf = await silenceNotes(deps, [run]);
  return presentIssueLiveRun(run, notesOf(run));
}

/** RC-41: read once for all runs of an answer. A run that went meanwhile is judged by this process's clock. */
async function silenceNotes(
  deps: ApiDeps,
  runs: readonly Pick<RunRow, "id">[],
): Promise<(run: Pick<RunRow, "id">) => RunSilence> {
  const notes = await readSilenceNotes(
    deps.db.sql,
    runs.map((run) => run.id),
  );
  const { silence: thresholds } = deps.settings;
  return (run) => ({ ...(notes.get(run.id) ?? { now: deps.now(), ...NOTHING_NOTED }), thresholds });
}

const NOTHING_NOTED = {
  snoozedUntil: null,
  evaluationIssueId: null,
  evaluationIssueIdentifier: null,
  evaluationIssueAssigneeAgentId: null,
};

/** API-134. */
export async function readIssueRuns(deps: ApiDeps, query: { caller: Principal; ref: string }): Promise<object[]> {
  const issue = await requireIssue(deps, query);
  const runs = await listIssueRuns(deps.db.sql, {
    issueId: issue.id,
    companyId: issue.companyId,
    limit: ISSUE_RUNS_LIMIT,
  });
  const exhausted = await exhaustedReasons(deps, runs);
  const shown = await deps.runTexts.answerable(runs);
  return shown.map((run) => ({ ...presentIssueRun(run), retryExhaustedReason: exhausted.get(run.id) ?? null }));
}

/** RD-4: only a run that failed transiently can have used its retries up. */
function exhaustedReasons(deps: ApiDeps, runs: readonly RunRow[]): Promise<ReadonlyMap<string, string>> {
  const failed = runs.filter(({ status, errorCode, resultJson }) =>
    status === "failed" ? isTransientFailure({ status, errorCode, resultJson }) : false,
  );
  return readRetryExhaustedReasons(
    deps.db.sql,
    failed.map((run) => run.id),
  );
}
