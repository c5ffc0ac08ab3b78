/** RC-30 to RC-32: a blocker that nobody is assigned to goes back to the agent that made it. Part of `stranded-work`. */
import { isInvokable, orphanBlockerComment } from "@wakefleet/domain";
import {
  listOpenBlocked,
  listOrphanBlockers,
  lockAgents,
  lockIssue,
  readIssuePrefix,
  updateIssue,
} from "@wakefleet/store";
import { noteRecovery } from "../recovery/note-activity.js";
import { forEachSlice, inRecovery, type RecoverySweepDeps, SWEEP_SLICE } from "../recovery/recovery-deps.js";
import { commentAsService } from "../recovery/service-comment.js";
import { wakeFromService } from "../recovery/system-wake.js";

export interface AssignedOrphans {
  readonly assigned: number;
  readonly skipped: number;
  readonly failed: number;
  readonly issueIds: readonly string[];
}

interface Orphan {
  readonly issueId: string;
  readonly creatorAgentId: string;
}

/** Assigns each once: under its row's lock, from nobody. */
export async function assignOrphanBlockers(deps: RecoverySweepDeps, signal: AbortSignal): Promise<AssignedOrphans> {
  let assigned = 0;
  let skipped = 0;
  const issueIds: string[] = [];
  const failed = await forEachSlice<Orphan>(
    {
      signal,
      log: deps.log,
      sweep: "stranded-work",
      next: (after) => listOrphanBlockers(deps.db.sql, { afterId: after?.issueId ?? null, limit: SWEEP_SLICE }),
      nameOf: (orphan) => orphan.issueId,
    },
    async (orphan) => {
      const outcome = await assignOrphan(deps, orphan);
      if (outcome !== "skipped") issueIds.push(orphan.issueId);
      if (outcome === "woken") assigned += 1;
      else skipped += 1;
    },
  );
  return { assigned, skipped, failed, issueIds };
}

async function assignOrphan(
  deps: RecoverySweepDeps,
  { issueId, creatorAgentId }: Orphan,
): Promise<"woken" | "assigned" | "skipped"> {
  return inRecovery(deps, async (tx, after) => {
    const { agents } = await lockAgents(tx, [creatorAgentId]);
    const creator = agents.get(creatorAgentId);
    const issue = await lockIssue(tx, issueId);
    if (issue === null || creator === undefined) return "skipped";
    const isOrphan = issue.assigneeAgentId === null && issue.assigneeUserId === null && issue.hiddenAt === null;
    const isOpen = issue.status === "todo" || issue.status === "blocked";
    const isTheirs = issue.createdByAgentId === creator.id && creator.companyId === issue.companyId;
    if (!isOrphan || !isOpen || !isTheirs || !isInvokable(creator.status)) return "skipped";
    const { companyId, identifier } = issue;
    const blocked = await listOpenBlocked(tx, { companyId, issueId });
    if (blocked.length === 0) return "skipped";
    await updateIssue(tx, { id: issueId, changes: { assigneeAgentId: creator.id } });
    const body = orphanBlockerComment(await readIssuePrefix(tx, companyId), blocked);
    await commentAsService(tx, { companyId, issueId, body });
    await noteRecovery(
      tx,
      {
        companyId,
        action: "issue.updated",
        entityType: "issue",
        entityId: issueId,
        details: {
          identifier,
          assigneeAgentId: creator.id,
          source: "recovery.reconcile_unassigned_blocking_issue",
        },
      },
      after,
    );
    const result = await wakeFromService(
      tx,
      { newId: deps.newId, after },
      {
        agentId: creator.id,
        companyId,
        source: "automation",
        reason: "issue_assigned",
        payload: { issueId, mutation: "unassigned_blocker_recovery" },
        context: {
          issueId,
          taskId: issueId,
          wakeReason: "issue_assigned",
          source: "issue.unassigned_blocker_recovery",
        },
      },
    );
    return result.outcome === "queued" || result.outcome === "coalesced" ? "woken" : "assigned";
  });
}
