/** Settings every agent CLI adapter has (AD-38, AD-39, AD-46, AD-59): for forms, docs and schemas. */
import { z } from "zod";

/** AD-47. */
export const DEFAULT_GRACE_SEC = 20;

/** The common part of a schema; `command` is the CLI's default name. */
export function commonCliFields(command: string): z.ZodRawShape {
  return {
    command: z.string().default(command).describe("Executable: a name that is searched in PATH, or a path."),
    cwd: z.string().optional().describe("Absolute working directory; used where the run has no workspace of its own."),
    env: z.record(z.string(), z.unknown()).optional().describe("Variables added to the agent's environment."),
    timeoutSec: z.number().min(0).default(0).describe("Seconds until the run is stopped; 0 is never."),
    graceSec: z
      .number()
      .min(0)
      .default(DEFAULT_GRACE_SEC)
      .describe("Seconds between SIGTERM and SIGKILL when the run is stopped; at least 1 is kept."),
    instructionsFilePath: z.string().optional().describe("File whose text goes before the prompt."),
    promptTemplate: z.string().optional().describe("Prompt of each run; {{agent.name}} and the like are filled in."),
    bootstrapPromptTemplate: z.string().optional().describe("Text before the prompt when a session begins."),
    extraArgs: z.array(z.string()).optional().describe("Arguments added to the command line."),
    args: z.array(z.string()).optional().describe("The same, read when extraArgs is empty."),
  };
}

/** Rows of the settings table in a CLI adapter's documentation. */
export const COMMON_SETTINGS_DOC = `| \`cwd\` | the run's workspace | absolute; made when missing |
| \`env\` | none | variables for the agent |
| \`timeoutSec\` | 0 (never) | then SIGTERM to the whole process group |
| \`graceSec\` | ${DEFAULT_GRACE_SEC} | then SIGKILL |
| \`instructionsFilePath\` | none | text that goes before the prompt |
| \`promptTemplate\` | the execution contract | prompt of each run |
| \`bootstrapPromptTemplate\` | none | text before the prompt when a session begins |
| \`extraArgs\` (or \`args\`) | none | added to the command line |`;
