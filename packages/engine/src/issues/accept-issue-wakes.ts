/**
 * Accepts the wakes that a change of issues causes, in the change's own transaction, so that no accepted change loses its
 * wake (API-14). A wake that is refused never fails the change (CO-63): it is recorded and logged.
 */
import type { IssueWake } from "@wakefleet/domain";
import { findIssue, type Sql } from "@wakefleet/store";
import { type ActivityActor, noteActivities } from "../activity/note-activities.js";
import type { NewId } from "../ids.js";
import type { Log } from "../ports.js";
import type { AfterCommit } from "../runs/after-commit.js";
import { acceptWakeupsIn } from "../wakeups/accept-wakeups.js";

/** Decides the wakes. The caller holds their agents and then their issues. */
export async function acceptIssueWakes(
  tx: Sql,
  deps: { readonly newId: NewId; readonly log: Log; readonly after: AfterCommit },
  asked: { readonly actor: ActivityActor; readonly wakes: readonly IssueWake[] },
): Promise<void> {
  const { actor, wakes } = asked;
  if (wakes.length === 0) return;
  const accepted = await acceptWakeupsIn(
    tx,
    deps.newId,
    wakes.map((wake) => ({
      agentId: wake.agentId,
      companyId: null,
      source: wake.source,
      triggerDetail: "system",
      reason: wake.reason,
      payload: wake.payload,
      context: wake.context,
      actor: { type: actor.type, id: actor.id },
      idempotencyKey: null,
      fingerprint: null,
      logActivity: false,
    })),
  );
  deps.after.jobs.push(...accepted.jobs);
  deps.after.events.push(...accepted.events);
  for (const [index, result] of accepted.results.entries()) {
    const wake = wakes[index];
    if (wake === undefined || result.outcome !== "rejected") continue;
    await recordRefusal(tx, deps, { actor, wake, error: result.error.message, code: result.error.code });
  }
}

/** API-14: an agent that is not invokable gets no request row (WK-13), so the refusal is told in the issue's activity. */
async function recordRefusal(
  tx: Sql,
  deps: { readonly log: Log; readonly after: AfterCommit },
  refusal: { readonly actor: ActivityActor; readonly wake: IssueWake; readonly error: string; readonly code: string },
): Promise<void> {
  const { actor, wake, error, code } = refusal;
  const { agentId, issueId, reason, rule } = wake;
  deps.log.warn({ event: "issue.wake_refused", agentId, issueId, reason, rule, code }, error);
  const issue = await findIssue(tx, { id: issueId });
  if (issue === null) return;
  const note = {
    companyId: issue.companyId,
    action: "issue.wakeup_refused",
    entityType: "issue",
    entityId: issueId,
    details: { agentId, reason, code, error },
  };
  await noteActivities(tx, deps.after, { actor, notes: [note] });
}
