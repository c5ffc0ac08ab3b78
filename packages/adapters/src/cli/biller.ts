/** Who sends the bill (AD-149, AD-184, AD-235). */
import { nonEmptyString } from "@wakefleet/contracts";

type Env = Readonly<Record<string, string | undefined>>;

/** `openrouter` when requests go there, by its key or by the address; null when nothing says so. */
export function openAiCompatibleBiller(env: Env): string | null {
  if (hasValue(env, "OPENROUTER_API_KEY")) return "openrouter";
  const base = ["OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_BASE_URL"].map((name) => env[name] ?? "");
  return base.some((url) => /openrouter\.ai/i.test(url)) ? "openrouter" : null;
}

/** `api` when one of these keys is there, else the tool's own login pays (AD-24). */
export function apiOrSubscription(env: Env, keys: readonly string[]): "api" | "subscription" {
  return keys.some((name) => hasValue(env, name)) ? "api" : "subscription";
}

/** True when a variable has a value that is not blank. */
export function hasValue(env: Env, name: string): boolean {
  return nonEmptyString(env[name]) !== null;
}
