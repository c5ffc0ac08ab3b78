/** RC-46a: an issue whose run has been silent for too long waits for the review of that run. */
import { silentSourceComment } from "@wakefleet/domain";
import { addBlocker, type IssueRow, listOpenBlockerIds, type Sql, updateIssue } from "@wakefleet/store";
import type { AfterCommit } from "../runs/after-commit.js";
import { noteRecovery } from "./note-activity.js";
import { commentAsService } from "./service-comment.js";

/**
 * Blocks the source on the evaluation, unless it is over or waits for it already. Both rows are locked. The running run keeps
 * the issue's execution lock: it still works on it.
 */
export async function blockSilentSource(
  tx: Sql,
  silent: { readonly source: IssueRow | null; readonly evaluation: IssueRow; readonly runId: string },
  after: AfterCommit,
): Promise<void> {
  const { source, evaluation, runId } = silent;
  if (source === null || source.status === "done" || source.status === "cancelled") return;
  const { companyId, id: issueId } = source;
  if (!(await addBlocker(tx, { companyId, issueId, blockerId: evaluation.id }))) return;
  await updateIssue(tx, { id: issueId, changes: { status: "blocked" } });
  await commentAsService(tx, { companyId, issueId, runId, body: silentSourceComment({ evaluation, runId }) });
  await noteRecovery(
    tx,
    {
      companyId,
      action: "heartbeat.output_stale_escalated",
      entityType: "issue",
      entityId: issueId,
      runId,
      details: {
        source: "recovery.scan_silent_active_runs",
        evaluationIssueId: evaluation.id,
        blockerIssueIds: await listOpenBlockerIds(tx, issueId),
      },
    },
    after,
  );
}
