/**
 * Starts a foreign program (PostgreSQL, Redis) so that it never outlives the process that started it.
 *
 * What must stay true: whatever ends the parent, SIGKILL included, ends the program. Node cannot promise that by
 * itself, so a shell of a few lines stands between: it holds the reading end of a pipe whose writing end only the
 * parent has. The kernel closes the pipe when the parent is gone, and the shell then sends the stop signal.
 * The pair runs in a session of its own, so that Ctrl-C at a terminal reaches the parent alone, which stops its
 * children in order.
 */
import { type ChildProcess, spawn } from "node:child_process";

/**
 * $1 is the stop signal, the rest is the command. Descriptor 3 is the pipe, because `&` takes a job's own stdin; `read`
 * waits for its end without a process of its own. The signal is repeated every second: one that comes before the program
 * has its handlers is lost, since `&` begins with SIGINT ignored. A watcher that has begun to signal takes no TERM and is
 * waited for, so that its last `sleep` does not outlive the guard.
 */
const GUARD = `
stop=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
(
  read -r _ <&3
  trap '' TERM
  tenths=0
  while kill -0 "$child" 2>/dev/null; do
    [ $((tenths % 10)) -ne 0 ] || kill -s "$stop" "$child" 2>/dev/null
    tenths=$((tenths + 1))
    sleep 0.1
  done
) &
watcher=$!
exec 3<&- </dev/null
wait "$child"; code=$?
kill "$watcher" 2>/dev/null
wait "$watcher"
exit "$code"
`;

/** Whose rights the program runs with; absent means the caller's own. */
export interface ProcessIdentity {
  readonly uid: number;
  readonly gid: number;
}

export interface GuardedProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Sent when the parent stops the program or is gone, without the `SIG`: `INT`, `TERM`. */
  readonly stopSignal: string;
  /** Open file descriptor that takes what the program prints. */
  readonly logFd: number;
  readonly identity?: ProcessIdentity | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

export interface GuardedProcess {
  /** Settles when the program ended, with its exit code (128 + n for a signal). Never rejects. */
  readonly exited: Promise<number>;
  /** True until the program ended. */
  isRunning(): boolean;
  /** Lets go of the pipe: the guard sends the stop signal. Settles when the program ended. */
  stop(): Promise<void>;
}

/**
 * Spawns `command` behind the guard. A command that cannot be executed shows as an early end with code 126 or 127,
 * its reason in the log.
 */
export function startGuarded(options: GuardedProcessOptions): GuardedProcess {
  const guard: ChildProcess = spawn(
    "/bin/sh",
    ["-c", GUARD, "wakefleet-guard", options.stopSignal, options.command, ...options.args],
    {
      cwd: "/",
      detached: true,
      stdio: ["pipe", options.logFd, options.logFd],
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.identity ?? {}),
    },
  );
  let running = true;
  const exited = new Promise<number>((resolve) => {
    const end = (code: number): void => {
      running = false;
      resolve(code);
    };
    guard.once("exit", (code, signal) => end(code ?? (signal === null ? 1 : 128)));
    // The shell itself could not be spawned: nothing runs.
    guard.once("error", () => end(127));
  });
  guard.stdin?.on("error", () => undefined);
  return {
    exited,
    isRunning: () => running,
    async stop(): Promise<void> {
      guard.stdin?.end();
      await exited;
    },
  };
}
