/** AC-24: the activity row of a run that a hold stopped before its adapter. */
import { insertActivity, type RunRow, type Sql } from "@wakefleet/store";
import type { AfterCommit } from "./after-commit.js";

/** Writes it, and what is to be told after the commit. */
export async function noteInterruption(
  tx: Sql,
  { run, hold }: { readonly run: RunRow; readonly hold: { readonly holdId: string; readonly rootIssueId: string } },
  after: AfterCommit,
): Promise<void> {
  const entry = {
    companyId: run.companyId,
    actorType: "system",
    actorId: "system",
    action: "issue.tree_hold_run_interrupted",
    entityType: "heartbeat_run",
    entityId: run.id,
    agentId: run.agentId,
    runId: run.id,
    details: {
      issueId: run.issueId,
      holdId: hold.holdId,
      rootIssueId: hold.rootIssueId,
      source: "heartbeat.claim_queued_run",
    },
  };
  await insertActivity(tx, [entry]);
  const { companyId, ...payload } = entry;
  after.events.push({ companyId, type: "activity.logged", payload });
}
