/**
 * Which saved session a run may resume: explicit resume, reset, the task's session, the agent's own (SE-5, SE-7, SE-16,
 * SE-20 to SE-23, SE-30, SE-33 to SE-35). Pure.
 */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { sessionTaskKeyOf } from "../wakeup/context.js";
import { cutDisplayId, mayBeCut, readSessionParams, type SessionCodecLike, shownSessionId } from "./codec.js";

/** What is kept of the sessions a run could resume, as it was read when the run was claimed. */
export interface StoredSessions {
  /** Of the run's key and the agent's current adapter type; null without a row. */
  readonly taskSession: { readonly params: JsonObject | null; readonly displayId: string | null } | null;
  /** The agent's own session, and the adapter type that left it. */
  readonly agentSession: { readonly sessionId: string | null; readonly adapterType: string } | null;
}

export interface PreviousSession {
  /** SE-5; null: no task session is read or written (SE-7). */
  readonly taskKey: string | null;
  /** SE-30. */
  readonly params: JsonObject | null;
  /** SE-16. */
  readonly explicitDisplayId: string | null;
  /** Of the task session that was read; null after a reset. */
  readonly storedDisplayId: string | null;
  /** SE-33: the agent's own session id, whole. */
  readonly fallbackId: string | null;
  /** A task session was read (SE-55). */
  readonly taskSessionRead: boolean;
  /** There is a row, read or not (SE-58). */
  readonly hasTaskSession: boolean;
  /** SE-22; null without a reset. */
  readonly resetWarning: string | null;
}

/** SE-20: these begin anew. */
const RESETTING_REASONS: ReadonlySet<unknown> = new Set([
  "issue_assigned",
  "execution_review_requested",
  "execution_approval_requested",
  "execution_changes_requested",
]);

/** SE-20, SE-22: why a wake does not resume the saved session; null: it does. */
export function sessionResetReason(context: JsonObject): string | null {
  if (context["forceFreshSession"] === true) return "forceFreshSession was requested";
  const { wakeReason } = context;
  return RESETTING_REASONS.has(wakeReason) ? `wake reason is ${String(wakeReason)}` : null;
}

function resetWarningOf(taskKey: string | null, reason: string | null): string | null {
  if (reason === null) return null;
  const task = taskKey === null ? "" : ` for task "${taskKey}"`;
  return `Skipping saved session resume${task} because ${reason}.`;
}

/** SE-16. */
function explicitResume(
  context: JsonObject,
  codec: SessionCodecLike,
): { readonly params: JsonObject | null; readonly displayId: string | null } {
  const params = readSessionParams(codec, context["resumeSessionParams"]);
  return { params, displayId: cutDisplayId(context["resumeSessionDisplayId"]) ?? shownSessionId(codec, params) };
}

/** A reset reads neither the task's session nor the agent's (SE-21); an explicit resume wins over it. */
export function previousSession(from: {
  readonly context: JsonObject;
  readonly adapterType: string;
  readonly stored: StoredSessions;
  readonly codec: SessionCodecLike;
}): PreviousSession {
  const { context, stored, codec } = from;
  const taskKey = sessionTaskKeyOf(context);
  const resetReason = sessionResetReason(context);
  const explicit = explicitResume(context, codec);
  const read = taskKey === null || resetReason !== null ? null : stored.taskSession;
  const named = explicit.displayId === null || mayBeCut(explicit.displayId) ? null : { sessionId: explicit.displayId };
  const { agentSession } = stored;
  const isAgentsOwn = taskKey === null && resetReason === null && agentSession?.adapterType === from.adapterType;
  return {
    taskKey,
    params: explicit.params ?? readSessionParams(codec, named) ?? readSessionParams(codec, read?.params),
    explicitDisplayId: explicit.displayId,
    storedDisplayId: cutDisplayId(read?.displayId),
    fallbackId: isAgentsOwn ? nonEmptyString(agentSession.sessionId) : null,
    taskSessionRead: read !== null,
    hasTaskSession: stored.taskSession !== null,
    resetWarning: resetWarningOf(taskKey, resetReason),
  };
}
