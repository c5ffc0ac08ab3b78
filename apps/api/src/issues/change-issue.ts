/** What belongs to an issue is changed under its row's lock, by whoever may change the issue (IM of API-35). */
import { clearDetachedWarning, type IssueRow, lockIssue, touchIssue } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { found } from "../http/query-fields.js";
import { type Mutation, mutate } from "../mutate.js";
import { type Actor, actorOf, type Principal } from "../principal.js";
import { ISSUE_NOT_FOUND, requireIssue } from "./find-issue.js";
import { guardIssueMutation } from "./mutation-guard.js";

export interface IssueChange extends Mutation {
  /** The locked issue. */
  readonly issue: IssueRow;
  readonly actor: Actor;
}

/**
 * Runs `work` in a transaction that holds the issue, after the guard let the caller pass. The issue counts as touched, and a
 * run whose agent was heard of is not detached any more (API-157).
 */
export async function changeIssue<T>(
  deps: ApiDeps,
  command: { caller: Principal; ref: string },
  work: (change: IssueChange) => Promise<T>,
): Promise<T> {
  const { caller } = command;
  const actor = actorOf(caller);
  const { id } = await requireIssue(deps, command);
  return await mutate(deps, actor, async (mutation) => {
    const { tx } = mutation;
    const locked = found(await lockIssue(tx, id), ISSUE_NOT_FOUND);
    const issue = await guardIssueMutation(mutation, { caller, issue: locked });
    const result = await work({ ...mutation, issue, actor });
    await touchIssue(tx, id);
    if (actor.runId !== null) await clearDetachedWarning(tx, actor.runId);
    return result;
  });
}
