/** Settings and command line of `claude_local` (AD-100 to AD-105). */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { readBoolean, readExtraArgs, readNumber } from "../config-readers.js";
import { isBedrockModel, usesBedrock } from "./bedrock.js";

/** AD-120. */
export const DEFAULT_RESULT_CLEANUP_GRACE_MS = 5000;

/**
 * What an agent may do where the CLI refuses to skip permissions (AD-105): every tool that releases of this year know.
 * Names a release does not know are accepted.
 */
export const ALLOWED_TOOLS: readonly string[] = [
  ...["Task", "Bash", "CronCreate", "CronDelete", "CronList", "Edit", "EnterWorktree", "ExitWorktree"],
  ...["Glob", "Grep", "Monitor", "NotebookEdit", "Read", "ScheduleWakeup", "Skill", "TaskOutput", "TaskStop"],
  ...["TodoWrite", "WebFetch", "WebSearch", "Write"],
];

export interface ClaudeConfig {
  readonly model: string | null;
  readonly effort: string | null;
  readonly chrome: boolean;
  /** 0 is no limit. */
  readonly maxTurns: number;
  readonly skipsPermissions: boolean;
  readonly extraArgs: readonly string[];
  /** Milliseconds a CLI may live on after its result. */
  readonly resultCleanupGraceMs: number;
}

/** Reads the settings; a value of a wrong type reads as its default (AD-38). */
export function readClaudeConfig(config: JsonObject): ClaudeConfig {
  return {
    model: nonEmptyString(config["model"])?.trim() ?? null,
    effort: nonEmptyString(config["effort"])?.trim() ?? null,
    chrome: readBoolean(config["chrome"], false),
    maxTurns: Math.max(0, Math.floor(readNumber(config["maxTurnsPerRun"], 0))),
    skipsPermissions: readBoolean(config["dangerouslySkipPermissions"], true),
    extraArgs: readExtraArgs(config),
    resultCleanupGraceMs: Math.max(
      0,
      readNumber(config["terminalResultCleanupGraceMs"], DEFAULT_RESULT_CLEANUP_GRACE_MS),
    ),
  };
}

type Env = Readonly<Record<string, string | undefined>>;

/** The system administrator's user: the CLI refuses to skip permissions for it (AD-105). */
export function isRootUser(): boolean {
  return process.getuid?.() === 0;
}

/** True where permissions cannot be skipped and the tools are named instead (AD-105). */
export function namesAllowedTools(input: {
  readonly config: ClaudeConfig;
  readonly env: Env;
  readonly isRoot: boolean;
}): boolean {
  return input.config.skipsPermissions && input.isRoot && !/^(?:1|true)$/i.test(input.env["IS_SANDBOX"]?.trim() ?? "");
}

/** Arguments of a run (AD-101, AD-102); the prompt goes to stdin. */
export function claudeArguments(input: {
  readonly config: ClaudeConfig;
  /** The child's environment. */
  readonly env: Env;
  readonly isRoot: boolean;
  /** The session to resume; null for a fresh one. */
  readonly sessionId: string | null;
  /** The prompt bundle; null for the environment test, which has none. */
  readonly bundleDirectory: string | null;
  /** Only for a fresh session: a resumed one has it already (AD-103). */
  readonly instructionsFile: string | null;
}): string[] {
  const { config, env, sessionId, bundleDirectory, instructionsFile } = input;
  return [
    ...["--print", "--output-format", "stream-json", "--verbose"],
    ...(sessionId === null ? [] : ["--resume", sessionId]),
    ...permissionArguments(input),
    ...(config.chrome ? ["--chrome"] : []),
    ...modelArguments(config.model, env),
    ...(config.effort === null ? [] : ["--effort", config.effort]),
    ...(config.maxTurns > 0 ? ["--max-turns", String(config.maxTurns)] : []),
    ...(instructionsFile === null || sessionId !== null ? [] : ["--append-system-prompt-file", instructionsFile]),
    ...(bundleDirectory === null ? [] : ["--add-dir", bundleDirectory]),
    ...config.extraArgs,
  ];
}

function permissionArguments(input: Parameters<typeof namesAllowedTools>[0]): string[] {
  if (!input.config.skipsPermissions) return [];
  return namesAllowedTools(input) ? ["--allowedTools", ALLOWED_TOOLS.join(" ")] : ["--dangerously-skip-permissions"];
}

function modelArguments(model: string | null, env: Env): string[] {
  if (model === null || (usesBedrock(env) && !isBedrockModel(model))) return [];
  return ["--model", model];
}
