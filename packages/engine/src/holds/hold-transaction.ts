/**
 * The transaction of a decision about a subtree: agents locked first, then the issues of the tree, each in id order, and
 * only then the tree is read. While they are held nothing of the tree is accepted, claimed or ended, so a wake either saw
 * the hold or is ended by it. What is needed can change until it is locked: then it begins again with more.
 */
import { WakefleetError } from "@wakefleet/contracts";
import type { Tree } from "@wakefleet/domain";
import { type Database, isRetryable, lockAgents, lockIssues, readTree, type Sql } from "@wakefleet/store";
import { type ActivityActor, type ActivityNote, noteActivities } from "../activity/note-activities.js";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { NewId } from "../ids.js";
import type { LiveEventPublisher } from "../ports.js";
import { type AfterCommit, carryOut, nothingAfterCommit } from "../runs/after-commit.js";
import { type CancelledWork, type CancelledWorkDeps, dropEndedJobs, tellAsked } from "../runs/cancelled-work.js";

export interface HoldDeps extends CancelledWorkDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly events: LiveEventPublisher;
}

/** The root a decision is about, and who makes it. */
export interface HoldScope {
  readonly companyId: string;
  readonly rootIssueId: string;
  readonly actor: ActivityActor;
}

/** What the steps of a decision share. */
export interface HoldContext {
  readonly deps: Pick<HoldDeps, "newId" | "log">;
  readonly scope: HoldScope;
  readonly tree: Tree;
  readonly after: AfterCommit;
  readonly cancelled: CancelledWork;
  /** Goes on only if these are locked too; else the decision begins again with them. */
  hold(scope: { readonly agentIds: readonly string[]; readonly issueIds: readonly string[] }): void;
  /** Notes an activity row; all of them are written at the end of the transaction. */
  note(activity: Omit<ActivityNote, "companyId">): void;
}

/** Thrown inside a transaction: nothing of it may be kept. Never leaves this file. */
class MoreLocksNeeded extends Error {
  override readonly name = "MoreLocksNeeded";
}

interface Locks {
  readonly agentIds: Set<string>;
  readonly issueIds: Set<string>;
}

const MAX_ATTEMPTS = 8;

/**
 * Runs `work` with the tree and its agents locked, and tells queues, workers and listeners after the commit. Throws
 * `not_found` for a root that is not there, and whatever `work` throws; then nothing was written.
 */
export async function inHoldTransaction<T>(
  deps: HoldDeps,
  scope: HoldScope,
  work: (tx: Sql, context: HoldContext) => Promise<T>,
): Promise<{ readonly result: T; readonly cancelled: CancelledWork }> {
  const locks: Locks = { agentIds: new Set(), issueIds: new Set() };
  widen(locks, await mustReadTree(deps.db.sql, scope));
  for (let attempt = 1; ; attempt += 1) {
    const after = nothingAfterCommit();
    const cancelled: CancelledWork = { ended: [], asked: [] };
    try {
      const result = await deps.db.transaction(async (tx) => {
        const tree = await lockTree(tx, scope, locks);
        const notes: ActivityNote[] = [];
        const note: HoldContext["note"] = (activity) => void notes.push({ companyId: scope.companyId, ...activity });
        const hold: HoldContext["hold"] = (wanted) => {
          if (addLocks(locks, wanted)) throw new MoreLocksNeeded("the decision reaches beyond the tree");
        };
        const done = await work(tx, { deps, scope, tree, after, cancelled, hold, note });
        await noteActivities(tx, after, { actor: scope.actor, notes });
        return done;
      });
      carryOut(deps, after);
      await tellAsked(deps, cancelled);
      await dropEndedJobs(deps, cancelled);
      return { result, cancelled };
    } catch (error) {
      const comesAgain = error instanceof MoreLocksNeeded || isRetryable(error);
      if (!comesAgain || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

async function mustReadTree(sql: Sql, scope: HoldScope): Promise<Tree> {
  const tree = await readTree(sql, scope);
  if (tree.issues.length === 0) throw new WakefleetError("not_found", "Root issue not found");
  return tree;
}

async function lockTree(tx: Sql, scope: HoldScope, locks: Locks): Promise<Tree> {
  await lockAgents(tx, [...locks.agentIds]);
  await lockIssues(tx, [...locks.issueIds]);
  const tree = await mustReadTree(tx, scope);
  if (widen(locks, tree)) throw new MoreLocksNeeded("the tree grew before it was locked");
  return tree;
}

/** True when these were not all there. */
function addLocks(locks: Locks, wanted: { agentIds: readonly string[]; issueIds: readonly string[] }): boolean {
  const before = locks.agentIds.size + locks.issueIds.size;
  for (const id of wanted.agentIds) locks.agentIds.add(id);
  for (const id of wanted.issueIds) locks.issueIds.add(id);
  return locks.agentIds.size + locks.issueIds.size > before;
}

/** Adds what the tree needs; true when that was more than was there. Assignees are needed for the wakes of an end. */
function widen(locks: Locks, tree: Tree): boolean {
  const before = locks.agentIds.size + locks.issueIds.size;
  for (const issue of tree.issues) {
    locks.issueIds.add(issue.id);
    for (const run of issue.runs) locks.agentIds.add(run.agentId);
    if (issue.assigneeAgentId !== null) locks.agentIds.add(issue.assigneeAgentId);
  }
  return locks.agentIds.size + locks.issueIds.size > before;
}
