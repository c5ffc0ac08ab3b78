/**
 * The sweep `silent-runs` (06 section 6): running runs that have said nothing for long get an issue in which somebody
 * decides about them. The process is never stopped by it. One transaction a run, with the source issue's and the run's row
 * locked (RC-85).
 */
import {
  chooseOwner,
  criticalSilenceComment,
  DEFAULT_SILENCE_THRESHOLDS,
  decideSilentRun,
  evaluationDescription,
  judgeSilence,
  RECOVERY_ORIGINS,
  type SilenceThresholds,
  type SilentScanDecision,
} from "@wakefleet/domain";
import {
  findIssue,
  findSourceIssueId,
  type IssueRow,
  listOwnerCandidates,
  listSilentRuns,
  lockAgents,
  lockIssue,
  lockSilentRun,
  type OwnerQuery,
  readEvaluationEvidence,
  type SilentRunFacts,
  type Sql,
  updateIssue,
} from "@wakefleet/store";
import { blockSilentSource } from "../recovery/block-source.js";
import { noteRecovery } from "../recovery/note-activity.js";
import { forEachSlice, inRecovery, type RecoverySweepDeps, SWEEP_SLICE } from "../recovery/recovery-deps.js";
import { makeRecoveryIssue } from "../recovery/recovery-issue.js";
import { commentAsService } from "../recovery/service-comment.js";
import { wakeRecoveryOwner } from "../recovery/system-wake.js";
import type { AfterCommit } from "../runs/after-commit.js";

export interface SilentScanDeps extends RecoverySweepDeps {
  /** The last bytes of a run's log as plain output, as it is now; null: there is none (RC-47a). */
  readonly readLogTail: (logRef: string) => Promise<string | null>;
  readonly thresholds?: SilenceThresholds;
}

export interface SilentScanQuery {
  readonly companyId?: string;
  /** Absent: the database's clock. */
  readonly now?: Date;
}

/** RC-44. */
export interface SilentScanResult {
  readonly scanned: number;
  readonly created: number;
  readonly existing: number;
  readonly escalated: number;
  readonly snoozed: number;
  readonly skipped: number;
  readonly failed: number;
  readonly evaluationIssueIds: readonly string[];
}

interface SilentRun {
  readonly id: string;
  readonly agentId: string;
  readonly companyId: string;
  readonly logRef: string | null;
}

type Outcome = {
  readonly counter: "created" | "existing" | "escalated" | "snoozed" | "skipped" | null;
  readonly issueId: string | null;
};

/** One scan over the fleet, or over one company. */
export async function scanSilentRuns(
  deps: SilentScanDeps,
  signal: AbortSignal,
  query: SilentScanQuery = {},
): Promise<SilentScanResult> {
  const { suspicionMs } = deps.thresholds ?? DEFAULT_SILENCE_THRESHOLDS;
  const now = query.now ?? null;
  const counts = { scanned: 0, created: 0, existing: 0, escalated: 0, snoozed: 0, skipped: 0, failed: 0 };
  const evaluationIssueIds: string[] = [];
  counts.failed = await forEachSlice<SilentRun>(
    {
      signal,
      log: deps.log,
      sweep: "silent-runs",
      next: async (after) => {
        const afterId = after?.id ?? null;
        const { runs, snoozed } = await listSilentRuns(deps.db.sql, {
          suspicionMs,
          companyId: query.companyId ?? null,
          now,
          limit: SWEEP_SLICE,
          afterId,
        });
        if (after === null) {
          counts.snoozed += snoozed;
          counts.scanned += snoozed;
        }
        return runs;
      },
      nameOf: (run) => run.id,
    },
    async (run) => {
      counts.scanned += 1;
      const { counter, issueId } = await scanRun(deps, run, now);
      if (counter !== null) counts[counter] += 1;
      if (issueId !== null) evaluationIssueIds.push(issueId);
    },
  );
  return { ...counts, evaluationIssueIds };
}

/** RC-47b: who may be asked. */
function evaluationOwners(run: SilentRun, source: IssueRow | null): OwnerQuery {
  const { companyId, agentId } = run;
  const managersOf = [source?.assigneeAgentId ?? null, agentId];
  return { companyId, projectId: source?.projectId ?? null, managersOf, named: [], executives: true, last: [] };
}

async function scanRun(deps: SilentScanDeps, run: SilentRun, now: Date | null): Promise<Outcome> {
  const sourceId = await findSourceIssueId(deps.db.sql, run.id);
  const seen = sourceId === null ? null : await findIssue(deps.db.sql, { id: sourceId });
  const owners = await listOwnerCandidates(deps.db.sql, evaluationOwners(run, seen));
  const logTail = run.logRef === null ? null : await readTail(deps, run, run.logRef);
  return inRecovery(deps, async (tx, after) => {
    await lockAgents(
      tx,
      owners.map(({ agentId }) => agentId),
    );
    const source = sourceId === null ? null : await lockIssue(tx, sourceId);
    const facts = await lockSilentRun(tx, { runId: run.id, now });
    if (facts === null) return { counter: null, issueId: null };
    const decision = decide(deps, facts);
    const scan: Scan = { deps, run, source, facts, logTail, after };
    switch (decision.kind) {
      case "none":
        return { counter: null, issueId: null };
      case "snoozed":
        return { counter: "snoozed", issueId: null };
      case "skip":
        return { counter: "skipped", issueId: null };
      case "existing":
        return { counter: "existing", issueId: facts.evaluation?.id ?? null };
      case "existing_critical":
        return raise(tx, scan, decision.raise);
      case "create":
        return create(tx, scan, decision.level);
    }
  });
}

interface Scan {
  readonly deps: SilentScanDeps;
  readonly run: SilentRun;
  readonly source: IssueRow | null;
  readonly facts: SilentRunFacts;
  readonly logTail: string | null;
  readonly after: AfterCommit;
}

function silenceOf(deps: SilentScanDeps, { run, now, snoozedUntil }: SilentRunFacts) {
  return judgeSilence(run, { now, snoozedUntil, ...(deps.thresholds && { thresholds: deps.thresholds }) });
}

function decide(deps: SilentScanDeps, facts: SilentRunFacts): SilentScanDecision {
  return decideSilentRun({ ...facts, silence: silenceOf(deps, facts), agentExists: facts.agent !== null });
}

/** RC-46. */
async function raise(tx: Sql, { deps, source, facts, after }: Scan, raises: boolean): Promise<Outcome> {
  const { evaluation, run } = facts;
  if (evaluation === null) return { counter: null, issueId: null };
  if (raises) {
    const ageMs = silenceOf(deps, facts).ageMs ?? 0;
    await updateIssue(tx, { id: evaluation.id, changes: { priority: "high" } });
    const body = criticalSilenceComment({ id: run.id, ageMs, lastOutputAt: run.lastOutputAt });
    await commentAsService(tx, { companyId: run.companyId, issueId: evaluation.id, runId: run.id, body });
  }
  await blockSilentSource(tx, { source, evaluation, runId: run.id }, after);
  return { counter: raises ? "escalated" : "existing", issueId: evaluation.id };
}

/** RC-47. */
async function create(tx: Sql, scan: Scan, level: "suspicious" | "critical"): Promise<Outcome> {
  const { deps, source, facts, after } = scan;
  const { run, agent } = facts;
  if (agent === null) return { counter: "skipped", issueId: null };
  const { companyId } = run;
  const owner = chooseOwner(await listOwnerCandidates(tx, evaluationOwners(scan.run, source)));
  const ageMs = silenceOf(deps, facts).ageMs ?? 0;
  const evidence = await readEvaluationEvidence(tx, { runId: run.id, companyId, sourceIssueId: source?.id ?? null });
  const isOpen = source !== null && source.status !== "done" && source.status !== "cancelled";
  const { issue, isNew } = await makeRecoveryIssue(tx, {
    companyId,
    originKind: RECOVERY_ORIGINS.silentRun,
    originId: run.id,
    originRunId: run.id,
    originFingerprint: `stale_active_run:${companyId}:${run.id}`,
    title: `Review silent active run for ${agent.name}`,
    description: evaluationDescription({
      prefix: facts.issuePrefix,
      level,
      run,
      agent,
      worker: facts.worker,
      source,
      ageMs,
      thresholds: deps.thresholds ?? DEFAULT_SILENCE_THRESHOLDS,
      logTail: scan.logTail,
      ...evidence,
    }),
    priority: level === "critical" ? "high" : "medium",
    assigneeAgentId: owner,
    parentId: isOpen ? source.id : null,
    like: source,
    workspaceOf: null,
  });
  if (!isNew) return { counter: "existing", issueId: issue.id };
  await noteRecovery(
    tx,
    {
      companyId,
      action: "heartbeat.output_stale_detected",
      entityType: "issue",
      entityId: issue.id,
      runId: run.id,
      details: {
        source: "recovery.scan_silent_active_runs",
        level,
        sourceIssueId: source?.id ?? null,
        silenceAgeMs: ageMs,
        lastOutputAt: run.lastOutputAt?.toISOString() ?? null,
      },
    },
    after,
  );
  if (level === "critical") await blockSilentSource(tx, { source, evaluation: issue, runId: run.id }, after);
  if (owner !== null) {
    await wakeRecoveryOwner(
      tx,
      { newId: deps.newId, after },
      {
        agentId: owner,
        companyId,
        issueId: issue.id,
        about: { staleRunId: run.id, sourceIssueId: source?.id ?? null },
        origin: RECOVERY_ORIGINS.silentRun,
      },
    );
  }
  return { counter: "created", issueId: issue.id };
}

/** What cannot be read is said to be missing; the scan goes on. */
async function readTail(deps: SilentScanDeps, run: SilentRun, logRef: string): Promise<string | null> {
  try {
    return await deps.readLogTail(logRef);
  } catch (error) {
    deps.log.warn({ event: "silent_run.log_unreadable", runId: run.id, err: error }, "the run's log could not be read");
    return null;
  }
}
