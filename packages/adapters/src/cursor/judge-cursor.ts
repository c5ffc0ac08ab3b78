/**
 * From how Cursor's agent ended to what it means (AD-185). Pure.
 *
 * What must stay true: an error result is a failure whatever the exit code says; so is an end without a result (AD-78).
 */
import { errorLines, firstErrorLine } from "../error-lines.js";
import type { CursorOutput } from "./parse-cursor.js";

/** One attempt that ended by itself. */
export interface CursorEnding {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly output: CursorOutput;
  readonly stderr: string;
  /** Lines on stdout that are no JSON. */
  readonly plainStdout: string;
}

const UNKNOWN_SESSION = /unknown (?:session|chat)|(?:session|chat|resume)\b[^\n]{0,80}\bnot found|could not resume/i;

/** Null for success. */
export function judgeCursor(ending: CursorEnding): { readonly errorMessage: string } | null {
  const { exitCode, output } = ending;
  if (exitCode === 0 && output.resultEvent !== null && !output.resultFailed) return null;
  return { errorMessage: messageOf(ending) };
}

/** True when the CLI does not know the session it was to resume (AD-185). */
export function isUnknownCursorSession({ output, stderr, plainStdout }: CursorEnding): boolean {
  return UNKNOWN_SESSION.test(
    [output.errorMessage ?? "", ...errorLines(stderr), ...errorLines(plainStdout)].join("\n"),
  );
}

function messageOf({ exitCode, output, stderr }: CursorEnding): string {
  if (output.errorMessage !== null) return output.errorMessage;
  if (output.resultFailed) return "Cursor reported an error";
  if (exitCode === 0) return "Cursor exited with code 0 without a final result";
  return firstErrorLine(stderr) ?? `Cursor exited with code ${exitCode ?? -1}`;
}
