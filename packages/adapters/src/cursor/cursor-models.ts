/** The models Cursor's agent knows here (AD-186). */
import { stripVTControlCharacters } from "node:util";
import type { AdapterModel } from "../contract.js";
import { inheritedEnvironment } from "../environment/inherited.js";
import { createModelDiscovery, listedModels, refreshedModels } from "../model-discovery.js";

/** AD-186, seconds. */
const LIST_TIMEOUT_SEC = 5;

/** Data, not logic: ids that are not here are passed through. */
export const CURSOR_MODELS: readonly string[] = [
  "auto",
  "composer-1.5",
  "composer-1",
  "gpt-5.3-codex",
  "gpt-5.3-codex-high",
  "gpt-5.2",
  "gpt-5.2-codex",
  "gpt-5.1-codex-max",
  "opus-4.6",
  "opus-4.6-thinking",
  "opus-4.5",
  "sonnet-4.6",
  "sonnet-4.6-thinking",
  "sonnet-4.5",
  "sonnet-4.5-thinking",
  "gemini-3.1-pro",
  "gemini-3-pro",
  "gemini-3-flash",
  "grok",
  "kimi-k2.5",
];

const discovery = createModelDiscovery({
  timeoutSec: LIST_TIMEOUT_SEC,
  parse: ({ stdout }) => parseCursorModels(stdout),
});

/** The id at the beginning of lines such as `gpt-5 - GPT-5 (current)`. */
export function parseCursorModels(stdout: string): string[] {
  return stripVTControlCharacters(stdout)
    .split(/\r?\n/)
    .flatMap((line) => /^\s*(?:[-*•]\s+)?([a-z0-9][\w./-]*)\s*(?:\s-\s.*|\(.*\))?$/.exec(line)?.[1] ?? []);
}

const workerCommand = () => ({
  command: "agent",
  args: ["models"],
  cwd: process.cwd(),
  env: inheritedEnvironment(process.env),
});

/** What the CLI lists, and the fixed list behind it. */
export async function listCursorModels(): Promise<readonly AdapterModel[]> {
  return withFixed(await listedModels(discovery, workerCommand()));
}

/** The same past the memory. */
export async function refreshCursorModels(): Promise<readonly AdapterModel[]> {
  return withFixed(await refreshedModels(discovery, workerCommand()));
}

function withFixed(listed: readonly AdapterModel[]): readonly AdapterModel[] {
  const known = new Set(listed.map((model) => model.id));
  return [...listed, ...CURSOR_MODELS.filter((id) => !known.has(id)).map((id) => ({ id, label: id }))];
}
