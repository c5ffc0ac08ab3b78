/** Each agent CLI as a person would set it up for the fake model API: its home, its settings, how it forgets sessions. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import type { CliName } from "./installed-cli.js";
import { anthropicMessages } from "./model-api/anthropic-messages.js";
import type { Dialect } from "./model-api/dialect.js";
import { API_KEY } from "./model-api/fake-model-api.js";
import { gemini } from "./model-api/gemini.js";
import { openAiChat } from "./model-api/openai-chat.js";
import { openAiResponses } from "./model-api/openai-responses.js";

export interface UsageFigures {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
}

export interface AgentKind {
  readonly cli: CliName;
  readonly adapterType: string;
  readonly dialect: Dialect;
  /** Settings of the agent beside command, directory and prompt. */
  readonly config: JsonObject;
  /** Writes what the CLI reads from its home. */
  prepareHome(home: string, apiUrl: string): Promise<void>;
  /** Variables of the agent; `limits` is how it is logged in where a limit is told of. */
  env(setUp: {
    readonly home: string;
    readonly apiUrl: string;
    readonly login: "key" | "limits" | "none";
  }): Record<string, string>;
  /** Folder under the home whose loss is the loss of all sessions. */
  readonly sessionsFolder: string;
  readonly errorCodes: { readonly auth: string; readonly transient: string };
  /** The CLI ends and passes on when the provider's limit is over; others leave the time to the schedule of retries. */
  readonly namesResetTime: boolean;
  /** Of a turn with one tool call, and of a turn with none in the same session (AD-64 to AD-66). */
  readonly usage: { readonly withTool: UsageFigures; readonly plain: UsageFigures };
}

const CHAT_USAGE = {
  withTool: { inputTokens: 1400, cachedInputTokens: 1000, outputTokens: 84 },
  plain: { inputTokens: 700, cachedInputTokens: 500, outputTokens: 42 },
};
const INCLUSIVE_USAGE = {
  withTool: { inputTokens: 2400, cachedInputTokens: 1000, outputTokens: 84 },
  plain: { inputTokens: 1200, cachedInputTokens: 500, outputTokens: 42 },
};
const FAKE_MODEL_COST = { input: 1, output: 2, cacheRead: 0.1, cacheWrite: 0 };

async function writeJson(file: string, content: JsonObject): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(content));
}

const keyUnlessNone = (login: "key" | "limits" | "none", variable: string): Record<string, string> =>
  login === "none" ? {} : { [variable]: API_KEY };

export const claude: AgentKind = {
  cli: "claude",
  adapterType: "claude_local",
  dialect: anthropicMessages,
  config: { model: "claude-sonnet-4-6" },
  prepareHome: async () => undefined,
  env: ({ home, apiUrl, login }) => ({
    HOME: home,
    ANTHROPIC_BASE_URL: apiUrl,
    // Limits with a time of their own are those of subscriptions.
    ...keyUnlessNone(login, login === "limits" ? "CLAUDE_CODE_OAUTH_TOKEN" : "ANTHROPIC_API_KEY"),
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    CLAUDE_CODE_MAX_RETRIES: "1",
    DISABLE_AUTOUPDATER: "1",
  }),
  sessionsFolder: ".claude/projects",
  errorCodes: { auth: "claude_auth_required", transient: "claude_transient_upstream" },
  namesResetTime: true,
  usage: {
    withTool: { inputTokens: 3000, cachedInputTokens: 1000, outputTokens: 84 },
    plain: { inputTokens: 1500, cachedInputTokens: 500, outputTokens: 42 },
  },
};

export const codex: AgentKind = {
  cli: "codex",
  adapterType: "codex_local",
  dialect: openAiResponses,
  config: { model: "gpt-5.4", dangerouslyBypassApprovalsAndSandbox: true },
  async prepareHome(home, apiUrl) {
    const settings = `model_provider = "fake"
[model_providers.fake]
name = "fake"
base_url = "${apiUrl}/v1"
wire_api = "responses"
env_key = "FAKE_API_KEY"
`;
    await mkdir(path.join(home, ".codex"), { recursive: true });
    await writeFile(path.join(home, ".codex", "config.toml"), settings);
  },
  env: ({ home, login }) => ({
    HOME: home,
    CODEX_HOME: path.join(home, ".codex"),
    ...keyUnlessNone(login, "FAKE_API_KEY"),
  }),
  sessionsFolder: ".codex",
  errorCodes: { auth: "codex_auth_required", transient: "codex_transient_upstream" },
  namesResetTime: true,
  usage: INCLUSIVE_USAGE,
};

export const geminiCli: AgentKind = {
  cli: "gemini",
  adapterType: "gemini_local",
  dialect: gemini,
  config: { model: "gemini-2.5-pro" },
  prepareHome: async (home) =>
    await writeJson(path.join(home, ".gemini", "settings.json"), {
      security: { auth: { selectedType: "gemini-api-key" } },
      // Ten attempts of its own take four minutes (AD-216).
      general: { maxAttempts: 1 },
    }),
  env: ({ home, apiUrl, login }) => ({
    HOME: home,
    GOOGLE_GEMINI_BASE_URL: apiUrl,
    ...keyUnlessNone(login, "GEMINI_API_KEY"),
  }),
  sessionsFolder: ".gemini/tmp",
  errorCodes: { auth: "gemini_auth_required", transient: "gemini_transient_upstream" },
  namesResetTime: false,
  usage: INCLUSIVE_USAGE,
};

export const openCode: AgentKind = {
  cli: "opencode",
  adapterType: "opencode_local",
  dialect: openAiChat,
  config: { model: "fake/fake-model" },
  prepareHome: async (home, apiUrl) =>
    await writeJson(path.join(home, ".config", "opencode", "opencode.json"), {
      provider: {
        fake: {
          npm: "@ai-sdk/openai-compatible",
          name: "Fake",
          options: { baseURL: `${apiUrl}/v1`, apiKey: "{env:FAKE_API_KEY}" },
          models: { "fake-model": { name: "Fake model", cost: { input: 1, output: 2, cache_read: 0.1 } } },
        },
      },
    }),
  env: ({ home, login }) => ({
    HOME: home,
    ...keyUnlessNone(login, "FAKE_API_KEY"),
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
  }),
  sessionsFolder: ".local/share/opencode",
  errorCodes: { auth: "opencode_auth_required", transient: "opencode_transient_upstream" },
  namesResetTime: false,
  usage: CHAT_USAGE,
};

export const pi: AgentKind = {
  cli: "pi",
  adapterType: "pi_local",
  dialect: openAiChat,
  config: { model: "fake/fake-model" },
  async prepareHome(home, apiUrl) {
    const folder = path.join(home, ".pi", "agent");
    await writeJson(path.join(folder, "models.json"), {
      providers: {
        fake: {
          api: "openai-completions",
          baseUrl: `${apiUrl}/v1`,
          apiKey: "FAKE_API_KEY",
          models: [
            {
              id: "fake-model",
              name: "Fake model",
              reasoning: false,
              input: ["text"],
              cost: FAKE_MODEL_COST,
              contextWindow: 128_000,
              maxTokens: 8_000,
            },
          ],
        },
      },
    });
    // Its own patience is half a minute (AD-275).
    await writeJson(path.join(folder, "settings.json"), {
      retry: { enabled: true, maxRetries: 1, baseDelayMs: 100, provider: { maxRetries: 0 } },
    });
  },
  env: ({ home, login }) => ({
    HOME: home,
    ...keyUnlessNone(login, "FAKE_API_KEY"),
    PI_OFFLINE: "1",
    PI_SKIP_VERSION_CHECK: "1",
  }),
  sessionsFolder: ".pi/wakefleet",
  errorCodes: { auth: "pi_auth_required", transient: "pi_transient_upstream" },
  namesResetTime: false,
  usage: CHAT_USAGE,
};

/** Takes all saved sessions of a home away, as a wiped disk does. */
export async function loseSessions(kind: AgentKind, home: string): Promise<void> {
  await rm(path.join(home, kind.sessionsFolder), { recursive: true, force: true });
}
