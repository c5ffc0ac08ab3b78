/**
 * What happens to an issue whose one automatic retry failed (RC-20 to RC-28): it becomes `blocked`, says so, and an issue
 * is made for the first who may be asked to repair it. The issue's row is locked and its facts were read under the lock.
 */
import { experimentalSettings, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import {
  type AutomaticRecovery,
  blockedInPlaceComment,
  chooseOwner,
  escalationComment,
  RECOVERY_ORIGINS,
  type RecoveryRun,
  recoveryIssueDescription,
} from "@wakefleet/domain";
import {
  clearIssueLocks,
  findOpenIssueOfOrigin,
  type IssueRow,
  listOpenBlockerIds,
  listOwnerCandidates,
  type OwnerQuery,
  type RecoveryFactsRow,
  type RunRow,
  readInstanceSettings,
  replaceBlockers,
  type Sql,
  updateIssue,
} from "@wakefleet/store";
import type { NewId } from "../ids.js";
import type { FaultPoints } from "../ports.js";
import type { AfterCommit } from "../runs/after-commit.js";
import { noteRecovery } from "./note-activity.js";
import { makeRecoveryIssue } from "./recovery-issue.js";
import { commentAsService } from "./service-comment.js";
import { wakeRecoveryOwner } from "./system-wake.js";

export interface Escalation {
  readonly newId: NewId;
  readonly facts: RecoveryFactsRow;
  readonly recovery: AutomaticRecovery;
  readonly origin: "sweep" | "release";
  readonly after: AfterCommit;
  readonly faults?: FaultPoints | undefined;
}

/** RC-27: who may be asked, in order. */
export function strandedOwners(issue: IssueRow): OwnerQuery {
  const { companyId, projectId, assigneeAgentId, createdByAgentId } = issue;
  return {
    companyId,
    projectId,
    managersOf: [assigneeAgentId, createdByAgentId],
    named: [createdByAgentId],
    executives: true,
    last: [assigneeAgentId],
  };
}

/** Blocks the issue; a recovery issue makes no other one (RC-22). Locks the owner's row. */
export async function escalateIssue(tx: Sql, escalation: Escalation): Promise<void> {
  const isRecoveryIssue = escalation.facts.issue.originKind === RECOVERY_ORIGINS.strandedIssue;
  await (isRecoveryIssue ? blockInPlace(tx, escalation) : blockOnRecovery(tx, escalation));
}

function recoveryRun(run: RunRow | null): RecoveryRun | null {
  if (run === null) return null;
  const { id, agentId, status, error, errorCode, contextSnapshot } = run;
  return { id, agentId, status, error, errorCode, retryReason: nonEmptyString(contextSnapshot?.["retryReason"]) };
}

async function blockOnRecovery(tx: Sql, escalation: Escalation): Promise<void> {
  const { facts, origin, after, newId } = escalation;
  const { issue, issuePrefix: prefix } = facts;
  const run = recoveryRun(facts.run);
  const owner = chooseOwner(await listOwnerCandidates(tx, strandedOwners(issue)));
  await escalation.faults?.hit("before-recovery-issue");
  const made = await findOrMakeRecoveryIssue(tx, escalation, owner);
  const blockedBy = [...(await listOpenBlockerIds(tx, issue.id)), ...(made === null ? [] : [made.issue.id])];
  const blockers = await replaceBlockers(tx, {
    companyId: issue.companyId,
    issueId: issue.id,
    blockedBy,
    createdBy: { agentId: null, userId: null },
  });
  if (blockers.outcome !== "set") {
    throw new Error(`issue ${issue.id} cannot be blocked by ${blockedBy.join(", ")}: ${blockers.outcome}`);
  }
  const status = issue.status === "todo" ? "todo" : "in_progress";
  await block(tx, escalation, {
    comment: escalationComment({ prefix, origin, status, run, recoveryIssue: made?.issue ?? null }),
    details: {
      source: "recovery.reconcile_stranded_assigned_issue",
      recoveryIssueId: made?.issue.id ?? null,
      blockerIssueIds: [...new Set(blockedBy)],
    },
  });
  if (made?.isNew !== true || made.issue.assigneeAgentId === null) return;
  await wakeRecoveryOwner(
    tx,
    { newId, after },
    {
      agentId: made.issue.assigneeAgentId,
      companyId: issue.companyId,
      issueId: made.issue.id,
      about: { sourceIssueId: issue.id, strandedRunId: facts.run?.id ?? null },
      origin: RECOVERY_ORIGINS.strandedIssue,
    },
  );
}

/** RC-24; null: there is none and nobody to give one to. */
async function findOrMakeRecoveryIssue(
  tx: Sql,
  { facts, recovery }: Escalation,
  owner: string | null,
): Promise<{ issue: IssueRow; isNew: boolean } | null> {
  const { issue, run, issuePrefix: prefix } = facts;
  const origin = {
    originKind: RECOVERY_ORIGINS.strandedIssue,
    originId: issue.id,
    originRunId: run?.id ?? null,
    originFingerprint: `${RECOVERY_ORIGINS.strandedIssue}:${issue.companyId}:${issue.id}:${run?.id ?? "no-run"}`,
  };
  if (owner === null) {
    const found = await findOpenIssueOfOrigin(tx, { companyId: issue.companyId, ...origin });
    return found === null ? null : { issue: found, isNew: false };
  }
  const retryReason = nonEmptyString(run?.contextSnapshot?.["retryReason"]) ?? recovery.retryReason;
  const description = recoveryIssueDescription({
    prefix,
    source: issue,
    previousStatus: issue.status,
    retryReason,
    run: recoveryRun(run),
  });
  return makeRecoveryIssue(tx, {
    ...origin,
    companyId: issue.companyId,
    title: `Recover stalled issue ${issue.identifier ?? issue.title}`,
    description,
    priority: issue.priority,
    assigneeAgentId: owner,
    parentId: issue.id,
    like: issue,
    workspaceOf: (await usesIsolatedWorkspaces(tx)) ? issue : null,
  });
}

async function usesIsolatedWorkspaces(tx: Sql): Promise<boolean> {
  return experimentalSettings(await readInstanceSettings(tx)).enableIsolatedWorkspaces;
}

/** RC-22. */
async function blockInPlace(tx: Sql, escalation: Escalation): Promise<void> {
  const { issue, issuePrefix: prefix, run } = escalation.facts;
  await block(tx, escalation, {
    comment: blockedInPlaceComment({ prefix, issue, status: issue.status, run: recoveryRun(run) }),
    details: {
      source: "recovery.reconcile_stranded_recovery_issue",
      originKind: issue.originKind,
      originId: issue.originId,
    },
  });
}

/**
 * RC-20 (b), RC-85: from the status it was judged in; the lock on its row is what makes this a compare-and-set. The
 * comment and the activity say why.
 */
async function block(
  tx: Sql,
  { facts, after }: Escalation,
  said: { readonly comment: string; readonly details: JsonObject },
): Promise<void> {
  const { id: issueId, companyId } = facts.issue;
  await updateIssue(tx, { id: issueId, changes: { status: "blocked" } });
  await clearIssueLocks(tx, issueId);
  await commentAsService(tx, { companyId, issueId, body: said.comment });
  const details = { ...blockedDetails(facts), ...said.details };
  await noteRecovery(
    tx,
    { companyId, action: "issue.updated", entityType: "issue", entityId: issueId, details },
    after,
  );
}

function blockedDetails({ issue, run }: RecoveryFactsRow) {
  return {
    identifier: issue.identifier,
    status: "blocked",
    previousStatus: issue.status,
    latestRunId: run?.id ?? null,
    latestRunStatus: run?.status ?? null,
    latestRunErrorCode: run?.errorCode ?? null,
  };
}
