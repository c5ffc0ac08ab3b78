/**
 * From how OpenCode ended to what it means (AD-235, AD-236, AD-245). Pure.
 *
 * What must stay true: the provider's status decides, not the words of its message.
 */
import type { CliFailure } from "../cli/cli-failure.js";
import { errorLines, firstErrorLine } from "../error-lines.js";
import { readRetryAfter } from "../http/retry-after.js";
import type { OpenCodeOutput } from "./parse-opencode.js";

/** One attempt that ended by itself. */
export interface OpenCodeEnding {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly output: OpenCodeOutput;
  readonly stderr: string;
  /** Lines on stdout that are no JSON. */
  readonly plainStdout: string;
  readonly now: Date;
}

const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([429, 500, 502, 503, 504, 529]);
const AUTH_STATUSES: ReadonlySet<number> = new Set([401, 403]);
/** A shorter wait is less than the retry schedule's own (AD-245). */
const RETRY_AFTER_FLOOR_MS = 60_000;
const UNKNOWN_SESSION =
  /unknown session|session\b[^\n]{0,80}\bnot found|resource not found:[^\n]*\/session\/[^\n]*\.json|NotFoundError|no session\b/i;

/** Null for success. */
export function judgeOpenCode(ending: OpenCodeEnding): CliFailure | null {
  const { exitCode, output } = ending;
  if (exitCode === 0 && output.errorMessage === null && output.ended) return null;
  // An error with exit 0 is an error (AD-235).
  const exit = exitCode === 0 && output.errorMessage !== null ? { exitCode: 1 } : {};
  const failure = { errorMessage: messageOf(ending), ...exit };
  const { apiError } = output;
  if (apiError === null) return failure;
  if (apiError.statusCode !== null && AUTH_STATUSES.has(apiError.statusCode)) {
    return { ...failure, errorCode: "opencode_auth_required" };
  }
  if (!apiError.isRetryable && !TRANSIENT_STATUSES.has(apiError.statusCode ?? 0)) return failure;
  const notBefore = retryNotBefore(apiError.retryAfter, ending.now);
  return {
    ...failure,
    errorCode: "opencode_transient_upstream",
    errorFamily: "transient_upstream",
    ...(notBefore === null ? {} : { retryNotBefore: notBefore }),
  };
}

/** True when the CLI does not know the session it was to resume (AD-236). */
export function isUnknownOpenCodeSession({ output, stderr, plainStdout }: OpenCodeEnding): boolean {
  return UNKNOWN_SESSION.test(
    [output.errorMessage ?? "", ...errorLines(stderr), ...errorLines(plainStdout)].join("\n"),
  );
}

function messageOf({ exitCode, output, stderr }: OpenCodeEnding): string {
  if (output.errorMessage !== null) return output.errorMessage;
  if (exitCode === 0) return "OpenCode exited with code 0 without a final result";
  return firstErrorLine(stderr) ?? `OpenCode exited with code ${exitCode ?? -1}`;
}

function retryNotBefore(header: string | null, now: Date): string | null {
  const at = readRetryAfter(header, now);
  return at !== null && at.getTime() > now.getTime() + RETRY_AFTER_FLOOR_MS ? at.toISOString() : null;
}
