/** Settings and command line of `opencode_local` (AD-230, AD-231). */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { readBoolean, readExtraArgs } from "../config-readers.js";

export interface OpenCodeConfig {
  /** `provider/model`; null when missing. */
  readonly model: string | null;
  readonly variant: string | null;
  readonly dangerouslySkipPermissions: boolean;
  readonly extraArgs: readonly string[];
}

/** Reads the settings; a value of a wrong type reads as its default (AD-38). */
export function readOpenCodeConfig(config: JsonObject): OpenCodeConfig {
  return {
    model: nonEmptyString(config["model"])?.trim() ?? null,
    variant: nonEmptyString(config["variant"])?.trim() ?? null,
    dangerouslySkipPermissions: readBoolean(config["dangerouslySkipPermissions"], true),
    extraArgs: readExtraArgs(config),
  };
}

/** Arguments of a run (AD-231); the prompt goes to stdin. */
export function openCodeArguments(input: {
  readonly config: OpenCodeConfig;
  /** The session to resume; null for a fresh one. */
  readonly sessionId: string | null;
}): string[] {
  const { config, sessionId } = input;
  return [
    "run",
    "--format",
    "json",
    ...(sessionId === null ? [] : ["--session", sessionId]),
    ...(config.model === null ? [] : ["--model", config.model]),
    ...(config.variant === null ? [] : ["--variant", config.variant]),
    ...config.extraArgs,
  ];
}
