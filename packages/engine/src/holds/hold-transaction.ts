/**
 * The transaction of a decision about a subtree: a change of issues that locks the tree and its agents, and only then reads
 * the tree. While they are held nothing of the tree is accepted, claimed or ended, so a wake either saw the hold or is ended
 * by it. A tree that grew until it was locked is decided anew.
 */
import { WakefleetError } from "@wakefleet/contracts";
import type { Tree } from "@wakefleet/domain";
import { readTree, type Sql } from "@wakefleet/store";
import type { ActivityActor, ActivityNote } from "../activity/note-activities.js";
import { type IssueChange, type IssueDeps, type IssueScope, inIssueChange } from "../issues/issue-change.js";
import type { AfterCommit } from "../runs/after-commit.js";
import type { CancelledWork } from "../runs/cancelled-work.js";

/** The root a decision is about, and who makes it. */
export interface HoldScope {
  readonly companyId: string;
  readonly rootIssueId: string;
  readonly actor: ActivityActor;
}

/** What the steps of a decision share. */
export interface HoldContext {
  readonly deps: Pick<IssueDeps, "newId" | "log">;
  readonly scope: HoldScope;
  readonly tree: Tree;
  readonly after: AfterCommit;
  readonly cancelled: CancelledWork;
  /** Goes on only if these are locked too; else the decision begins again with them. */
  readonly hold: IssueChange["hold"];
  /** Notes an activity row; all of them are written at the end of the transaction. */
  note(activity: Omit<ActivityNote, "companyId">): void;
}

/**
 * Runs `work` with the tree and its agents locked, and tells queues, workers and listeners after the commit. Throws
 * `not_found` for a root that is not there, and whatever `work` throws; then nothing was written.
 */
export async function inHoldTransaction<T>(
  deps: IssueDeps,
  scope: HoldScope,
  work: (tx: Sql, context: HoldContext) => Promise<T>,
): Promise<{ readonly result: T; readonly cancelled: CancelledWork }> {
  // A hold is the board's: no run writes it under its claim.
  const actor = { ...scope.actor, claimToken: null };
  return await inIssueChange(
    deps,
    actor,
    async (sql) => scopeOf(await mustReadTree(sql, scope)),
    async (change) => {
      const { tx, after, cancelled, hold } = change;
      const tree = await mustReadTree(tx, scope);
      hold(scopeOf(tree));
      const note: HoldContext["note"] = (activity) => change.note({ companyId: scope.companyId, ...activity });
      const result = await work(tx, { deps, scope, tree, after, cancelled, hold, note });
      return { result, cancelled };
    },
  );
}

async function mustReadTree(sql: Sql, scope: HoldScope): Promise<Tree> {
  const tree = await readTree(sql, scope);
  if (tree.issues.length === 0) throw new WakefleetError("not_found", "Root issue not found");
  return tree;
}

/** What a decision about the tree locks: its issues, the agents of their runs, and assignees, for the wakes of an end. */
function scopeOf(tree: Tree): IssueScope {
  const agentIds = tree.issues.flatMap(({ runs, assigneeAgentId }) => [
    ...runs.map((run) => run.agentId),
    ...(assigneeAgentId === null ? [] : [assigneeAgentId]),
  ]);
  return { agentIds: [...new Set(agentIds)], issueIds: tree.issues.map((issue) => issue.id) };
}
