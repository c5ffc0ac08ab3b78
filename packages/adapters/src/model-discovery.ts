/**
 * The models a CLI says it knows (AD-233, AD-264): asked by a command of the CLI, remembered for a minute for each
 * combination of command, directory and environment, because keys in the environment decide which models there are.
 *
 * What must stay true: two runs that ask at once ask the CLI once; a failed listing is not remembered.
 */
import { createHash } from "node:crypto";
import { type CapturedCommand, captureCommand } from "./child/capture-command.js";
import type { AdapterModel } from "./contract.js";
import { firstErrorLine } from "./error-lines.js";

/** AD-233, AD-264. */
const LIST_TIMEOUT_SEC = 20;
const CACHE_MS = 60_000;
const EXAMPLES = 12;
const CACHED_LISTS = 200;

/** The command took longer than it may: that says how busy the host is, and nothing of the model. */
export class ModelListTimeout extends Error {
  override readonly name = "ModelListTimeout";
}

export interface ModelListCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the command. */
  readonly env: Readonly<Record<string, string>>;
}

export interface ModelDiscovery {
  /**
   * Ids in the form `provider/model`, sorted, without doubles.
   * @throws Error when the command cannot be started or fails; ModelListTimeout when it takes too long.
   */
  list(command: ModelListCommand): Promise<readonly string[]>;
  /** The same past the memory. */
  refresh(command: ModelListCommand): Promise<readonly string[]>;
}

/** `parse` finds the ids in what the command printed. */
export function createModelDiscovery(options: {
  parse(captured: Pick<CapturedCommand, "stdout" | "stderr">): readonly string[];
  /** Seconds the command may take. Default 20. */
  readonly timeoutSec?: number;
  /** Milliseconds since the epoch. Default the system's clock. */
  readonly now?: () => number;
}): ModelDiscovery {
  const now = options.now ?? Date.now;
  const timeoutSec = options.timeoutSec ?? LIST_TIMEOUT_SEC;
  const cache = new Map<string, { readonly until: number; readonly models: Promise<readonly string[]> }>();

  const ask = async (command: ModelListCommand): Promise<readonly string[]> => {
    const captured = await captureCommand({ ...command, timeoutSec });
    const shown = [command.command, ...command.args].join(" ");
    if (captured.timedOut) throw new ModelListTimeout(`\`${shown}\` timed out after ${timeoutSec}s`);
    if (captured.exitCode !== 0) {
      const reason = firstErrorLine(captured.stderr) ?? firstErrorLine(captured.stdout);
      throw new Error(`\`${shown}\` failed${reason === null ? "" : `: ${reason}`}`);
    }
    return [...new Set(options.parse(captured))].sort((a, b) => a.localeCompare(b));
  };

  const refresh = (command: ModelListCommand): Promise<readonly string[]> => {
    const key = keyOf(command);
    const models = ask(command);
    cache.delete(key);
    cache.set(key, { until: now() + CACHE_MS, models });
    if (cache.size > CACHED_LISTS) cache.delete(cache.keys().next().value ?? key);
    models.catch(() => {
      if (cache.get(key)?.models === models) cache.delete(key);
    });
    return models;
  };

  return {
    refresh,
    async list(command) {
      const known = cache.get(keyOf(command));
      return known !== undefined && known.until > now() ? await known.models : await refresh(command);
    },
  };
}

/** Environments hold secrets, so only a digest of them is kept. */
function keyOf({ command, args, cwd, env }: ModelListCommand): string {
  const sorted = Object.entries(env)
    .filter(([name]) => !/^(?:WAKEFLEET|PAPERCLIP)_/.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([command, args, cwd, sorted]))
    .digest("hex");
}

/**
 * Makes sure that a configured model can be used (AD-233, AD-264).
 * @throws Error that says what to set, with up to 12 examples.
 */
export function requireKnownModel(input: {
  /** The CLI's name in messages. */
  readonly name: string;
  readonly model: string;
  readonly available: readonly string[];
}): void {
  const { name, model, available } = input;
  if (available.length === 0) {
    throw new Error(`${name} lists no models. Log in to a provider with ${name}, or set its key in the agent's env.`);
  }
  if (available.includes(model)) return;
  const examples = available.slice(0, EXAMPLES).join(", ");
  const more = available.length > EXAMPLES ? `, and ${available.length - EXAMPLES} more` : "";
  throw new Error(`${name} does not know the configured model "${model}". Available: ${examples}${more}.`);
}

/** The list for a form (AD-5); empty when the CLI cannot be asked, because a form must open all the same. */
export async function listedModels(
  discovery: ModelDiscovery,
  command: ModelListCommand,
): Promise<readonly AdapterModel[]> {
  return await discovery.list(command).then(asModels, () => []);
}

/** The same past the memory. */
export async function refreshedModels(
  discovery: ModelDiscovery,
  command: ModelListCommand,
): Promise<readonly AdapterModel[]> {
  return await discovery.refresh(command).then(asModels, () => []);
}

function asModels(ids: readonly string[]): AdapterModel[] {
  return ids.map((id) => ({ id, label: id }));
}
