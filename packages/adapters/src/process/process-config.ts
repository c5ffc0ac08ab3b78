/** Settings of the `process` adapter (AD-80). */
import type { JsonObject } from "@wakefleet/contracts";
import { z } from "zod";
import { readArgs, readNumber, readString } from "../config-readers.js";

const DEFAULT_GRACE_SEC = 15;

/** For forms and docs; runs read tolerantly (AD-38). */
export const processConfigSchema = z.object({
  command: z.string().min(1).describe("Executable: a name that is searched in PATH, or a path."),
  args: z
    .union([z.array(z.string()), z.string()])
    .optional()
    .describe("Arguments as a list, or one string that is split on blanks with quotes honoured. No shell is involved."),
  cwd: z.string().optional().describe("Absolute working directory; used where the run has no workspace of its own."),
  env: z.record(z.string(), z.unknown()).optional().describe("Variables added to the child's environment."),
  timeoutSec: z.number().min(0).default(0).describe("Seconds until the run is stopped; 0 is never."),
  graceSec: z
    .number()
    .min(0)
    .default(DEFAULT_GRACE_SEC)
    .describe("Seconds between SIGTERM and SIGKILL when the run is stopped; at least 1 is kept."),
});

export interface ProcessConfig {
  /** Empty when missing. */
  readonly command: string;
  readonly args: readonly string[];
  readonly timeoutSec: number;
  readonly graceSec: number;
}

/** @throws Error when `args` is a string with an open quote. */
export function readProcessConfig(config: JsonObject): ProcessConfig {
  return {
    command: readString(config["command"], "").trim(),
    args: readArgs(config["args"]),
    timeoutSec: readNumber(config["timeoutSec"], 0),
    graceSec: readNumber(config["graceSec"], DEFAULT_GRACE_SEC),
  };
}

export const PROCESS_CONFIG_DOC = `# process

Runs any program as an agent. The program learns who it is and why it was woken from its environment
(\`WAKEFLEET_AGENT_ID\`, \`WAKEFLEET_RUN_ID\`, \`WAKEFLEET_TASK_ID\`, \`WAKEFLEET_WAKE_REASON\`, ...), and succeeds by
exiting with 0.

| setting | default | |
| --- | --- | --- |
| \`command\` | required | a name that is searched in PATH, or a path |
| \`args\` | none | a list, or one string that is split on blanks with quotes honoured; no shell is involved |
| \`cwd\` | the run's workspace | absolute |
| \`env\` | none | variables for the program |
| \`timeoutSec\` | 0 (never) | then SIGTERM to the whole process group |
| \`graceSec\` | ${DEFAULT_GRACE_SEC} | then SIGKILL |

A program may report more: if the last line it prints is a JSON object such as
\`{"wakefleetResult": {"summary": "Sorted the inbox", "usage": {"inputTokens": 10, "outputTokens": 2}}}\`, its
\`summary\`, \`usage\`, \`costUsd\`, \`sessionParams\` and, if it failed, \`errorCode\`, \`errorFamily\` and \`retryNotBefore\`
are taken over.
`;
