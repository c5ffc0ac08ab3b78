/**
 * From how Claude Code ended to what it means (AD-121 to AD-127). Pure.
 *
 * What must stay true: patterns are looked for in the CLI's own error texts only, never in what the agent or a tool said
 * (AD-76); login and limit are told apart, because the first needs a person and the second only time.
 */
import { asJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { CliFailure } from "../cli/cli-failure.js";
import { errorLines, firstErrorLine } from "../error-lines.js";
import { errorText, firstNumber, firstText } from "../event-fields.js";
import { readClaudeResetTime } from "./claude-reset-time.js";
import type { ClaudeOutput } from "./parse-claude.js";

/** One attempt that ended by itself. */
export interface ClaudeEnding {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly output: ClaudeOutput;
  readonly stderr: string;
  /** Lines on stdout that are no JSON. */
  readonly plainStdout: string;
  /** Reset times are seen from here. */
  readonly now: Date;
  /** The session the CLI was told to go on with; null for a fresh one. */
  readonly resumedSessionId: string | null;
}

const AUTH_STATUSES: ReadonlySet<number> = new Set([401, 403]);
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([429, 500, 502, 503, 504, 529]);

/** AD-123. */
const AUTH =
  /not logged in|please log in|please run [`'"]?(?:claude login|\/login)|login required|requires login|unauthorized|authentication required/i;
/** AD-124. */
const TRANSIENT: readonly RegExp[] = [
  /rate[-_ ]?limit(?:ed|_error)?|too many requests|\b(?:429|503|529)\b/i,
  /overloaded|service unavailable|high demand|try again later|temporarily unavailable/i,
  /throttl(?:ed|ing)|ServiceQuotaExceededException/i,
  /extra usage|(?:usage limit|5-hour limit|weekly limit|usage cap) reached|you['’]ve hit your [^\n]{0,60}?limit/i,
];
/** AD-127. */
const UNKNOWN_SESSION =
  /no conversation found with session id|unknown session|session\b[^\n]{0,120}\bnot found|is not a UUID|does not match any session title|--resume requires a valid session/i;
const URLS = /https?:\/\/[^\s"'<>()[\]{}]+/gi;

/** Null for success. */
export function judgeClaude(ending: ClaudeEnding): CliFailure | null {
  const { exitCode, output } = ending;
  const result = output.resultEvent;
  if (exitCode === 0 && result !== null && !isErrorResult(result)) return null;
  const errorMessage = messageOf(ending);
  if (result !== null && isTurnLimit(result)) {
    return { errorMessage, errorCode: "max_turns_exhausted", clearSession: true };
  }
  if (isUnknownClaudeSession(ending)) return { errorMessage };
  const text = searchText(ending);
  if (needsLogin(ending, text)) {
    const loginUrl = loginUrlOf(text);
    return {
      errorMessage,
      errorCode: "claude_auth_required",
      ...(loginUrl === null ? {} : { errorMeta: { loginUrl } }),
    };
  }
  if (!isTransient(ending, text)) return { errorMessage };
  const retryAt = output.rejection?.resetsAt ?? readClaudeResetTime(text, { now: ending.now });
  return {
    errorMessage,
    errorCode: "claude_transient_upstream",
    errorFamily: "transient_upstream",
    ...(retryAt === null ? {} : { retryNotBefore: retryAt.toISOString() }),
  };
}

/** True when the CLI does not know the session it was to resume (AD-127). */
export function isUnknownClaudeSession(ending: ClaudeEnding): boolean {
  const { exitCode, output, resumedSessionId } = ending;
  if (resumedSessionId === null || exitCode === 0 || output.resultEvent === null) return false;
  return UNKNOWN_SESSION.test(searchText(ending));
}

/** True when the attempt ended for want of a login (AD-123), whatever its exit code. */
export function needsClaudeLogin(ending: ClaudeEnding): boolean {
  return needsLogin(ending, searchText(ending));
}

/** API failures come as `subtype: "success"` with `is_error` (AD-121). */
function isErrorResult(result: JsonObject): boolean {
  return result["is_error"] === true || nonEmptyString(result["subtype"])?.startsWith("error") === true;
}

function isTurnLimit(result: JsonObject): boolean {
  return result["subtype"] === "error_max_turns" || result["stop_reason"] === "max_turns";
}

function needsLogin({ output }: ClaudeEnding, text: string): boolean {
  if (AUTH_STATUSES.has(apiStatusOf(output) ?? 0)) return true;
  return output.messageError === "authentication_failed" || AUTH.test(text);
}

function isTransient({ output }: ClaudeEnding, text: string): boolean {
  if (TRANSIENT_STATUSES.has(apiStatusOf(output) ?? 0) || output.rejection !== null) return true;
  return TRANSIENT.some((pattern) => pattern.test(text));
}

function apiStatusOf(output: ClaudeOutput): number | null {
  return firstNumber(output.resultEvent ?? {}, ["api_error_status"]);
}

/** AD-121, AD-122, AD-78. */
function messageOf({ exitCode, output, stderr }: ClaudeEnding): string {
  const result = output.resultEvent;
  if (result === null) {
    if (exitCode === 0) {
      return output.hasEvents
        ? "Claude exited with code 0 without a final result"
        : "Failed to parse claude JSON output";
    }
    const line = firstErrorLine(stderr) ?? output.eventErrors.at(-1) ?? null;
    return `Claude exited with code ${exitCode ?? -1}${line === null ? "" : `: ${line}`}`;
  }
  const subtype = firstText(result, ["subtype"]);
  const detail = firstText(result, ["result"]) ?? resultErrors(result)[0] ?? null;
  if (subtype === null && detail === null) return `Claude exited with code ${exitCode ?? -1}`;
  return ["Claude run failed", subtype === null ? null : `subtype=${subtype}`, detail]
    .filter((part) => part !== null)
    .join(": ");
}

function resultErrors(result: JsonObject): string[] {
  const errors = Array.isArray(result["errors"]) ? result["errors"] : [];
  return errors.map((error) => errorText(error)).filter((text) => text !== null);
}

/** Where patterns are looked for (AD-76). */
function searchText({ output, stderr, plainStdout }: ClaudeEnding): string {
  const result = output.resultEvent ?? {};
  return [
    firstText(result, ["result"]) ?? "",
    ...resultErrors(result),
    errorText(asJsonObject(result)["error"]) ?? "",
    ...output.eventErrors,
    ...errorLines(stderr),
    ...errorLines(plainStdout),
  ].join("\n");
}

/** The address to log in at (AD-123): one that looks like it, else the first. */
function loginUrlOf(text: string): string | null {
  const urls = [...text.matchAll(URLS)].map(([url]) => url.replace(/[.,;:!?]+$/, ""));
  return urls.find((url) => /claude|anthropic|auth/i.test(url)) ?? urls[0] ?? null;
}
