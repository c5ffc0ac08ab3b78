/** Settings and command line of `gemini_local` (AD-200, AD-201). */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { readBoolean, readExtraArgs, readNumber } from "../config-readers.js";

/** AD-94: seconds; the reference's 10 are too short for a cold start. */
export const DEFAULT_HELLO_PROBE_TIMEOUT_SEC = 45;

export interface GeminiConfig {
  /** Null for `auto`: the CLI chooses. */
  readonly model: string | null;
  readonly sandbox: boolean;
  readonly extraArgs: readonly string[];
  /** At least 1. */
  readonly helloProbeTimeoutSec: number;
}

/** Reads the settings; a value of a wrong type reads as its default (AD-38). */
export function readGeminiConfig(config: JsonObject): GeminiConfig {
  const model = nonEmptyString(config["model"])?.trim() ?? null;
  return {
    model: model === "auto" ? null : model,
    sandbox: readBoolean(config["sandbox"], false),
    extraArgs: readExtraArgs(config),
    helloProbeTimeoutSec: Math.max(1, readNumber(config["helloProbeTimeoutSec"], DEFAULT_HELLO_PROBE_TIMEOUT_SEC)),
  };
}

/** Arguments of a run (AD-201), without the prompt, which is the value of the `--prompt` that comes last. */
export function geminiArguments(input: {
  readonly config: GeminiConfig;
  /** The session to resume; null for a fresh one. */
  readonly sessionId: string | null;
}): string[] {
  const { config, sessionId } = input;
  return [
    "--output-format",
    "stream-json",
    ...(sessionId === null ? [] : ["--resume", sessionId]),
    ...(config.model === null ? [] : ["--model", config.model]),
    "--approval-mode",
    "yolo",
    config.sandbox ? "--sandbox" : "--sandbox=none",
    ...config.extraArgs,
  ];
}
