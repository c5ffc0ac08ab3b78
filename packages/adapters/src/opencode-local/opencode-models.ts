/** The models OpenCode knows here (AD-233). */

import { stripVTControlCharacters } from "node:util";
import { nonEmptyString } from "@wakefleet/contracts";
import type { EnvironmentSource } from "../environment/inherited.js";
import { createModelDiscovery } from "../model-discovery.js";

export const openCodeModels = createModelDiscovery({
  parse: ({ stdout }) => parseOpenCodeModels(stdout),
});

export const OPENCODE_MODELS_ARGS: readonly string[] = ["models"];

/** `provider/model` at the beginning of each line. */
export function parseOpenCodeModels(stdout: string): string[] {
  return stripVTControlCharacters(stdout)
    .split(/\r?\n/)
    .flatMap((line) => /^\s*([\w.-]+\/\S+)/.exec(line)?.[1] ?? []);
}

/** The command when an agent configures none (AD-233). */
export function defaultOpenCodeCommand(workerEnv: EnvironmentSource): string {
  return (
    nonEmptyString(workerEnv["WAKEFLEET_OPENCODE_COMMAND"])?.trim() ??
    nonEmptyString(workerEnv["PAPERCLIP_OPENCODE_COMMAND"])?.trim() ??
    "opencode"
  );
}
