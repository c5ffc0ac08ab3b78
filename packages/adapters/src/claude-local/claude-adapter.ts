/** The `claude_local` adapter: Claude Code as an agent (07 section 8). */
import { z } from "zod";
import { COMMON_SETTINGS_DOC, commonCliFields } from "../cli/cli-config.js";
import { runCli } from "../cli/run-cli.js";
import { createSessionCodec, WORKSPACE_KEYS } from "../cli/session-codec.js";
import { ADAPTER_MANAGED_SESSIONS } from "../cli/session-management.js";
import { listEphemeralSkills } from "../cli/skill-snapshot.js";
import { chosenSkills } from "../cli/skills.js";
import { testCliEnvironment } from "../cli/test-cli-environment.js";
import { configSchemaOf } from "../config-schema.js";
import type { Adapter, AdapterModel } from "../contract.js";
import { usesBedrock } from "./bedrock.js";
import { DEFAULT_RESULT_CLEANUP_GRACE_MS } from "./claude-config.js";
import { claudeTool } from "./claude-tool.js";
import { claudeEnvironmentTest } from "./test-environment.js";

/** Data, not logic: ids that are not here are passed through (AD-130). */
const MODELS: readonly AdapterModel[] = [
  { id: "claude-opus-4-7", label: "Claude Opus 4.7" },
  { id: "claude-opus-4-6", label: "Claude Opus 4.6" },
  { id: "claude-sonnet-4-6", label: "Claude Sonnet 4.6" },
  { id: "claude-haiku-4-6", label: "Claude Haiku 4.6" },
  { id: "claude-sonnet-4-5-20250929", label: "Claude Sonnet 4.5" },
  { id: "claude-haiku-4-5-20251001", label: "Claude Haiku 4.5" },
];
const BEDROCK_MODELS: readonly AdapterModel[] = [
  { id: "us.anthropic.claude-opus-4-6-v1", label: "Claude Opus 4.6 (Bedrock)" },
  { id: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", label: "Claude Sonnet 4.5 (Bedrock)" },
  { id: "us.anthropic.claude-haiku-4-5-20251001-v1:0", label: "Claude Haiku 4.5 (Bedrock)" },
];

/** For forms and docs; runs read tolerantly (AD-38). */
export const claudeConfigSchema = z.object({
  ...commonCliFields("claude"),
  model: z.string().optional().describe("Model id; without it the CLI chooses."),
  effort: z.string().optional().describe("How hard the model thinks: low, medium or high."),
  chrome: z.boolean().default(false).describe("Let the agent use the browser extension."),
  maxTurnsPerRun: z.number().int().min(0).default(0).describe("Turns until the run is ended; 0 is no limit."),
  dangerouslySkipPermissions: z
    .boolean()
    .default(true)
    .describe("Work without asking for permission: nobody is there to answer."),
  terminalResultCleanupGraceMs: z
    .number()
    .min(0)
    .default(DEFAULT_RESULT_CLEANUP_GRACE_MS)
    .describe("Milliseconds the CLI may live on after its result before it is stopped."),
});

const CONFIG_DOC = `# claude_local

Runs Claude Code on the worker. The agent's skills and instructions lie in a folder that the CLI is given; a session goes
on as long as neither they nor its directory change.

| setting | default | |
| --- | --- | --- |
| \`command\` | \`claude\` | a name that is searched in PATH, or a path |
| \`model\` | the CLI's | on Bedrock only ids such as \`us.anthropic.…\` and ARNs are passed |
| \`effort\` | the CLI's | low, medium, high |
| \`chrome\` | false | the browser extension |
| \`maxTurnsPerRun\` | 0 (no limit) | reaching it ends the run and its session |
| \`dangerouslySkipPermissions\` | true | as root the allowed tools are named instead, unless \`env.IS_SANDBOX\` is \`1\` |
| \`terminalResultCleanupGraceMs\` | ${DEFAULT_RESULT_CLEANUP_GRACE_MS} | background tasks of the agent are stopped then |
${COMMON_SETTINGS_DOC}

Login: the subscription of the worker's user (\`claude\`, then \`/login\`), \`CLAUDE_CODE_OAUTH_TOKEN\` or
\`ANTHROPIC_API_KEY\` in \`env\`, or Bedrock (\`CLAUDE_CODE_USE_BEDROCK=1\`).
`;

export const claudeAdapter: Adapter = {
  type: claudeTool.type,
  execute: (execution) => runCli(execution, claudeTool),
  testEnvironment: (context) => testCliEnvironment(context, claudeEnvironmentTest),
  models: MODELS,
  listModels: async () => (usesBedrock(process.env) ? BEDROCK_MODELS : MODELS),
  sessionCodec: createSessionCodec({
    sessionIdAliases: ["sessionId", "session_id"],
    otherKeys: { ...WORKSPACE_KEYS, promptBundleKey: ["promptBundleKey", "prompt_bundle_key"] },
  }),
  sessionManagement: ADAPTER_MANAGED_SESSIONS,
  supportsLocalAgentJwt: true,
  supportsInstructionsBundle: true,
  requiresMaterializedRuntimeSkills: false,
  spawnsLocalProcess: true,
  agentConfigurationDoc: CONFIG_DOC,
  listSkills: (context) => listEphemeralSkills(context, chosenSkills(context.config)),
  syncSkills: listEphemeralSkills,
  getConfigSchema: () => configSchemaOf(claudeConfigSchema),
};
