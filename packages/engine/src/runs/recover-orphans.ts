/**
 * Process loss (PL-1 to PL-4): running runs whose lease is over. Every worker looks after the runs whose child was
 * started on its own host and boot, since only there a pid means anything; one sweep of the fleet ends those whose host
 * did not come back in time. Whoever acts, exactly one does: each step is a compare-and-set on the claim token.
 *
 * A lease that is over does not prove that its worker died: it may be paused or cut off while its child goes on. So a
 * living child is adopted, never doubled; and whatever the old worker writes afterwards is refused (CL-17).
 */
import { inspectProcess, type SpooledChild, terminateProcessGroup } from "@wakefleet/adapters";
import {
  CANCELLED_TEXT,
  type ChildState,
  judgeOrphan,
  lostRunError,
  type OrphanFacts,
  type OrphanVerdict,
  stopMetadata,
} from "@wakefleet/domain";
import {
  adoptRunIfOrphaned,
  type Database,
  findOrphanedRun,
  holdRunIfOrphaned,
  listOrphanedRuns,
  lockAgents,
  lockIssueOfRun,
  type NewRunEvent,
  type OrphanedRun,
  releaseLeases,
} from "@wakefleet/store";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { NewId } from "../ids.js";
import type { FaultPoints, LiveEventPublisher, Log, RunQueue } from "../ports.js";
import { carryOut, nothingAfterCommit } from "./after-commit.js";
import { clearTree } from "./clear-tree.js";
import { bareEnding, endLockedRun } from "./end-run.js";
import { type FollowUp, queueFollowUpRun } from "./follow-up-run.js";

export interface RecoveryDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly events: LiveEventPublisher;
  readonly queue: Pick<RunQueue, "releaseJob">;
  readonly log: Log;
  readonly faults: FaultPoints;
  readonly workerId: string;
  readonly leaseMs: number;
  /** `PROCESS_ADOPT_GRACE_MS`. */
  readonly adoptGraceMs: number;
  readonly host: { readonly hostname: string; readonly bootId: string };
  /** Adapter types that keep a child on the worker's host (PL-2). */
  readonly keepsLocalChild: (adapterType: string) => boolean;
  /** How long this process has reached the database without a break, ms: an outage is not taken for dead hosts (PL-2). */
  readonly databaseReachableForMs: () => number;
  /** Told of a run this worker took over: it watches the child from now on. */
  readonly onAdopted: (adopted: AdoptedRun) => void;
  /** What this host's spool says of a run's last child (BY-9). */
  readonly lookAtSpool: (runId: string) => SpooledChild;
  /** The run was ended by somebody who did not execute it: what its spool holds is of no use any more. */
  readonly forgetSpool: (runId: string) => Promise<void>;
  /** False while this worker lets go of what it has: it takes nothing over. */
  readonly mayTakeOver: () => boolean;
  readonly onLost?: () => void;
}

/** A run that this worker looks after in its predecessor's stead. */
export interface AdoptedRun {
  readonly orphan: OrphanedRun;
  readonly claimToken: number;
  /** True: its child has a spool, and its own exit ends the run (BY-9). False: only the child's pid can be watched. */
  readonly isSpooled: boolean;
}

const BATCH = 100;
/** The group of a dead parent gets this long between TERM and KILL. */
const ORPHAN_GRACE_MS = 5_000;

export interface RecoveryCounts {
  readonly looked: number;
  readonly adopted: number;
  readonly ended: number;
}

/** The runs whose child was started on this host and boot. */
export async function recoverOrphansOfHost(deps: RecoveryDeps): Promise<RecoveryCounts> {
  return recover(deps, await listOrphanedRuns(deps.db.sql, { limit: BATCH, host: deps.host }));
}

/** All runs whose lease is over: those without a local child at once, those of lost hosts after the grace. */
export async function recoverOrphansOfFleet(deps: RecoveryDeps): Promise<RecoveryCounts> {
  return recover(deps, await listOrphanedRuns(deps.db.sql, { limit: BATCH, host: null }));
}

async function recover(deps: RecoveryDeps, orphans: readonly OrphanedRun[]): Promise<RecoveryCounts> {
  let adopted = 0;
  let ended = 0;
  for (const orphan of orphans) {
    const verdict = await judge(deps, orphan, { withSpool: true });
    if (verdict.kind === "wait") continue;
    if (verdict.kind === "adopt") {
      if (deps.mayTakeOver() && (await adopt(deps, orphan, verdict))) adopted += 1;
    } else if (await endOrphan(deps, orphan, verdict)) ended += 1;
  }
  return { looked: orphans.length, adopted, ended };
}

async function judge(
  deps: RecoveryDeps,
  orphan: OrphanedRun,
  options: { readonly withSpool: boolean },
): Promise<OrphanVerdict> {
  const sameHostAndBoot = isOfHost(deps, orphan);
  return judgeOrphan({
    keepsLocalChild: deps.keepsLocalChild(orphan.adapterType),
    pid: orphan.processPid,
    processGroupId: orphan.processGroupId,
    child: sameHostAndBoot ? await childState(orphan) : "unknown",
    spool: sameHostAndBoot && options.withSpool ? spoolState(deps.lookAtSpool(orphan.runId)) : "none",
    sameHostAndBoot,
    adoptGraceOver: Math.min(orphan.leaseOverMs, deps.databaseReachableForMs()) >= deps.adoptGraceMs,
    processLossRetryCount: orphan.processLossRetryCount,
    cancelRequested: orphan.cancelRequested,
  });
}

/** Its child was started on this host and boot: only then do pids mean anything. */
function isOfHost({ host }: RecoveryDeps, orphan: OrphanedRun): boolean {
  return orphan.hostname === host.hostname && orphan.bootId === host.bootId;
}

/** A SIGKILL that nobody of ours sent ended the child as it ended its worker: a loss, not an exit (PL-3). */
function spoolState(spooled: SpooledChild): OrphanFacts["spool"] {
  if (spooled.kind === "ended") return spooled.unasked ? "none" : "ended";
  return spooled.kind;
}

/** What the process table says of a stored child; only meaningful on the child's own host. */
export async function childState(
  orphan: Pick<OrphanedRun, "processPid" | "processGroupId" | "processStartedAt">,
): Promise<ChildState> {
  if (orphan.processPid === null) return "dead";
  return inspectProcess({
    pid: orphan.processPid,
    processGroupId: orphan.processGroupId,
    startedAt: orphan.processStartedAt,
  });
}

/** PL-2. */
async function adopt(
  deps: RecoveryDeps,
  orphan: OrphanedRun,
  verdict: Extract<OrphanVerdict, { kind: "adopt" }>,
): Promise<boolean> {
  const { text, isSpooled } = verdict;
  const taken = await adoptRunIfOrphaned(deps.db.sql, {
    runId: orphan.runId,
    claimToken: orphan.claimToken,
    workerId: deps.workerId,
    leaseMs: deps.leaseMs,
    text,
  });
  if (taken === null) return false;
  deps.log.warn({ event: "run.adopted", runId: orphan.runId, from: orphan.workerId, pid: orphan.processPid }, text);
  deps.onAdopted({ orphan, claimToken: taken.claimToken, isSpooled });
  return true;
}

/**
 * PL-5: hands over a run that this worker stopped: its lease ends at once and it is judged like any orphan, so that
 * nobody waits for it. Answers the error it ended with, or null when somebody else was faster.
 */
export async function handOver(deps: RecoveryDeps, runId: string): Promise<string | null> {
  await releaseLeases(deps.db.sql, { workerId: deps.workerId, runIds: [runId] });
  const orphan = await findOrphanedRun(deps.db.sql, runId);
  if (orphan === null) return null;
  // Its child was ended with this worker: how it did so says nothing of the run.
  const verdict = await judge(deps, orphan, { withSpool: false });
  if (verdict.kind !== "lost" && verdict.kind !== "cancel") return null;
  return (await endOrphan(deps, orphan, verdict))
    ? verdict.kind === "lost"
      ? verdict.text
      : orphan.cancelReason
    : null;
}

/**
 * Ends an orphan as lost or as cancelled; what is left of its processes is ended first, once the claim is ours.
 */
export async function endOrphan(
  deps: RecoveryDeps,
  orphan: OrphanedRun,
  verdict: Extract<OrphanVerdict, { kind: "lost" | "cancel" }>,
): Promise<boolean> {
  const claimToken = verdict.terminateGroup ? await clearTheWay(deps, orphan) : orphan.claimToken;
  if (claimToken === null) return false;
  await deps.faults.hit("after-orphan-held-before-end");
  const after = nothingAfterCommit();
  const newRunId = deps.newId();
  const willRetry = verdict.kind === "lost" && verdict.retry;
  const error =
    verdict.kind === "cancel" ? (orphan.cancelReason ?? CANCELLED_TEXT) : lostRunError(verdict.text, willRetry);
  const status = verdict.kind === "cancel" ? "cancelled" : "failed";
  const errorCode = verdict.kind === "cancel" ? "cancelled" : "process_lost";

  const ended = await deps.db.transaction(async (tx) => {
    const { agents, now } = await lockAgents(tx, [orphan.agentId]);
    const agent = agents.get(orphan.agentId) ?? null;
    const issue = orphan.issueId === null ? null : await lockIssueOfRun(tx, orphan.runId);
    const lost = await endLockedRun(
      tx,
      { newId: deps.newId, faults: deps.faults, agent, issue, now },
      bareEnding({
        runId: orphan.runId,
        guard: { kind: "orphaned", claimToken },
        status,
        error,
        errorCode,
        cancelKind: verdict.kind === "cancel" ? (orphan.cancelKind ?? "person") : null,
        resultJson: stopMetadata({
          status,
          errorCode,
          cancelKind: orphan.cancelKind,
          adapterType: orphan.adapterType,
          adapterConfig: agent?.adapterConfig ?? {},
        }),
        eventsBefore: verdict.kind === "lost" ? [lostEvent(verdict.text, willRetry ? newRunId : null)] : [],
        keepsIssue: willRetry,
      }),
      after,
    );
    if (lost !== null && willRetry && agent !== null) {
      await queueFollowUpRun(
        tx,
        { newId: deps.newId, ended: lost.run, agent, issue, now },
        lostRetry(newRunId, lost.run.processLossRetryCount),
        after,
      );
    }
    return lost;
  });
  if (ended === null) return false;
  await deps.faults.hit("after-orphan-end-before-job-release");
  carryOut(deps, after);
  if (verdict.kind === "lost") deps.onLost?.();
  deps.log.warn({ event: "run.orphan_ended", runId: orphan.runId, status, retried: willRetry }, error);
  if (isOfHost(deps, orphan)) await clearTree(deps, { runId: orphan.runId, firstPid: orphan.processPid });
  await deps.forgetSpool(orphan.runId);
  await freeJob(deps, {
    agentId: orphan.agentId,
    runId: orphan.runId,
    reason: error,
    cancelled: status === "cancelled",
  });
  return true;
}

/**
 * Ends what is left of a run's processes before the run ends: its slot and its issue's lock are given away with the end,
 * and what they are given to must not run beside it (RL-2, RL-3). The claim is taken first, so that nobody else is
 * interfered with. Answers the token to end the run with, or null when somebody was faster.
 */
async function clearTheWay(deps: RecoveryDeps, orphan: OrphanedRun): Promise<number | null> {
  const { runId, claimToken } = orphan;
  const { workerId, leaseMs } = deps;
  const held = await holdRunIfOrphaned(deps.db.sql, { runId, claimToken, workerId, leaseMs });
  if (held === null) return null;
  await terminateProcessGroup({
    pid: orphan.processPid,
    processGroupId: orphan.processGroupId,
    startedAt: orphan.processStartedAt,
    graceMs: ORPHAN_GRACE_MS,
  });
  await releaseLeases(deps.db.sql, { workerId, runIds: [runId] });
  return held;
}

/** PL-4: the one automatic retry of a run whose process was lost. */
function lostRetry(runId: string, lossesBefore: number): FollowUp {
  return {
    runId,
    rule: "PL-4",
    reason: "process_lost_retry",
    context: { retryReason: "process_lost" },
    processLossRetryCount: lossesBefore + 1,
    event: {
      eventType: "lifecycle",
      stream: "system",
      level: "warn",
      message: "Queued automatic retry after orphaned child process was confirmed dead",
      payload: null,
    },
    lock: "if_held",
  };
}

/** PL-4: the text without its end, plus the retry where there is one. */
function lostEvent(text: string, retryRunId: string | null): NewRunEvent {
  return {
    eventType: "lifecycle",
    stream: "system",
    level: "error",
    message: retryRunId === null ? text : `${text}; queued retry ${retryRunId}`,
    payload: retryRunId === null ? null : { retryRunId },
  };
}

/** The dead worker's job must not keep the agent's slot. A queue that is away is rebuilt without the job (RL-21). */
export async function freeJob(
  deps: Pick<RecoveryDeps, "queue" | "log">,
  job: { agentId: string; runId: string; reason: string; cancelled: boolean },
): Promise<void> {
  try {
    await deps.queue.releaseJob({
      agentId: job.agentId,
      runId: job.runId,
      outcome: job.cancelled ? "completed" : "failed",
      reason: job.reason,
    });
  } catch (error) {
    deps.log.warn(
      { event: "job.left_active", runId: job.runId, err: error },
      "an ended run's job is freed by the next search",
    );
  }
}
