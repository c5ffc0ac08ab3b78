/** Settings and command line of `pi_local` (AD-260, AD-261). */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { readExtraArgs } from "../config-readers.js";

/** AD-260. */
export const PI_THINKING_LEVELS = ["off", "minimal", "low", "medium", "high", "xhigh"] as const;

const TOOLS = "read,bash,edit,write,grep,find,ls";

export interface PiConfig {
  /** As configured; null when missing. */
  readonly model: string | null;
  /** The part before the first `/`; null without one. */
  readonly provider: string | null;
  /** What stands after the first `/`, or all of it. */
  readonly modelId: string | null;
  readonly thinking: string | null;
  readonly extraArgs: readonly string[];
}

/** Reads the settings; a value of a wrong type reads as its default (AD-38). */
export function readPiConfig(config: JsonObject): PiConfig {
  const model = nonEmptyString(config["model"])?.trim() ?? null;
  const slash = model?.indexOf("/") ?? -1;
  return {
    model,
    provider: model !== null && slash > 0 ? model.slice(0, slash) : null,
    modelId: model !== null && slash >= 0 ? model.slice(slash + 1) || null : model,
    thinking: PI_THINKING_LEVELS.find((level) => level === config["thinking"]) ?? null,
    extraArgs: readExtraArgs(config),
  };
}

/** `--provider`, `--model` and `--thinking`, as far as they are set. */
export function piModelArguments(config: PiConfig): string[] {
  return [
    ...(config.provider === null ? [] : ["--provider", config.provider]),
    ...(config.modelId === null ? [] : ["--model", config.modelId]),
    ...(config.thinking === null ? [] : ["--thinking", config.thinking]),
  ];
}

/** Arguments of a run (AD-261), without the user's prompt, which comes last. */
export function piArguments(input: {
  readonly config: PiConfig;
  readonly systemPrompt: string;
  readonly sessionFile: string;
  readonly skillsDirectory: string;
}): string[] {
  const { config } = input;
  return [
    "--mode",
    "json",
    "-p",
    "--append-system-prompt",
    input.systemPrompt,
    ...piModelArguments(config),
    "--tools",
    TOOLS,
    "--session",
    input.sessionFile,
    "--skill",
    input.skillsDirectory,
    ...config.extraArgs,
  ];
}
