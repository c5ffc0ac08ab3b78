/** Builds the job of a run from its facts: small, readable on a dashboard, without secrets (QU-2, QU-3). */
import type { IssuePriority, IssueStatus } from "@wakefleet/contracts";
import { queuePriority } from "@wakefleet/domain";
import type { UndispatchedRun } from "@wakefleet/store";
import type { RunJob } from "../ports.js";

/** The job of a waiting run. */
export function runJobOf(run: UndispatchedRun): RunJob {
  return {
    data: {
      runId: run.runId,
      companyId: run.companyId,
      agentId: run.agentId,
      agentName: run.agentName,
      issueIdentifier: run.issueIdentifier,
      wakeReason: run.wakeReason,
      source: run.source,
      attempt: run.attempt,
    },
    concurrency: run.maxConcurrentRuns,
    priority: queuePriority({
      issue:
        run.issueStatus === null
          ? null
          : {
              status: run.issueStatus as IssueStatus,
              priority: run.issuePriority as IssuePriority | null,
              hasUnresolvedBlockers: run.hasUnresolvedBlockers,
            },
      isAskedByPerson: run.isAskedByPerson,
      waitsSince: run.scheduledRetryAt ?? run.createdAt,
    }),
    ...(run.status === "scheduled_retry" && run.scheduledRetryAt !== null
      ? { delayUntilMs: run.scheduledRetryAt.getTime() }
      : {}),
    renew: true,
  };
}
