/**
 * Which account of which provider an agent spends on (BY-5), by the credential its settings name. Pure; the fingerprint of a
 * key is an argument, so that no key is kept.
 *
 * What must stay true: agents with one credential get one account; a credential never leaves this file as itself.
 */
import { asJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { readEnvBinding } from "../secrets/env-bindings.js";

/** An account, unique within a company. */
export interface AccountKey {
  /** Such as `anthropic`; lower case. */
  readonly provider: string;
  /**
   * `secret:ID`, `key:FINGERPRINT`, or `login:FOLDER` for what the tool logged in with on its host, with ` of COMMAND` where the
   * agent has a command of its own: a wrapper may log in as somebody else, and to park runs wrongly is worse than not to.
   */
  readonly credential: string;
}

interface ToolAccount {
  readonly provider: string;
  /** Variables that hold a credential, the strongest first. */
  readonly keys: readonly string[];
  /** The variable that names the folder of the tool's own login. */
  readonly home: string | null;
}

const TOOLS: Readonly<Record<string, ToolAccount>> = {
  claude_local: {
    provider: "anthropic",
    keys: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
    home: "CLAUDE_CONFIG_DIR",
  },
  codex_local: { provider: "openai", keys: ["CODEX_API_KEY", "OPENAI_API_KEY"], home: "CODEX_HOME" },
  cursor: { provider: "cursor", keys: ["CURSOR_API_KEY"], home: null },
  gemini_local: { provider: "google", keys: ["GEMINI_API_KEY", "GOOGLE_API_KEY"], home: null },
};

/** Tools that name the provider before the model's `/`. */
const BY_MODEL: Readonly<Record<string, { readonly defaultModel: string }>> = {
  opencode_local: { defaultModel: "" },
  pi_local: { defaultModel: "" },
  hermes_local: { defaultModel: "anthropic/claude-sonnet-4" },
};

const LONGEST_NAME = 200;
const PROVIDER = /^[a-z0-9][a-z0-9_.-]{0,63}$/;

/** Null for adapters that spend on no account we could know (`process`, `http`, gateways, adapters of others). */
export function accountKeyOf(
  agent: { readonly adapterType: string; readonly adapterConfig: JsonObject },
  fingerprint: (secret: string) => string,
): AccountKey | null {
  const { adapterType, adapterConfig } = agent;
  const tool = TOOLS[adapterType] ?? toolByModel(adapterType, adapterConfig);
  if (tool === null) return null;
  const env = asJsonObject(adapterConfig["env"]);
  return {
    provider: tool.provider,
    credential:
      keyOf(tool, env, fingerprint) ?? loginOf(tool, { env, command: nonEmptyString(adapterConfig["command"]) }),
  };
}

function toolByModel(adapterType: string, config: JsonObject): ToolAccount | null {
  const tool = BY_MODEL[adapterType];
  if (tool === undefined) return null;
  const named =
    nonEmptyString(config["provider"]) ?? (nonEmptyString(config["model"]) ?? tool.defaultModel).split("/")[0];
  const provider = named?.trim().toLowerCase() ?? "";
  if (!PROVIDER.test(provider)) return null;
  const known = Object.values(TOOLS).find((one) => one.provider === provider);
  const variable = `${provider.toUpperCase().replace(/[^A-Z0-9]/g, "_")}_API_KEY`;
  return { provider, keys: known?.keys ?? [variable], home: null };
}

function keyOf(tool: ToolAccount, env: JsonObject, fingerprint: (secret: string) => string): string | null {
  for (const name of tool.keys) {
    const binding = readEnvBinding(env[name]);
    if (binding?.type === "secret_ref") return `secret:${binding.secretId}`;
    if (binding?.type === "plain" && binding.value.trim() !== "") return `key:${fingerprint(binding.value.trim())}`;
  }
  return null;
}

function loginOf(tool: ToolAccount, from: { readonly env: JsonObject; readonly command: string | null }): string {
  const home = tool.home === null ? null : readEnvBinding(from.env[tool.home]);
  const folder = home?.type === "secret_ref" ? `secret:${home.secretId}` : home?.value.trim() || "default";
  const command = from.command === null ? "" : ` of ${from.command.trim().slice(-LONGEST_NAME)}`;
  return `login:${folder.slice(-LONGEST_NAME)}${command}`;
}
