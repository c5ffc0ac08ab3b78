/** Changing issues as the API does, for tests of the use cases themselves. */
import type { IssuePatch } from "@wakefleet/contracts";
import type { CommentRow } from "@wakefleet/store";
import { type ChangedIssue, changeIssue } from "../src/issues/change-issue.js";
import { commentOnIssue } from "../src/issues/comment-on-issue.js";
import type { IssueDeps } from "../src/issues/issue-change.js";
import type { World } from "./support.js";

/** A person of the board. */
export const PERSON = { kind: "board", userId: "ann" } as const;

export interface IssueHand {
  readonly deps: IssueDeps;
  change(issueId: string, body: IssuePatch): Promise<ChangedIssue>;
  comment(issueId: string, body: string): Promise<CommentRow>;
}

/** The use cases on a pool of their own, so that changes of two hands really meet. */
export function issueHand(world: World, db = world.db): IssueHand {
  const deps: IssueDeps = { ...world.cancelDeps(), db, queue: world.told.runQueue() };
  return {
    deps,
    change: (issueId, body) => changeIssue(deps, { caller: PERSON, issueId, body }),
    comment: (issueId, body) => commentOnIssue(deps, { caller: PERSON, issueId, body: { body } }),
  };
}

/** Waits a random time below `ms`, so that no two rounds meet alike. */
export function someTime(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * ms));
}
