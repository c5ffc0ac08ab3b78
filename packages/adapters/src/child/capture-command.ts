/**
 * Runs a short helper command (a version, a list of models) to its end and gives what it printed. Not for runs: nothing
 * is logged or stored. The rules of supervision are the same: no shell, its own group, nothing left behind.
 */
import { resolveCommand } from "./resolve-command.js";
import { superviseChild } from "./supervise-child.js";

const CAPTURE_BYTES = 1024 * 1024;
const GRACE_SEC = 5;

export interface CapturedCommand {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** The last MiB. */
  readonly stdout: string;
  /** The last MiB. */
  readonly stderr: string;
}

/** @throws Error with a text of AD-42 when the command cannot be started; the signal's reason when aborted before. */
export async function captureCommand(input: {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Seconds until it is stopped. */
  readonly timeoutSec: number;
  /** Written to stdin; without it stdin is empty. */
  readonly stdin?: string;
  readonly signal?: AbortSignal;
}): Promise<CapturedCommand> {
  const { command, args, cwd, env, timeoutSec, stdin } = input;
  const outcome = await superviseChild({
    command,
    executable: await resolveCommand({ command, cwd, env }),
    args,
    cwd,
    env,
    timeoutSec,
    graceSec: GRACE_SEC,
    captureBytes: CAPTURE_BYTES,
    signal: input.signal ?? new AbortController().signal,
    ...(stdin === undefined ? {} : { stdin }),
    onLog: async () => undefined,
  });
  return {
    exitCode: outcome.exitCode,
    signal: outcome.signal,
    timedOut: outcome.timedOut,
    stdout: outcome.stdout.text(),
    stderr: outcome.stderr.text(),
  };
}
