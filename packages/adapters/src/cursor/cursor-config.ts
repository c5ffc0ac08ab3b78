/** Settings and command line of `cursor` (AD-180, AD-181, AD-184). */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { readExtraArgs } from "../config-readers.js";

const DEFAULT_MODEL = "auto";
const MODES = ["plan", "ask"] as const;
const TRUST_FLAG = /^(?:--trust(?:=.*)?|--yolo|-f)$/s;

export interface CursorConfig {
  readonly model: string;
  /** Null for the CLI's own default. */
  readonly mode: (typeof MODES)[number] | null;
  readonly extraArgs: readonly string[];
}

/** Reads the settings; a value of a wrong type reads as its default (AD-38). */
export function readCursorConfig(config: JsonObject): CursorConfig {
  return {
    model: nonEmptyString(config["model"])?.trim() ?? DEFAULT_MODEL,
    mode: MODES.find((mode) => mode === config["mode"]) ?? null,
    extraArgs: readExtraArgs(config),
  };
}

/** `--yolo`, unless the extra arguments say themselves how far the agent is trusted (AD-181). */
export function cursorTrustArguments(config: CursorConfig): string[] {
  return config.extraArgs.some((argument) => TRUST_FLAG.test(argument)) ? [] : ["--yolo"];
}

/** Arguments of a run (AD-181); the prompt goes to stdin. */
export function cursorArguments(input: {
  readonly config: CursorConfig;
  readonly cwd: string;
  /** The session to resume; null for a fresh one. */
  readonly sessionId: string | null;
}): string[] {
  const { config, cwd, sessionId } = input;
  return [
    "-p",
    "--output-format",
    "stream-json",
    "--workspace",
    cwd,
    ...(sessionId === null ? [] : ["--resume", sessionId]),
    "--model",
    config.model,
    ...(config.mode === null ? [] : ["--mode", config.mode]),
    ...cursorTrustArguments(config),
    ...config.extraArgs,
  ];
}

/** The provider a model id tells of; null when it tells none (AD-184). */
export function cursorProvider(model: string): string | null {
  const id = model.trim().toLowerCase();
  const slash = id.indexOf("/");
  if (slash > 0) return id.slice(0, slash);
  if (id.includes("sonnet") || id.includes("claude")) return "anthropic";
  return id.startsWith("gpt") || id.startsWith("o") ? "openai" : null;
}
