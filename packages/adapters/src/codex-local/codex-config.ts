/** Settings and command line of `codex_local` (AD-140 to AD-142, AD-146). */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { readBoolean, readExtraArgs } from "../config-readers.js";
import { CODEX_MODEL_IDS } from "./codex-models.js";

/** AD-166: half an hour. */
export const DEFAULT_INACTIVITY_TIMEOUT_MS = 1_800_000;
/** Of the known models, those that have a fast mode (AD-140). */
const FAST_MODELS: ReadonlySet<string> = new Set(["gpt-5.4"]);
const SKIP_GIT_CHECK = "--skip-git-repo-check";

export interface CodexConfig {
  readonly model: string | null;
  readonly reasoningEffort: string | null;
  readonly search: boolean;
  /** As configured; whether the model has one is `hasFastMode`. */
  readonly fastMode: boolean;
  readonly bypassesSandbox: boolean;
  readonly extraArgs: readonly string[];
  /** Milliseconds without useful output until the run is ended; null never ends it. */
  readonly inactivityTimeoutMs: number | null;
}

/** Reads the settings; a value of a wrong type reads as its default (AD-38). */
export function readCodexConfig(config: JsonObject): CodexConfig {
  const bypass = config["dangerouslyBypassApprovalsAndSandbox"] ?? config["dangerouslyBypassSandbox"];
  return {
    model: nonEmptyString(config["model"])?.trim() ?? null,
    reasoningEffort:
      (nonEmptyString(config["modelReasoningEffort"]) ?? nonEmptyString(config["reasoningEffort"]))?.trim() ?? null,
    search: readBoolean(config["search"], false),
    fastMode: readBoolean(config["fastMode"], false),
    bypassesSandbox: readBoolean(bypass, false),
    extraArgs: readExtraArgs(config),
    inactivityTimeoutMs: inactivityTimeout(config["outputInactivityTimeoutMs"]),
  };
}

function inactivityTimeout(value: unknown): number | null {
  if (value === null) return null;
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : DEFAULT_INACTIVITY_TIMEOUT_MS;
}

/** True where the fast mode can be used: models that have it, and ids nobody knows yet (AD-140). */
export function hasFastMode(model: string | null): boolean {
  return model !== null && (FAST_MODELS.has(model) || !CODEX_MODEL_IDS.includes(model));
}

/** Arguments of a run (AD-141, AD-142); the prompt goes to stdin. */
export function codexArguments(input: {
  readonly config: CodexConfig;
  /** Switches the fast mode off for this attempt (AD-146). */
  readonly forbidsFastMode: boolean;
  /** The thread to resume; null for a new one. */
  readonly sessionId: string | null;
}): string[] {
  const { config, forbidsFastMode, sessionId } = input;
  const checksGit = !config.bypassesSandbox && !config.extraArgs.includes(SKIP_GIT_CHECK);
  return [
    ...(config.search ? ["--search"] : []),
    ...["exec", "--json"],
    ...(config.bypassesSandbox ? ["--dangerously-bypass-approvals-and-sandbox"] : []),
    ...(config.model === null ? [] : ["--model", config.model]),
    ...(config.reasoningEffort === null
      ? []
      : ["-c", `model_reasoning_effort=${JSON.stringify(config.reasoningEffort)}`]),
    ...(config.fastMode && !forbidsFastMode && hasFastMode(config.model)
      ? ["-c", 'service_tier="fast"', "-c", "features.fast_mode=true"]
      : []),
    // Without the flag the CLI works in directories of a git repository only.
    ...(checksGit ? [SKIP_GIT_CHECK] : []),
    ...config.extraArgs,
    ...(sessionId === null ? ["-"] : ["resume", sessionId, "-"]),
  ];
}
