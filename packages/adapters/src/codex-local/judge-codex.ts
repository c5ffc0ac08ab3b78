/**
 * From how Codex ended to what it means (AD-160 to AD-165). Pure.
 *
 * What must stay true: errors before a turn that was completed count for nothing (AD-151); a quota or a plan needs a
 * person and is never retried (AD-163); patterns are looked for in the CLI's own error texts only (AD-76).
 */
import type { CliFailure } from "../cli/cli-failure.js";
import { errorLines, firstErrorLine } from "../error-lines.js";
import { namesUsageLimit, readCodexResetTime } from "./codex-reset-time.js";
import type { CodexOutput } from "./parse-codex.js";
import { CODEX_NOISE } from "./stderr-noise.js";

/** One attempt that ended by itself. */
export interface CodexEnding {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly output: CodexOutput;
  readonly stderr: string;
  /** Lines on stdout that are no JSON. */
  readonly plainStdout: string;
  /** Reset times are seen from here. */
  readonly now: Date;
  /** The zone the CLI ran in, where its environment names one. */
  readonly localZone?: string | undefined;
  /** The thread the CLI was told to go on with; null for a new one. */
  readonly resumedSessionId: string | null;
}

/** AD-164. */
const AUTH =
  /401 Unauthorized|Missing environment variable:|not logged in|(?:invalid|incorrect) api key|invalid_api_key/i;
/** AD-163: what only a person can change. */
const NEEDS_A_PERSON = /Quota exceeded\b|To use Codex with your ChatGPT plan/i;
/** AD-161: a word of a limit counts together with one of these. */
const LIMIT_WORDS =
  /currently experiencing high demand|temporary errors|rate.?limit(?:ed)?|too many requests|\b429\b|server overloaded|service unavailable|try again later/i;
const LIMIT_SCENES = /remote compact(?:ion)? task|high demand|temporary errors/i;
/** AD-163: these count by themselves. */
const TRANSIENT = /last status: (?:429|503)\b|429 Too Many Requests|\bat capacity\b/i;
/** AD-165. */
const UNKNOWN_SESSION =
  /unknown (?:session|thread)|(?:session|thread|conversation)\b[^\n]{0,120}\bnot found|missing rollout path for thread|state db missing rollout path|no rollout found for thread id/i;

/** Null for success. */
export function judgeCodex(ending: CodexEnding): CliFailure | null {
  const { exitCode, output } = ending;
  if (exitCode === 0 && output.turn === "completed") return null;
  const errorMessage = messageOf(ending);
  if (isUnknownCodexSession(ending)) return { errorMessage };
  const text = searchText(ending);
  if (AUTH.test(text)) return { errorMessage, errorCode: "codex_auth_required" };
  if (!isTransient(text)) return { errorMessage };
  const retryAt = readCodexResetTime(text, ending);
  return {
    errorMessage,
    errorCode: "codex_transient_upstream",
    errorFamily: "transient_upstream",
    ...(retryAt === null ? {} : { retryNotBefore: retryAt.toISOString() }),
  };
}

/** True when the CLI does not know the thread it was to resume (AD-165); the noise on stderr is evidence here. */
export function isUnknownCodexSession({
  exitCode,
  output,
  stderr,
  plainStdout,
  resumedSessionId,
}: CodexEnding): boolean {
  if (resumedSessionId === null || exitCode === 0) return false;
  return UNKNOWN_SESSION.test(
    [output.errorMessage ?? "", ...errorLines(stderr), ...errorLines(plainStdout)].join("\n"),
  );
}

function isTransient(text: string): boolean {
  if (namesUsageLimit(text)) return true;
  if (NEEDS_A_PERSON.test(text)) return false;
  return TRANSIENT.test(text) || (LIMIT_WORDS.test(text) && LIMIT_SCENES.test(text));
}

/** AD-160, AD-78. */
function messageOf({ exitCode, output, stderr }: CodexEnding): string {
  if (exitCode === 0 && output.turn === null) return "Codex exited with code 0 without a final result";
  if (output.errorMessage !== null) return output.errorMessage;
  return firstErrorLine(stderr, CODEX_NOISE) ?? `Codex exited with code ${exitCode ?? -1}`;
}

/** Where patterns are looked for (AD-76): the last error, not the reconnects that went before it. */
function searchText({ output, stderr, plainStdout }: CodexEnding): string {
  return [output.errorMessage ?? "", ...errorLines(stderr, CODEX_NOISE), ...errorLines(plainStdout)].join("\n");
}
