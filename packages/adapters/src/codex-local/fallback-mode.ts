/** How a retry differs from the attempt that failed at the provider (AD-33, AD-146). Pure. */
import { asJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";

const SUMMARY_CHARS = 1500;

export interface CodexFallback {
  /** As the host named it; null for an ordinary run. */
  readonly mode: string | null;
  /** The thread is not resumed, and not kept. */
  readonly freshSession: boolean;
  /** Without the fast mode. */
  readonly saferInvocation: boolean;
}

/** Reads `codexTransientFallbackMode`; a word nobody knows changes nothing. */
export function readCodexFallback(context: JsonObject): CodexFallback {
  const mode = nonEmptyString(context["codexTransientFallbackMode"])?.trim() ?? null;
  return {
    mode,
    freshSession: mode === "fresh_session" || mode === "fresh_session_safer_invocation",
    saferInvocation: mode === "safer_invocation" || mode === "fresh_session_safer_invocation",
  };
}

/** What a fresh thread is told about the one it replaces; blank where nothing is replaced. */
export function fallbackHandoff(input: {
  readonly fallback: CodexFallback;
  readonly previousSessionId: string | null;
  readonly context: JsonObject;
}): string {
  const { fallback, previousSessionId, context } = input;
  if (!fallback.freshSession) return "";
  const summary = nonEmptyString(asJsonObject(context["wakefleetContinuationSummary"])["body"])?.trim() ?? null;
  return [
    "## Wakefleet session handoff",
    "",
    "This run begins with a fresh session in the place of an earlier one. Go on from what is stored of the issue.",
    `- previous session id: ${previousSessionId ?? "unknown"}`,
    "- reason: repeated Codex transient remote-compaction failures",
    `- mode: ${fallback.mode ?? "unknown"}`,
    ...(summary === null ? [] : ["", "Continuation summary of the issue:", cut(summary)]),
  ].join("\n");
}

/** A cut never splits a character of two units. */
function cut(text: string): string {
  if (text.length <= SUMMARY_CHARS) return text;
  return `${text.slice(0, SUMMARY_CHARS).replace(/[\uD800-\uDBFF]$/, "")}\n[summary truncated]`;
}
