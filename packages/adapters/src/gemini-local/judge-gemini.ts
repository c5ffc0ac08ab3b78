/**
 * From how Gemini CLI ended to what it means (AD-209 to AD-216). Pure.
 *
 * What must stay true: an exit code of 0 without a result is a failure, since the CLI answers SIGTERM with 0 (AD-78);
 * a daily quota is nothing a retry helps against (AD-216).
 */
import type { CliFailure } from "../cli/cli-failure.js";
import { errorLines } from "../error-lines.js";
import { firstText } from "../event-fields.js";
import type { GeminiOutput } from "./parse-gemini.js";

/** One attempt that ended by itself. */
export interface GeminiEnding {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly output: GeminiOutput;
  readonly stderr: string;
  /** Lines on stdout that are no JSON. */
  readonly plainStdout: string;
}

/** AD-209: codes of the CLI itself, and HTTP statuses modulo 256. */
const EXIT_AUTH = 41;
const EXIT_TURN_LIMIT = 53;
const TRANSIENT_EXITS: ReadonlySet<number> = new Set([429, 500, 502, 503, 504].map((status) => status % 256));

/** What every start prints, whatever comes of the run (AD-210). */
const START_CHATTER: readonly RegExp[] = [
  /^YOLO mode is enabled/,
  /^Ripgrep is not available/,
  /^Warning: 256-color support/,
  /^Approval mode overridden/,
  /^\[STARTUP\]/,
  /^Loaded cached credentials/,
];
/** The CLI's own retries, which say nothing about how it ended. */
const RETRY_CHATTER: readonly RegExp[] = [/^Attempt \d+ failed with status\b/];

const AUTH =
  /not (?:authenticated|logged in)|please authenticate|api key (?:is )?(?:required|missing|invalid|not valid)|(?:missing|invalid) api key|authentication required|unauthorized|invalid credentials|login required|run `?gemini auth(?: login)?`? first|API_KEY_INVALID/i;
const DAILY_QUOTA = /daily quota/i;
const TRANSIENT = /overloaded|resource has been exhausted|too many requests/i;
const UNAVAILABLE_STATUS = /\bUNAVAILABLE\b/;
const UNKNOWN_SESSION =
  /unknown session|(?:session|resume|checkpoint)\b[^\n]{0,80}\bnot found|cannot resume|failed to resume|error resuming session/i;
const TURN_LIMIT_STATUSES: ReadonlySet<string> = new Set(["turn_limit", "max_turns"]);

/** Null for success. */
export function judgeGemini(ending: GeminiEnding): CliFailure | null {
  const { exitCode, output } = ending;
  const hasFailed = exitCode !== 0 || output.resultEvent === null || resultFailed(output);
  if (!hasFailed) return null;
  const errorMessage = messageOf(ending);
  if (isTurnLimit(ending)) return { errorMessage, errorCode: "max_turns_exhausted", clearSession: true };
  const text = searchText(ending);
  if (exitCode === EXIT_AUTH || AUTH.test(text)) return { errorMessage, errorCode: "gemini_auth_required" };
  if (isTransient(exitCode, text)) {
    return { errorMessage, errorCode: "gemini_transient_upstream", errorFamily: "transient_upstream" };
  }
  return { errorMessage };
}

/** True when the CLI does not know the session it was to resume (AD-213). */
export function isUnknownGeminiSession(ending: GeminiEnding): boolean {
  return UNKNOWN_SESSION.test(searchText(ending));
}

function resultFailed(output: GeminiOutput): boolean {
  const result = output.resultEvent;
  if (result === null) return false;
  const status = firstText(result, ["status", "subtype"])?.toLowerCase() ?? "success";
  return status === "error" || TURN_LIMIT_STATUSES.has(status) || result["is_error"] === true;
}

function isTurnLimit({ exitCode, output }: GeminiEnding): boolean {
  const status = firstText(output.resultEvent ?? {}, ["status", "subtype"])?.toLowerCase() ?? "";
  return (
    exitCode === EXIT_TURN_LIMIT || TURN_LIMIT_STATUSES.has(status) || output.errorType === "FatalTurnLimitedError"
  );
}

function isTransient(exitCode: number | null, text: string): boolean {
  if (DAILY_QUOTA.test(text)) return false;
  if (exitCode !== null && TRANSIENT_EXITS.has(exitCode)) return true;
  return TRANSIENT.test(text) || UNAVAILABLE_STATUS.test(text);
}

/** AD-210. */
function messageOf({ exitCode, output, stderr }: GeminiEnding): string {
  if (output.errorMessage !== null) return output.errorMessage;
  if (output.resultEvent === null && exitCode === 0) return "Gemini exited with code 0 without a final result";
  if (resultFailed(output)) {
    const status = firstText(output.resultEvent ?? {}, ["status", "subtype"]) ?? "error";
    return `Gemini run failed: status=${status}`;
  }
  return errorLines(stderr, START_CHATTER)[0] ?? `Gemini exited with code ${exitCode ?? -1}`;
}

/** Where patterns are looked for (AD-76): the CLI's own error texts, never the agent's or a tool's. */
function searchText({ output, stderr, plainStdout }: GeminiEnding): string {
  return [
    output.errorMessage ?? "",
    ...errorLines(stderr, [...START_CHATTER, ...RETRY_CHATTER]),
    ...errorLines(plainStdout),
  ].join("\n");
}
