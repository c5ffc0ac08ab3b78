/** The comments of a wake as its payload has them: the newest that fit, oldest first (CX-32, CX-33). Pure. */
import type { JsonObject } from "@wakefleet/contracts";
import { cutText } from "../text/cut-text.js";

const MAX_COMMENTS = 8;
const MAX_BODY_CHARS = 4_000;
const MAX_BODIES_CHARS = 12_000;

/** A comment that exists in the run's company. */
export interface WakeComment {
  readonly id: string;
  readonly issueId: string;
  readonly body: string;
  readonly createdAt: Date;
  readonly authorAgentId: string | null;
  readonly authorUserId: string | null;
}

export interface CommentWindow {
  readonly comments: readonly JsonObject[];
  readonly commentWindow: {
    readonly requestedCount: number;
    readonly includedCount: number;
    readonly missingCount: number;
  };
  /** Not everything that was asked for is in it. */
  readonly truncated: boolean;
}

function authorOf({ authorAgentId, authorUserId }: WakeComment): JsonObject {
  if (authorAgentId !== null) return { type: "agent", id: authorAgentId };
  return authorUserId === null ? { type: "system", id: null } : { type: "user", id: authorUserId };
}

/** `asked` in the order of the wakes, oldest first. A comment of another issue counts as missing. */
export function commentWindow(from: {
  readonly asked: readonly string[];
  readonly found: readonly WakeComment[];
  readonly issueId: string | null;
}): CommentWindow {
  const { asked, issueId } = from;
  const found = new Map(
    from.found.filter((one) => issueId === null || one.issueId === issueId).map((one) => [one.id.toLowerCase(), one]),
  );
  const existing = asked.map((id) => found.get(id.toLowerCase())).filter((one) => one !== undefined);
  const comments: JsonObject[] = [];
  let charsLeft = MAX_BODIES_CHARS;
  let isCut = false;
  for (const comment of existing.toReversed()) {
    const body = cutText(comment.body, Math.min(MAX_BODY_CHARS, charsLeft));
    if (comments.length === MAX_COMMENTS || (body === "" && comment.body !== "")) {
      isCut = true;
      break;
    }
    charsLeft -= body.length;
    const bodyTruncated = body.length < comment.body.length;
    isCut ||= bodyTruncated;
    const { id, createdAt } = comment;
    comments.unshift({
      id,
      issueId: comment.issueId,
      body,
      bodyTruncated,
      createdAt: createdAt.toISOString(),
      author: authorOf(comment),
    });
  }
  const missingCount = asked.length - existing.length;
  return {
    comments,
    commentWindow: { requestedCount: asked.length, includedCount: comments.length, missingCount },
    truncated: isCut || missingCount > 0,
  };
}
