/**
 * From how Pi ended to what it means (AD-268 to AD-275). Pure.
 *
 * What must stay true: the CLI exits with 0 on API errors, so the exit code alone proves nothing (AD-268).
 */
import type { CliFailure } from "../cli/cli-failure.js";
import { errorLines } from "../error-lines.js";
import type { PiOutput } from "./parse-pi.js";

/** One attempt that ended by itself. */
export interface PiEnding {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly output: PiOutput;
  readonly stderr: string;
  /** Lines on stdout that are no JSON. */
  readonly plainStdout: string;
}

/** A model id the CLI does not know is taken as it is; the remark does not explain a failure (AD-276). */
const CHATTER: readonly RegExp[] = [/^Warning: Model ".*" not found for provider\b/];
const TRANSIENT_STATUS = /^\s*(?:429|500|502|503|504|529)\b/;
const TRANSIENT_WORDS = /overloaded|rate.?limit/i;
const AUTH_STATUS = /^\s*(?:401|403)\b/;
const MISSING_KEY = /^No API key found for\b/im;
const UNKNOWN_SESSION = /unknown session|session\b[^\n]{0,80}\bnot found|no session\b/i;

/** Null for success. */
export function judgePi(ending: PiEnding): CliFailure | null {
  const { exitCode, output } = ending;
  if (exitCode === 0 && output.errorMessage === null && output.ended) return null;
  // The CLI exits with 0 on API errors (AD-268).
  const exit = exitCode === 0 && output.errorMessage !== null ? { exitCode: 1 } : {};
  const failure = { errorMessage: messageOf(ending), ...exit };
  const text = searchText(ending);
  if (AUTH_STATUS.test(output.errorMessage ?? "") || MISSING_KEY.test(text)) {
    return { ...failure, errorCode: "pi_auth_required" };
  }
  if (TRANSIENT_STATUS.test(output.errorMessage ?? "") || TRANSIENT_WORDS.test(text)) {
    return { ...failure, errorCode: "pi_transient_upstream", errorFamily: "transient_upstream" };
  }
  return failure;
}

/** True when the CLI does not know the session it was to resume (AD-271). */
export function isUnknownPiSession(ending: PiEnding): boolean {
  return UNKNOWN_SESSION.test(searchText(ending));
}

function messageOf({ exitCode, output, stderr }: PiEnding): string {
  if (output.errorMessage !== null) return output.errorMessage;
  if (exitCode === 0) return "Pi exited with code 0 without a final result";
  return errorLines(stderr, CHATTER)[0] ?? `Pi exited with code ${exitCode ?? -1}`;
}

function searchText({ output, stderr, plainStdout }: PiEnding): string {
  return [output.errorMessage ?? "", ...errorLines(stderr, CHATTER), ...errorLines(plainStdout)].join("\n");
}
