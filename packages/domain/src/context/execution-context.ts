/**
 * The context of a run as its execution makes it (05 section 7): the wake's own keys stay (CX-10), the keys of the table
 * CX-20 are built anew each time (CX-12), what is stored is bounded (CX-22). Pure.
 */
import { isJsonObject, type JsonObject } from "@wakefleet/contracts";

/** Says in a stored context that bodies were left out of it (CX-22). */
const TRUNCATED_KEY = "_truncated";

/** CX-12, CX-20: what an execution builds, and nothing else may have left there. */
export const EXECUTION_CONTEXT_KEYS: readonly string[] = [
  "wakefleetHarnessCheckedOut",
  "wakefleetContinuationSummary",
  "wakefleetWake",
  "wakefleetIssue",
  "wakefleetWakeComment",
  "wakefleetTaskMarkdown",
  "wakefleetEnvironment",
  "wakefleetWorkspace",
  "wakefleetWorkspaces",
  "wakefleetRuntimeServiceIntents",
  "wakefleetRuntimeServices",
  "wakefleetRuntimePrimaryUrl",
  "wakefleetSessionHandoffMarkdown",
  "wakefleetSessionRotationReason",
  "wakefleetPreviousSessionId",
  "executionWorkspaceId",
  TRUNCATED_KEY,
];

/** CX-12: the wake's own keys alone. */
export function wakeContext(context: JsonObject | null): JsonObject {
  const { ...own } = context ?? {};
  for (const key of EXECUTION_CONTEXT_KEYS) delete own[key];
  return own;
}

/** The stored context may be this large; the adapter gets all of it (CX-22). */
const STORED_CONTEXT_MAX_BYTES = 256 * 1024;

/** UTF-8 takes at most three bytes for each code unit: most contexts need no encoding to be known as small. */
function isLarge(context: JsonObject): boolean {
  const text = JSON.stringify(context);
  return text.length * 3 > STORED_CONTEXT_MAX_BYTES && new TextEncoder().encode(text).length > STORED_CONTEXT_MAX_BYTES;
}

/** CX-22: the built keys as they are stored. `context` is the wake's own part. */
export function storedContextKeys(context: JsonObject, built: JsonObject): JsonObject {
  if (!isLarge({ ...context, ...built })) return built;
  const { wakefleetTaskMarkdown: _text, wakefleetIssue, wakefleetWakeComment, ...rest } = built;
  const stored: JsonObject = { ...rest, [TRUNCATED_KEY]: true };
  if (isJsonObject(wakefleetIssue)) {
    const { description: _description, ...ids } = wakefleetIssue;
    stored["wakefleetIssue"] = ids;
  }
  if (isJsonObject(wakefleetWakeComment)) {
    const { body: _body, ...ids } = wakefleetWakeComment;
    stored["wakefleetWakeComment"] = ids;
  }
  return stored;
}
