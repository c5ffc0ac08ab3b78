/**
 * The sweep `issue-graph` (06 section 7): blocked chains that nobody can move get an issue for somebody who can. Three steps:
 * escalations whose incident is over are retired, always; then, where the setting says so, each finding within the lookback
 * is escalated once. Every effect is decided again under the locks of the issues concerned (RC-85).
 */
import { experimentalSettings } from "@wakefleet/contracts";
import {
  chooseOwner,
  clampLookbackHours,
  currentEscalations,
  escalationTitle,
  findGraphIncidents,
  type GraphFacts,
  type GraphFinding,
  graphEscalationComment,
  graphEscalationDescription,
  graphOwners,
  latestChangeOf,
  planBlockersRestoredWakes,
  RECOVERY_ORIGINS,
} from "@wakefleet/domain";
import {
  addBlocker,
  clearIssueLocks,
  findDependents,
  findOpenIssueOfOrigin,
  type IssueRow,
  isIssueHeld,
  isWorkedOn,
  listBudgetFacts,
  listCompanyAgents,
  listGraphCompanies,
  listOpenBlockerIds,
  listOpenEscalations,
  lockAgents,
  lockIssue,
  lockIssueRelations,
  lockIssueRows,
  readDatabaseNow,
  readGraphFacts,
  readInstanceSettings,
  readIssueSurroundings,
  removeFromAllBlockers,
  type Sql,
  updateIssue,
} from "@wakefleet/store";
import type { ActivityActor } from "../activity/note-activities.js";
import { holdsOnly, wakeAfterEnds } from "../issues/wake-after-ends.js";
import { noteRecovery } from "../recovery/note-activity.js";
import { inRecovery, type RecoverySweepDeps } from "../recovery/recovery-deps.js";
import { makeRecoveryIssue } from "../recovery/recovery-issue.js";
import { commentAsService } from "../recovery/service-comment.js";
import { wakeRecoveryOwner } from "../recovery/system-wake.js";
import type { AfterCommit } from "../runs/after-commit.js";

export interface GraphReconcileQuery {
  /** Also where the setting is off (RC-68). */
  readonly forced?: boolean;
  /** Absent: the setting's. */
  readonly lookbackHours?: number;
}

/** RC-66. */
export interface GraphReconcileResult {
  readonly findings: number;
  readonly autoRecoveryEnabled: boolean;
  readonly lookbackHours: number;
  readonly cutoff: string;
  readonly escalationsCreated: number;
  readonly existingEscalations: number;
  readonly skipped: number;
  readonly skippedAutoRecoveryDisabled: number;
  readonly skippedOutsideLookback: number;
  readonly obsoleteRecoveriesRetired: number;
  readonly obsoleteRecoveriesActiveSkipped: number;
  readonly obsoleteRecoveryBlockerRelationsRemoved: number;
  readonly issueIds: readonly string[];
  readonly escalationIssueIds: readonly string[];
  readonly retiredRecoveryIssueIds: readonly string[];
  /** What could not be looked at. */
  readonly failed: number;
}

type Counts = {
  -readonly [Name in keyof GraphReconcileResult]: GraphReconcileResult[Name] extends readonly string[]
    ? string[]
    : GraphReconcileResult[Name];
};

interface Round {
  readonly deps: RecoverySweepDeps;
  readonly signal: AbortSignal;
  readonly enabled: boolean;
  readonly cutoffMs: number;
  readonly counts: Counts;
}

/** One round over all companies. `ofCompany` is told what was escalated in each (RC-68). */
export async function reconcileIssueGraph(
  deps: RecoverySweepDeps,
  signal: AbortSignal,
  query: GraphReconcileQuery = {},
  ofCompany?: (companyId: string, result: GraphReconcileResult) => Promise<void>,
): Promise<GraphReconcileResult> {
  const settings = await readGraphSettings(deps.db.sql);
  const lookbackHours = clampLookbackHours(query.lookbackHours ?? settings.lookbackHours);
  const enabled = settings.enabled || query.forced === true;
  const now = await readDatabaseNow(deps.db.sql);
  const cutoffMs = now.getTime() - lookbackHours * 3_600_000;
  const whole = noCounts(settings.enabled, lookbackHours, cutoffMs);
  for (const companyId of await listGraphCompanies(deps.db.sql)) {
    if (signal.aborted) break;
    const counts = noCounts(settings.enabled, lookbackHours, cutoffMs);
    await reconcileCompany({ deps, signal, enabled, cutoffMs, counts }, companyId);
    addCounts(whole, counts);
    await ofCompany?.(companyId, counts);
  }
  return whole;
}

/** RC-58. */
async function readGraphSettings(sql: Sql): Promise<{ enabled: boolean; lookbackHours: number }> {
  const settings = experimentalSettings(await readInstanceSettings(sql));
  return {
    enabled: settings.enableIssueGraphLivenessAutoRecovery,
    lookbackHours: settings.issueGraphLivenessAutoRecoveryLookbackHours,
  };
}

function noCounts(autoRecoveryEnabled: boolean, lookbackHours: number, cutoffMs: number): Counts {
  return {
    findings: 0,
    autoRecoveryEnabled,
    lookbackHours,
    cutoff: new Date(cutoffMs).toISOString(),
    escalationsCreated: 0,
    existingEscalations: 0,
    skipped: 0,
    skippedAutoRecoveryDisabled: 0,
    skippedOutsideLookback: 0,
    obsoleteRecoveriesRetired: 0,
    obsoleteRecoveriesActiveSkipped: 0,
    obsoleteRecoveryBlockerRelationsRemoved: 0,
    issueIds: [],
    escalationIssueIds: [],
    retiredRecoveryIssueIds: [],
    failed: 0,
  };
}

function addCounts(whole: Counts, part: Counts): void {
  for (const name of Object.keys(part) as (keyof Counts)[]) {
    const value = part[name];
    if (Array.isArray(value)) (whole[name] as string[]).push(...value);
    else if (typeof value === "number" && name !== "lookbackHours") (whole[name] as number) += value;
  }
}

async function reconcileCompany(round: Round, companyId: string): Promise<void> {
  const { deps, signal, counts } = round;
  const facts = await readGraphFacts(deps.db.sql, companyId);
  const findings = findGraphIncidents(facts);
  counts.findings += findings.length;
  const open = await listOpenEscalations(deps.db.sql, companyId);
  const current = currentEscalations(facts, open);
  for (const escalation of open) {
    if (signal.aborted) return;
    if (!current.has(escalation.id)) await quietly(round, escalation.id, () => retire(round, escalation));
  }
  if (!round.enabled) {
    counts.skippedAutoRecoveryDisabled += findings.length;
    return;
  }
  for (const finding of findings) {
    if (signal.aborted) return;
    const latest = latestChangeOf(finding.dependencyPath, facts.issues);
    if (latest === null || latest < round.cutoffMs) {
      counts.skippedOutsideLookback += 1;
      counts.skipped += 1;
      continue;
    }
    await quietly(round, finding.issueId, () => escalate(round, finding));
  }
}

/** RC-19c, for this sweep. */
async function quietly(round: Round, id: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    round.counts.failed += 1;
    round.deps.log.warn({ event: "sweep.item_failed", sweep: "issue-graph", id, err: error }, "the sweep goes on");
  }
}

const RECOVERY: ActivityActor = { type: "system", id: "system", agentId: null, userId: null, runId: null };

/** RC-59: off the blockers of every issue it blocks, and `cancelled` unless somebody works on it. */
async function retire(round: Round, seen: IssueRow): Promise<void> {
  const { deps, counts } = round;
  const scope = await readIssueSurroundings(deps.db.sql, [seen.id]);
  const outcome = await inRecovery(deps, async (tx, after) => {
    await lockAgents(tx, scope.agentIds);
    await lockIssueRelations(tx, seen.companyId);
    const escalation = (await lockIssueRows(tx, scope.issueIds)).get(seen.id);
    if (escalation === undefined || escalation.status === "done" || escalation.status === "cancelled") return null;
    const facts = await readGraphFacts(tx, escalation.companyId);
    if (currentEscalations(facts, [escalation]).has(escalation.id)) return null;
    const { companyId, id: issueId } = escalation;
    const freed = await removeFromAllBlockers(tx, { companyId, issueId });
    const retired = !(await isWorkedOn(tx, escalation));
    if (retired) {
      await updateIssue(tx, { id: issueId, changes: { status: "cancelled" } });
      await clearIssueLocks(tx, issueId);
    }
    // W18, W19: whoever waited for it may go on.
    await wakeAfterEnds(
      { tx, after, newId: deps.newId, log: deps.log, actor: RECOVERY, hold: holdsOnly(scope) },
      retired ? [{ issueId, was: escalation.status }] : [],
      planBlockersRestoredWakes(await findDependents(tx, freed)),
    );
    return { removed: freed.length, retired };
  });
  if (outcome === null) return;
  counts.obsoleteRecoveryBlockerRelationsRemoved += outcome.removed;
  if (!outcome.retired) counts.obsoleteRecoveriesActiveSkipped += 1;
  else {
    counts.obsoleteRecoveriesRetired += 1;
    counts.retiredRecoveryIssueIds.push(seen.id);
  }
}

/** RC-62, RC-63. */
async function escalate(round: Round, seen: GraphFinding): Promise<void> {
  const { deps, counts } = round;
  const foreseen = await ownersOf(deps.db.sql, seen);
  const outcome = await inRecovery(
    deps,
    async (tx, after): Promise<"skipped" | { issue: IssueRow; isNew: boolean }> => {
      await lockAgents(tx, foreseen.owner === null ? [] : [foreseen.owner]);
      const rows = new Map<string, IssueRow | null>();
      for (const id of [...new Set([seen.issueId, seen.recoveryIssueId])].sort()) rows.set(id, await lockIssue(tx, id));
      const source = rows.get(seen.issueId);
      const leaf = rows.get(seen.recoveryIssueId);
      if (source == null || leaf == null) return "skipped";
      const facts = await readGraphFacts(tx, seen.companyId);
      const finding = findGraphIncidents(facts).find((one) => one.incidentKey === seen.incidentKey);
      if (finding === undefined || (await isIssueHeld(tx, source))) return "skipped";
      const existing = await findEscalation(tx, finding);
      if (existing !== null) {
        await blockOn(tx, { source, escalation: existing }, after);
        return { issue: existing, isNew: false };
      }
      return create(tx, { deps, finding, source, leaf, facts, foreseen, after });
    },
  );
  if (outcome === "skipped") {
    counts.skipped += 1;
    return;
  }
  counts[outcome.isNew ? "escalationsCreated" : "existingEscalations"] += 1;
  counts.issueIds.push(seen.issueId);
  counts.escalationIssueIds.push(outcome.issue.id);
}

/** RC-62: by incident, else by leaf. */
async function findEscalation(tx: Sql, { companyId, incidentKey, leafKey }: GraphFinding): Promise<IssueRow | null> {
  const originKind = RECOVERY_ORIGINS.graphIncident;
  return (
    (await findOpenIssueOfOrigin(tx, { companyId, originKind, originId: incidentKey })) ??
    (await findOpenIssueOfOrigin(tx, { companyId, originKind, originFingerprint: leafKey }))
  );
}

interface Owners {
  readonly owner: string | null;
  readonly candidates: readonly { agentId: string; reason: string; sourceIssueId: string }[];
  readonly budgetBlocked: readonly string[];
}

/** RC-57, RC-62: the first candidate within budget for the leaf and its project. */
async function ownersOf(sql: Sql, finding: GraphFinding): Promise<Owners> {
  const facts = await readGraphFacts(sql, finding.companyId);
  const leaf = facts.issues.get(finding.recoveryIssueId);
  if (leaf === undefined) return { owner: null, candidates: [], budgetBlocked: [] };
  const candidates = graphOwners(leaf, await listCompanyAgents(sql, finding.companyId));
  const budgetBlocked: string[] = [];
  for (const { agentId } of candidates) {
    const [fact] = await listBudgetFacts(sql, { companyId: finding.companyId, issueId: leaf.id, agentIds: [agentId] });
    if (fact !== undefined && chooseOwner([fact]) !== null) return { owner: agentId, candidates, budgetBlocked };
    budgetBlocked.push(agentId);
  }
  return { owner: null, candidates, budgetBlocked };
}

async function create(
  tx: Sql,
  work: {
    deps: RecoverySweepDeps;
    finding: GraphFinding;
    source: IssueRow;
    leaf: IssueRow;
    facts: GraphFacts;
    foreseen: Owners;
    after: AfterCommit;
  },
): Promise<"skipped" | { issue: IssueRow; isNew: boolean }> {
  const { deps, finding, source, leaf, after } = work;
  const owners = await ownersOf(tx, finding);
  // Another than the one that is locked: the next round locks it.
  if (owners.owner === null || owners.owner !== work.foreseen.owner) return "skipped";
  const { owner } = owners;
  const candidateAgentIds = owners.candidates.map(({ agentId }) => agentId);
  const reusesWorkspace = leaf.id !== source.id && owner === leaf.assigneeAgentId;
  const { companyId } = finding;
  const made = await makeRecoveryIssue(tx, {
    companyId,
    originKind: RECOVERY_ORIGINS.graphIncident,
    originId: finding.incidentKey,
    originRunId: null,
    originFingerprint: finding.leafKey,
    title: escalationTitle(leaf),
    description: graphEscalationDescription({ finding, source, leaf, ownerAgentId: owner, candidateAgentIds }),
    priority: "high",
    assigneeAgentId: owner,
    parentId: leaf.id,
    like: leaf,
    workspaceOf: reusesWorkspace ? leaf : null,
  });
  const { issue: escalation, isNew } = made;
  await blockOn(tx, { source, escalation }, after);
  if (!isNew) return made;
  await commentAsService(tx, { companyId, issueId: source.id, body: graphEscalationComment(finding, escalation) });
  const selected = owners.candidates.find(({ agentId }) => agentId === owner);
  await noteRecovery(
    tx,
    {
      companyId,
      action: "issue.harness_liveness_escalation_created",
      entityType: "issue",
      entityId: escalation.id,
      agentId: owner,
      details: {
        source: "recovery.reconcile_issue_graph_liveness",
        incidentKey: finding.incidentKey,
        findingState: finding.state,
        sourceIssueId: source.id,
        sourceIdentifier: source.identifier,
        recoveryIssueId: leaf.id,
        recoveryIdentifier: leaf.identifier,
        escalationIssueId: escalation.id,
        escalationIdentifier: escalation.identifier,
        dependencyPath: finding.dependencyPath.map((issue) => ({ ...issue })),
        ownerSelection: {
          selectedAgentId: owner,
          selectedReason: selected?.reason ?? null,
          selectedSourceIssueId: selected?.sourceIssueId ?? null,
          candidateAgentIds,
          candidateReasons: owners.candidates.map(({ reason }) => reason),
          budgetBlockedCandidateAgentIds: [...owners.budgetBlocked],
        },
        workspaceSelection: {
          reuseRecoveryExecutionWorkspace: reusesWorkspace,
          executionWorkspaceId: reusesWorkspace ? leaf.executionWorkspaceId : null,
        },
      },
    },
    after,
  );
  await wakeRecoveryOwner(
    tx,
    { newId: deps.newId, after },
    {
      agentId: owner,
      companyId,
      issueId: escalation.id,
      about: { sourceIssueId: source.id, recoveryIssueId: leaf.id, incidentKey: finding.incidentKey },
      origin: RECOVERY_ORIGINS.graphIncident,
    },
  );
  return made;
}

/** RC-64: one blocker more; nothing is written where it already is so. */
async function blockOn(
  tx: Sql,
  { source, escalation }: { source: IssueRow; escalation: IssueRow },
  after: AfterCommit,
): Promise<void> {
  const { companyId, id: issueId } = source;
  const added = await addBlocker(tx, { companyId, issueId, blockerId: escalation.id });
  if (source.status !== "blocked") {
    await updateIssue(tx, { id: issueId, changes: { status: "blocked" } });
    await clearIssueLocks(tx, issueId);
  }
  if (!added) return;
  await noteRecovery(
    tx,
    {
      companyId,
      action: "issue.blockers.updated",
      entityType: "issue",
      entityId: issueId,
      details: {
        identifier: source.identifier,
        source: "recovery.reconcile_issue_graph_liveness",
        escalationIssueId: escalation.id,
        blockerIssueIds: await listOpenBlockerIds(tx, issueId),
      },
    },
    after,
  );
}
