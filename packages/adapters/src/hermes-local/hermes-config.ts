/** Settings and command line of `hermes_local` (AD-290, AD-292). */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { readBoolean, readExtraArgs, readNumber, readStringList } from "../config-readers.js";

export const DEFAULT_HERMES_MODEL = "anthropic/claude-sonnet-4";
/** AD-47, AD-290: seconds. */
export const HERMES_TIMEOUT_SEC = 300;
export const HERMES_GRACE_SEC = 10;

/** Providers the CLI knows; `auto` leaves the choice to it. */
export const HERMES_PROVIDERS = [
  "auto",
  "openrouter",
  "nous",
  "openai-codex",
  "copilot",
  "copilot-acp",
  "anthropic",
  "huggingface",
  "zai",
  "kimi-coding",
  "minimax",
  "minimax-cn",
  "kilocode",
] as const;

/** The provider a model's name begins to tell of (AD-292), first match wins. */
const PROVIDER_BY_PREFIX: readonly (readonly [string, string])[] = [
  ["gpt-4", "openai-codex"],
  ["gpt-5", "copilot"],
  ["o1-", "openai-codex"],
  ["o3-", "openai-codex"],
  ["o4-", "openai-codex"],
  ["claude", "anthropic"],
  ["hermes-", "nous"],
  ["glm-", "zai"],
  ["kimi", "kimi-coding"],
  ["moonshot", "kimi-coding"],
  ["minimax", "minimax"],
];

export interface HermesConfig {
  readonly command: string;
  readonly model: string;
  /** As configured; null when missing or unknown to the CLI. */
  readonly provider: string | null;
  readonly timeoutSec: number;
  readonly graceSec: number;
  /** Joined by commas; null for the CLI's own set. */
  readonly toolsets: string | null;
  readonly persistSession: boolean;
  readonly worktreeMode: boolean;
  readonly checkpoints: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly extraArgs: readonly string[];
  /** Null for the adapter's own template. */
  readonly promptTemplate: string | null;
}

/** Reads the settings; a value of a wrong type reads as its default (AD-38). */
export function readHermesConfig(config: JsonObject): HermesConfig {
  const text = (key: string): string | null => nonEmptyString(config[key])?.trim() ?? null;
  const enabled = readStringList(config["enabledToolsets"]).filter((name) => name.trim() !== "");
  return {
    command: text("hermesCommand") ?? text("command") ?? "hermes",
    model: text("model") ?? DEFAULT_HERMES_MODEL,
    provider: HERMES_PROVIDERS.find((known) => known === text("provider")) ?? null,
    timeoutSec: readNumber(config["timeoutSec"], HERMES_TIMEOUT_SEC),
    graceSec: readNumber(config["graceSec"], HERMES_GRACE_SEC),
    toolsets: text("toolsets") ?? (enabled.length > 0 ? enabled.join(",") : null),
    persistSession: readBoolean(config["persistSession"], true),
    worktreeMode: readBoolean(config["worktreeMode"], false),
    checkpoints: readBoolean(config["checkpoints"], false),
    quiet: readBoolean(config["quiet"], true),
    verbose: readBoolean(config["verbose"], false),
    extraArgs: readExtraArgs(config),
    promptTemplate: nonEmptyString(config["promptTemplate"]),
  };
}

/** What the CLI itself is set to use (`~/.hermes/config.yaml`). */
export interface HermesDefaults {
  readonly model: string;
  readonly provider: string;
}

/**
 * Which provider is named on the command line (AD-292): the configured one, else the CLI's own if its model is the same,
 * else the one the model's name tells of, else `auto`.
 */
export function chooseHermesProvider(input: {
  readonly config: Pick<HermesConfig, "model" | "provider">;
  /** Null when the CLI's settings name no model. */
  readonly defaults: HermesDefaults | null;
}): { readonly provider: string; readonly from: "config" | "defaults" | "model" | "none" } {
  const { config, defaults } = input;
  if (config.provider !== null) return { provider: config.provider, from: "config" };
  if (defaults !== null && defaults.provider !== "" && sameModel(defaults.model, config.model)) {
    return { provider: defaults.provider, from: "defaults" };
  }
  const told = providerOfModel(config.model);
  return told === null ? { provider: "auto", from: "none" } : { provider: told, from: "model" };
}

/** The provider a model's name begins to tell of; null when it tells none. */
export function providerOfModel(model: string): string | null {
  const name = model.trim().toLowerCase();
  return PROVIDER_BY_PREFIX.find(([prefix]) => name.startsWith(prefix))?.[1] ?? null;
}

/** Arguments of a run (AD-292), with the prompt. */
export function hermesArguments(input: {
  readonly config: HermesConfig;
  readonly prompt: string;
  readonly provider: string;
  /** The session to resume; null for a fresh one. */
  readonly sessionId: string | null;
}): string[] {
  const { config, provider, sessionId } = input;
  return [
    "chat",
    "-q",
    input.prompt,
    ...(config.quiet ? ["-Q"] : []),
    "-m",
    config.model,
    ...(provider === "auto" ? [] : ["--provider", provider]),
    ...(config.toolsets === null ? [] : ["-t", config.toolsets]),
    ...(config.worktreeMode ? ["-w"] : []),
    ...(config.checkpoints ? ["--checkpoints"] : []),
    ...(config.verbose ? ["-v"] : []),
    "--source",
    "tool",
    "--yolo",
    ...(sessionId === null ? [] : ["--resume", sessionId]),
    ...config.extraArgs,
  ];
}

function sameModel(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}
