/**
 * The models of Codex (AD-170): a list that ships, and with a key what the provider lists besides.
 *
 * What must stay true: a provider that does not answer costs five seconds at most and changes nothing; the key itself is
 * not kept.
 */
import { createHash } from "node:crypto";
import { asJsonObject, isJsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { AdapterModel } from "../contract.js";

/** Data, not logic: ids that are not here are passed through. */
export const CODEX_MODEL_IDS: readonly string[] = [
  ...["gpt-5.4", "gpt-5.3-codex", "gpt-5.3-codex-spark", "gpt-5", "o3", "o4-mini", "gpt-5-mini", "gpt-5-nano"],
  ...["o3-mini", "codex-mini-latest"],
];

/** Chosen where nothing else is. */
export const DEFAULT_CODEX_MODEL = "gpt-5.3-codex";
export const CODEX_MODELS: readonly AdapterModel[] = CODEX_MODEL_IDS.map((id) => ({ id, label: id }));

const LIST_URL = "https://api.openai.com/v1/models";
const LIST_TIMEOUT_MS = 5_000;
const CACHE_MS = 60_000;
const LIST_LIMIT_BYTES = 4 * 1024 * 1024;

export interface CodexModelList {
  /** May answer from a memory of one minute. */
  list(apiKey: string | null): Promise<readonly AdapterModel[]>;
  /** Asks the provider in any case. */
  refresh(apiKey: string | null): Promise<readonly AdapterModel[]>;
}

/** `fetchList` answers like `fetch`; `now` is milliseconds since the epoch. */
export function createCodexModelList(
  options: { readonly fetchList?: typeof fetch; readonly now?: () => number } = {},
): CodexModelList {
  const { fetchList = fetch, now = Date.now } = options;
  let cached: { readonly digest: string; readonly until: number; readonly models: readonly AdapterModel[] } | null =
    null;

  const refresh = async (apiKey: string | null): Promise<readonly AdapterModel[]> => {
    if (apiKey === null) return CODEX_MODELS;
    const digest = digestOf(apiKey);
    const listed = await askProvider(fetchList, apiKey);
    if (listed === null) return cached?.digest === digest ? cached.models : CODEX_MODELS;
    const ids = [...new Set([...CODEX_MODEL_IDS, ...listed])].sort((a, b) => a.localeCompare(b));
    const models = ids.map((id) => ({ id, label: id }));
    cached = { digest, until: now() + CACHE_MS, models };
    return models;
  };

  return {
    refresh,
    async list(apiKey) {
      if (apiKey !== null && cached?.digest === digestOf(apiKey) && cached.until > now()) return cached.models;
      return await refresh(apiKey);
    },
  };
}

/** Null when the provider did not answer with a list: then what is known has to do. */
async function askProvider(fetchList: typeof fetch, apiKey: string): Promise<string[] | null> {
  try {
    const response = await fetchList(LIST_URL, {
      headers: { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(LIST_TIMEOUT_MS),
    });
    if (!response.ok) {
      await response.body?.cancel();
      return null;
    }
    const text = await response.text();
    if (text.length > LIST_LIMIT_BYTES) return null;
    const data = asJsonObject(JSON.parse(text))["data"];
    const ids = Array.isArray(data) ? data.filter(isJsonObject).map((model) => nonEmptyString(model["id"])) : [];
    return ids.filter((id) => id !== null);
  } catch {
    // Offline, slow or not JSON: a list for a form is not worth an error.
    return null;
  }
}

function digestOf(apiKey: string): string {
  return createHash("sha256").update(apiKey).digest("hex");
}
