/**
 * Claiming a run (CL-): one short transaction locks the agent, reads one consistent snapshot, asks the gates, and hands
 * the run to this worker under a new claim token, or cancels it, or says why not now.
 */
import type { AdapterRegistry } from "@wakefleet/adapters";
import { agentNameKey, gateClaim } from "@wakefleet/domain";
import type { RunLogStore } from "@wakefleet/run-logs";
import {
  type ClaimIssue,
  claimRunIfWaiting,
  type Database,
  isRetryable,
  type LockedAgent,
  lockAgents,
  lockIssueOfRun,
  type RunFence,
  type RunRow,
  readClaimFacts,
} from "@wakefleet/store";
import type { NewId } from "../ids.js";
import { type AfterCommit, nothingAfterCommit } from "./after-commit.js";
import { bareEnding, endLockedRun } from "./end-run.js";
import { type PreviousSession, previousSession } from "./previous-session.js";
import { agentStatusEvent, runEventEvent, runStartedEvents } from "./run-live-events.js";

/** A run that is this worker's own: the only thing a result can be written for. */
export interface ClaimedRun {
  readonly run: RunRow;
  readonly agent: LockedAgent;
  readonly fence: RunFence;
  readonly session: PreviousSession;
}

export type ClaimResult =
  | { readonly kind: "claimed"; readonly claimed: ClaimedRun }
  | { readonly kind: "ended" }
  | { readonly kind: "not_due"; readonly dueAtMs: number }
  | { readonly kind: "cancelled"; readonly text: string }
  /** CL-18: at the limit. The job waits for a slot. */
  | { readonly kind: "full" }
  /** CL-18: the issue's lock is another running run's. */
  | { readonly kind: "locked" };

export interface ClaimDeps {
  readonly db: Database;
  readonly adapters: AdapterRegistry;
  readonly runLogs: RunLogStore;
  readonly newId: NewId;
  readonly workerId: string;
  readonly leaseMs: number;
}

const UNIQUE_VIOLATION = "23505";
const LOCK_INDEX = "heartbeat_runs_lock_issue_uq";
/** The trigger behind the slot: a slot above the agent's limit. */
const SLOT_LIMIT = "heartbeat_runs_slot_within_limit";

/** Tries to claim. Rejects only when the database is away; a lost race is a result. */
export async function claimRun(
  deps: ClaimDeps,
  job: { runId: string; agentId: string },
): Promise<{ result: ClaimResult; after: AfterCommit }> {
  for (let attempt = 1; ; attempt += 1) {
    const after = nothingAfterCommit();
    try {
      return { result: await claimOnce(deps, job, after), after };
    } catch (error) {
      const { code, constraint } = error as { code?: string; constraint?: string };
      if (code === UNIQUE_VIOLATION) {
        // The second wall (DM-36) refused what the facts allowed a moment before.
        const kind = constraint === LOCK_INDEX ? "locked" : "full";
        return { result: { kind }, after: nothingAfterCommit() };
      }
      if (constraint === SLOT_LIMIT) return { result: { kind: "full" }, after: nothingAfterCommit() };
      if (!isRetryable(error) || attempt >= 3) throw error;
    }
  }
}

function claimOnce(deps: ClaimDeps, job: { runId: string; agentId: string }, after: AfterCommit): Promise<ClaimResult> {
  return deps.db.transaction(async (tx) => {
    const { agents, now } = await lockAgents(tx, [job.agentId]);
    const agent = agents.get(job.agentId) ?? null;
    const facts = await readClaimFacts(tx, job);
    const issue = facts.run?.issueId == null ? null : await lockIssueOfRun(tx, job.runId);
    const decision = gateClaim({
      run:
        facts.run === null
          ? null
          : { status: facts.run.status, scheduledRetryAtMs: facts.run.scheduledRetryAt?.getTime() ?? null },
      agent,
      takenSlots: facts.takenSlots,
      issue:
        issue === null
          ? null
          : { assignedToAgent: issue.assigneeAgentId === job.agentId, lockFreeOrOwn: !issue.lockHeldByOther },
      nowMs: facts.now.getTime(),
    });
    switch (decision.kind) {
      case "ended":
        return { kind: "ended" };
      case "not_due":
        return { kind: "not_due", dueAtMs: decision.dueAtMs };
      case "full":
        return { kind: "full" };
      case "cancel": {
        const ended = await endLockedRun(
          tx,
          { newId: deps.newId, agent, issue, now },
          bareEnding({
            runId: job.runId,
            guard: { kind: "waiting" },
            status: "cancelled",
            error: decision.text,
            errorCode: decision.code,
            cancelKind: "gate",
          }),
          after,
        );
        return ended === null ? { kind: "ended" } : { kind: "cancelled", text: decision.text };
      }
      case "claim": {
        if (agent === null) throw new Error("the gates claim only for an agent that exists");
        if (facts.run === null) throw new Error("the gates claim only a run that exists");
        const session = previousSession(deps.adapters.resolve(agent.adapterType), { run: facts.run, agent, facts });
        const moved = await claimRunIfWaiting(tx, {
          runId: job.runId,
          workerId: deps.workerId,
          slot: decision.slot,
          leaseMs: deps.leaseMs,
          lockIssueId: lockedIssueId(decision.takesLock, issue, job.runId),
          agentNameKey: agentNameKey(agent.name),
          adapterType: agent.adapterType,
          sessionIdBefore: session.displayId,
          logStore: deps.runLogs.kind,
          logRef: deps.runLogs.refOf({ companyId: agent.companyId, agentId: agent.id, runId: job.runId }),
        });
        if (moved.kind === "lost") return { kind: "ended" };
        const { run, event, agentStatus } = moved.row;
        after.events.push(
          ...runStartedEvents(run),
          runEventEvent(event),
          agentStatusEvent({ companyId: run.companyId, agentId: run.agentId, status: agentStatus, outcome: "running" }),
        );
        const fence = { runId: job.runId, workerId: deps.workerId, claimToken: run.claimToken };
        return { kind: "claimed", claimed: { run, agent, fence, session } };
      }
    }
  });
}

/** CL-14, DM-36: the issue this run holds while it runs: one it takes now, or one whose lock was given to it before. */
function lockedIssueId(takesLock: boolean, issue: ClaimIssue | null, runId: string): string | null {
  if (issue === null) return null;
  return takesLock || issue.executionRunId === runId ? issue.id : null;
}
