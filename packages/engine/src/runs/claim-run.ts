/**
 * Claiming a run (CL-): one short transaction locks the agent, reads one consistent snapshot, asks the gates, and hands
 * the run to this worker under a new claim token, or cancels it, or says why not now.
 */
import {
  agentNameKey,
  budgetBlock,
  claimReceipt,
  gateClaim,
  parkedUntil,
  parkReceipt,
  type RunCap,
  type StoredSessions,
} from "@wakefleet/domain";
import type { RunLogStore } from "@wakefleet/run-logs";
import {
  type AccountFacts,
  appendRunEvents,
  type ClaimIssue,
  claimRunIfWaiting,
  type Database,
  findRun,
  isRetryable,
  isStoreUnavailable,
  type LocalEnvironment,
  type LockedAgent,
  lockAgents,
  lockIssueOfRun,
  type NewRunEvent,
  noteWait,
  type RunFence,
  type RunRow,
  readClaimFacts,
  readIssueGateFacts,
  type Sql,
} from "@wakefleet/store";
import { accountOf, fullCap, type RunCapSettings } from "../accounts/account-of-claim.js";
import type { NewId } from "../ids.js";
import type { Log } from "../ports.js";
import { runQueuedEvent } from "../wakeups/apply-decision.js";
import { type AfterCommit, nothingAfterCommit } from "./after-commit.js";
import { bareEnding, endLockedRun, endRefusedRun } from "./end-run.js";
import { noteInterruption } from "./note-interruption.js";
import { waitingRunFacts } from "./run-gates.js";
import { agentStatusEvent, runEventEvent, runStartedEvents } from "./run-live-events.js";
import { whenStoreAnswers } from "./when-store-answers.js";

/** A run that is this worker's own: the only thing a result can be written for. */
export interface ClaimedRun {
  readonly run: RunRow;
  readonly agent: LockedAgent;
  readonly fence: RunFence;
  /** What it may resume, as it was at the claim. */
  readonly sessions: StoredSessions;
  readonly environment: LocalEnvironment | null;
  /** IN-2, as the instance had it at the claim. */
  readonly masksOsUser: boolean;
  /** A budget counts what it spends, as it was at the claim (BY-6). */
  readonly isBudgeted: boolean;
}

export type ClaimResult =
  | { readonly kind: "claimed"; readonly claimed: ClaimedRun }
  | { readonly kind: "ended" }
  | { readonly kind: "not_due"; readonly dueAtMs: number }
  | { readonly kind: "cancelled"; readonly text: string }
  /** CL-18: at the limit. The job waits for a slot. */
  | { readonly kind: "full" }
  /** CL-18: the issue's lock is another running run's. */
  | { readonly kind: "locked" }
  /** BY-5: its account is limited until then, or a cap on running runs is reached. */
  | { readonly kind: "parked"; readonly dueAtMs: number }
  | { readonly kind: "capped"; readonly cap: RunCap; readonly accountId: string | null };

export interface ClaimDeps {
  readonly db: Database;
  readonly runLogs: RunLogStore;
  readonly newId: NewId;
  readonly workerId: string;
  readonly leaseMs: number;
  /** BY-5. */
  readonly caps: RunCapSettings;
  readonly log: Log;
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
    const written: WrittenClaim = { claim: null };
    try {
      return { result: await claimOnce(deps, job, { after, written }), after };
    } catch (error) {
      if (written.claim !== null && isStoreUnavailable(error) && (await isOurs(deps, written.claim.claimed.fence))) {
        return { result: written.claim, after };
      }
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

/** A claim that was written and whose commit may or may not have come through. */
interface WrittenClaim {
  claim: Extract<ClaimResult, { kind: "claimed" }> | null;
}

/**
 * Whether a commit that was never answered came through (RL-6). Nobody else could execute a run that is claimed in this
 * worker's name: forgotten, it would stay `running` until its lease is over and end as lost.
 */
async function isOurs(deps: ClaimDeps, fence: RunFence): Promise<boolean> {
  const { runId } = fence;
  const wait = { log: deps.log, runId, what: "learn whether the claim was committed" };
  const run = await whenStoreAnswers(wait, () => findRun(deps.db.sql, runId));
  return run?.status === "running" && run.workerId === fence.workerId && run.claimToken === fence.claimToken;
}

function claimOnce(
  deps: ClaimDeps,
  job: { runId: string; agentId: string },
  told: { readonly after: AfterCommit; readonly written: WrittenClaim },
): Promise<ClaimResult> {
  const { after, written } = told;
  return deps.db.transaction(async (tx) => {
    // The facts need not wait for the lock's answer: they are read behind it all the same.
    const [{ agents, now }, facts] = await Promise.all([lockAgents(tx, [job.agentId]), readClaimFacts(tx, job)]);
    const agent = agents.get(job.agentId) ?? null;
    const issue = facts.run?.issueId == null ? null : await lockIssueOfRun(tx, job.runId);
    const gate = issue === null ? null : await readIssueGateFacts(tx, { runId: job.runId, issueId: issue.id });
    const decision = gateClaim({
      run: facts.run === null ? null : waitingRunFacts(facts.run, gate),
      agent,
      budget: facts.budget === null ? null : budgetBlock(facts.budget),
      takenSlots: facts.takenSlots,
      issue: issue === null || gate === null ? null : { ...gate, lockFreeOrOwn: !issue.lockHeldByOther },
      nowMs: facts.now.getTime(),
    });
    const locked = { newId: deps.newId, agent, issue, now };
    switch (decision.kind) {
      case "ended":
        return { kind: "ended" };
      case "not_due":
        return { kind: "not_due", dueAtMs: decision.dueAtMs };
      case "full":
        return { kind: "full" };
      case "cancel": {
        const { rule, text, cancelKind, hold } = decision;
        const ending = bareEnding({
          runId: job.runId,
          guard: { kind: "waiting" },
          status: "cancelled",
          error: text,
          errorCode: "cancelled",
          cancelKind,
          receipt: {
            rule,
            outcome: "cancelled",
            facts: { text, agentStatus: agent?.status ?? null, hold: hold === null ? null : { ...hold } },
          },
        });
        const ended = await endLockedRun(tx, locked, ending, after);
        if (ended === null) return { kind: "ended" };
        if (hold !== null) await noteInterruption(tx, { run: ended.run, hold }, after);
        return { kind: "cancelled", text };
      }
      case "refuse": {
        const { refusal } = decision;
        const ended = await endRefusedRun(tx, locked, { runId: job.runId, refusal }, after);
        return ended === null ? { kind: "ended" } : { kind: "cancelled", text: refusal.text };
      }
      case "claim": {
        if (agent === null) throw new Error("the gates claim only for an agent that exists");
        if (facts.run === null) throw new Error("the gates claim only a run that exists");
        const account = await accountOf(tx, agent, facts.account);
        const waits = await waitOf(tx, deps, { run: facts.run, account, now: facts.now });
        if (waits !== null) return waits;
        if (decision.wasRetry) {
          const events = await appendRunEvents(tx, job.runId, [PROMOTED_RETRY]);
          after.events.push(...events.map(runEventEvent), runQueuedEvent(facts.run));
        }
        const moved = await claimRunIfWaiting(tx.last, {
          runId: job.runId,
          workerId: deps.workerId,
          slot: decision.slot,
          leaseMs: deps.leaseMs,
          lockIssueId: lockedIssueId(decision.takesLock, issue, job.runId),
          agentNameKey: agentNameKey(agent.name),
          adapterType: agent.adapterType,
          logStore: deps.runLogs.kind,
          accountId: account?.id ?? null,
          logRef: deps.runLogs.refOf({ companyId: agent.companyId, agentId: agent.id, runId: job.runId }),
          receipt: claimReceipt(decision, {
            slotsUsed: facts.takenSlots.length,
            slotsOf: agent.maxConcurrentRuns,
            issueId: issue?.id ?? null,
          }),
        });
        if (moved.kind === "lost") return { kind: "ended" };
        const { run, event, agentStatus } = moved.row;
        after.events.push(
          ...runStartedEvents(run),
          runEventEvent(event),
          agentStatusEvent({ companyId: run.companyId, agentId: run.agentId, status: agentStatus, outcome: "running" }),
        );
        const fence = { runId: job.runId, workerId: deps.workerId, claimToken: run.claimToken };
        const { sessions, environment, masksOsUser } = facts;
        const isBudgeted = (facts.budget?.policies.length ?? 0) > 0;
        const claimed = { run, agent, fence, sessions, environment, masksOsUser, isBudgeted };
        written.claim = { kind: "claimed", claimed };
        return written.claim;
      }
    }
  });
}

/** BY-5: what keeps a run waiting that every other gate lets through; null: nothing does. */
async function waitOf(
  tx: Sql,
  { caps, workerId }: Pick<ClaimDeps, "caps" | "workerId">,
  asked: { readonly run: RunRow; readonly account: AccountFacts | null; readonly now: Date },
): Promise<ClaimResult | null> {
  const { account, now } = asked;
  const { id: runId, retryOfRunId } = asked.run;
  const { limitedUntil = null, limitedByRunId = null } = account ?? {};
  const isProbe = limitedByRunId !== null && limitedByRunId === retryOfRunId;
  const due = parkedUntil({ runId, isProbe, limitedUntil, staggerWindowMs: caps.staggerMs, now });
  if (due !== null && account !== null) {
    await noteWait(tx, runId, parkReceipt(account, due));
    return { kind: "parked", dueAtMs: due.getTime() };
  }
  const full = await fullCap(tx, { caps, account, workerId });
  return full === null ? null : { kind: "capped", cap: full.cap, accountId: account?.id ?? null };
}

/** CL-14, DM-36: the issue this run holds while it runs: one it takes now, or one whose lock was given to it before. */
function lockedIssueId(takesLock: boolean, issue: ClaimIssue | null, runId: string): string | null {
  if (issue === null) return null;
  return takesLock || issue.executionRunId === runId ? issue.id : null;
}

/** CL-32. */
const PROMOTED_RETRY: NewRunEvent = {
  eventType: "lifecycle",
  stream: "system",
  level: "info",
  message: "Scheduled retry became due and was promoted to the queued run pool",
  payload: null,
};
