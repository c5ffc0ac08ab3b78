import type { ActorType, JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import {
  type CommentFact,
  INTERACTION_SOURCES,
  isVerifiedInteraction,
  requesterMatchesComment,
} from "./interaction-wake.js";

const comment = (one: Partial<CommentFact> = {}): CommentFact => ({
  id: "c",
  issueId: "i",
  authorAgentId: null,
  authorUserId: null,
  ...one,
});

describe("a requester and a comment", () => {
  it.each<[ActorType | null, string | null, Partial<CommentFact>, boolean]>([
    ["system", null, {}, true],
    ["system", "anything", { authorUserId: "olga" }, true],
    ["agent", "ann", { authorAgentId: "ann" }, true],
    ["agent", "bob", { authorAgentId: "ann" }, false],
    ["agent", "olga", { authorUserId: "olga" }, false],
    ["agent", null, { authorAgentId: null }, false],
    ["user", "olga", { authorUserId: "olga" }, true],
    ["user", "paul", { authorUserId: "olga" }, false],
    ["user", "ann", { authorAgentId: "ann" }, false],
    ["user", null, { authorUserId: null }, false],
    [null, "olga", { authorUserId: "olga" }, false],
  ])("TH-22 %s %s and a comment of %o", (type, id, author, matches) => {
    expect(requesterMatchesComment({ type, id }, comment(author))).toBe(matches);
  });
});

describe("a verified interaction", () => {
  const olga = { type: "user", id: "olga" } as const;
  const context: JsonObject = { wakeReason: "issue_commented", source: "issue.comment", wakeCommentId: "c" };
  const verified = (change: { context?: JsonObject; comment?: CommentFact | null } = {}) =>
    isVerifiedInteraction({
      context: { ...context, ...change.context },
      issueId: "i",
      comment: change.comment === undefined ? comment({ authorUserId: "olga" }) : change.comment,
      requesters: [olga],
    });

  it("TH-20, API-174 has one of three reasons, each with its own source", () => {
    expect(INTERACTION_SOURCES).toEqual({
      issue_commented: "issue.comment",
      issue_reopened_via_comment: "issue.comment.reopen",
      issue_comment_mentioned: "comment.mention",
    });
    for (const [wakeReason, source] of Object.entries(INTERACTION_SOURCES)) {
      expect(verified({ context: { wakeReason, source } })).toBe(true);
      for (const other of [...Object.values(INTERACTION_SOURCES), "issue.create", null]) {
        expect(verified({ context: { wakeReason, source: other } })).toBe(other === source);
      }
    }
    expect(verified({ context: { wakeReason: "issue_assigned" } })).toBe(false);
  });

  it.each<[string, Parameters<typeof verified>[0], boolean]>([
    ["as it should be", {}, true],
    ["without a comment id", { context: { wakeCommentId: "" } }, false],
    ["whose last comment is another", { context: { wakeCommentIds: ["c", "d"] } }, false],
    ["whose last comment is this, blanks aside", { context: { wakeCommentIds: ["d", "c", ""] } }, true],
    ["with a comment that does not exist", { comment: null }, false],
    ["with a comment of another issue", { comment: comment({ issueId: "j", authorUserId: "olga" }) }, false],
    ["with somebody else's comment", { comment: comment({ authorUserId: "paul" }) }, false],
    ["with an agent's comment that a person names", { comment: comment({ authorAgentId: "olga" }) }, false],
  ])("TH-21, TH-24 a wake %s", (_, change, expected) => {
    expect(verified(change)).toBe(expected);
  });
});
