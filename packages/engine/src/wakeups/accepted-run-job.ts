/** The job of a run that was accepted a moment ago: its facts are at hand, nothing is read again. */
import { nonEmptyString } from "@wakefleet/contracts";
import { isAskedByPerson } from "@wakefleet/domain";
import type { LockedAgent, LockedIssue, RunRow } from "@wakefleet/store";
import { runJobOf } from "../dispatch/run-job.js";
import type { RunJob } from "../ports.js";

export function acceptedRunJob(run: RunRow, agent: LockedAgent, issue: LockedIssue | null): RunJob {
  return {
    ...runJobOf({
      runId: run.id,
      companyId: run.companyId,
      agentId: run.agentId,
      agentName: agent.name,
      maxConcurrentRuns: agent.maxConcurrentRuns,
      status: run.status,
      source: run.invocationSource,
      wakeReason: nonEmptyString(run.contextSnapshot?.["wakeReason"]),
      attempt: 0,
      scheduledRetryAt: null,
      issueIdentifier: issue?.identifier ?? null,
      issueStatus: issue?.status ?? null,
      issuePriority: issue?.priority ?? null,
      hasUnresolvedBlockers: issue?.hasUnresolvedBlockers ?? false,
      isAskedByPerson: isAskedByPerson(run.contextSnapshot ?? {}),
      createdAt: run.createdAt,
    }),
    renew: false,
  };
}
