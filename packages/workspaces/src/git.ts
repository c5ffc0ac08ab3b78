/**
 * Runs git for the service (WS-24, WS-28, WS-60).
 *
 * What must stay true: arguments are never read by a shell; git asks nobody for anything; it sees none of the service's own
 * variables; only the allowed protocols are spoken, also for what a repository refers to.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { GitProtocol } from "@wakefleet/domain";

/** How git is run on this host. */
export interface GitSettings {
  /** The environment without the service's own variables and secrets (WS-60). */
  readonly env: Readonly<Record<string, string>>;
  readonly protocols: readonly GitProtocol[];
}

const OUTPUT_MAX_BYTES = 1_048_576;
/** Variables that would point git at another repository, and what the service's own tools set. */
const NOT_PASSED_ON =
  /^(?:WAKEFLEET_|PAPERCLIP_|GIT_(?:DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|NAMESPACE)$|npm_config_(?:tailscale_auth|authenticated_private)$)/;

const run = promisify(execFile);

/**
 * What git printed. Rejects with its last words as the message, or with how long it took when the time was over.
 */
export async function git(
  args: readonly string[],
  how: { readonly settings: GitSettings; readonly cwd?: string; readonly timeoutMs: number },
): Promise<string> {
  const { settings, cwd, timeoutMs } = how;
  const inherited = Object.entries(settings.env).filter(([name]) => !NOT_PASSED_ON.test(name));
  const env = {
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
    ...Object.fromEntries(inherited),
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    GIT_ALLOW_PROTOCOL: settings.protocols.join(":"),
    LC_ALL: "C",
  };
  const running = run("git", args, {
    env,
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: OUTPUT_MAX_BYTES,
    ...(cwd === undefined ? {} : { cwd }),
  });
  running.child.stdin?.end();
  try {
    return (await running).stdout;
  } catch (cause) {
    const { killed, stderr, message } = cause as { killed?: boolean; stderr?: string; message: string };
    if (killed === true) throw new Error(`git took longer than ${Math.round(timeoutMs / 1_000)} seconds`);
    throw new Error((stderr ?? "").trim() || message);
  }
}
