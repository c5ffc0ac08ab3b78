/** The `codex_local` adapter: Codex CLI as an agent (07 section 9). */
import { nonEmptyString } from "@wakefleet/contracts";
import { z } from "zod";
import { COMMON_SETTINGS_DOC, commonCliFields } from "../cli/cli-config.js";
import { runCli } from "../cli/run-cli.js";
import { createSessionCodec, WORKSPACE_KEYS } from "../cli/session-codec.js";
import { ADAPTER_MANAGED_SESSIONS } from "../cli/session-management.js";
import { listEphemeralSkills } from "../cli/skill-snapshot.js";
import { chosenSkills } from "../cli/skills.js";
import { testCliEnvironment } from "../cli/test-cli-environment.js";
import { configSchemaOf } from "../config-schema.js";
import type { Adapter } from "../contract.js";
import { DEFAULT_INACTIVITY_TIMEOUT_MS } from "./codex-config.js";
import { CODEX_MODELS, createCodexModelList, DEFAULT_CODEX_MODEL } from "./codex-models.js";
import { codexTool } from "./codex-tool.js";
import { codexEnvironmentTest } from "./test-environment.js";

/** For forms and docs; runs read tolerantly (AD-38). */
export const codexConfigSchema = z.object({
  ...commonCliFields("codex"),
  model: z.string().optional().describe(`Model id, such as ${DEFAULT_CODEX_MODEL}; without it the CLI chooses.`),
  modelReasoningEffort: z
    .string()
    .optional()
    .describe("How hard the model thinks: minimal, low, medium, high or xhigh."),
  reasoningEffort: z.string().optional().describe("The same, read when modelReasoningEffort is absent."),
  search: z.boolean().default(false).describe("Let the agent search the web."),
  fastMode: z.boolean().default(false).describe("Faster answers where the model has them."),
  dangerouslyBypassApprovalsAndSandbox: z
    .boolean()
    .default(false)
    .describe("Work without approvals and without the CLI's sandbox."),
  dangerouslyBypassSandbox: z.boolean().optional().describe("The same, read when the other is absent."),
  outputInactivityTimeoutMs: z
    .number()
    .nullable()
    .default(DEFAULT_INACTIVITY_TIMEOUT_MS)
    .describe("Milliseconds without useful output until the run is ended; null never ends it."),
});

const CONFIG_DOC = `# codex_local

Runs Codex CLI on the worker. The agents of a company share a Codex home of their own, into which the login of the worker's
user is linked.

| setting | default | |
| --- | --- | --- |
| \`command\` | \`codex\` | a name that is searched in PATH, or a path |
| \`model\` | the CLI's | for example \`${DEFAULT_CODEX_MODEL}\` |
| \`modelReasoningEffort\` (or \`reasoningEffort\`) | the CLI's | minimal, low, medium, high, xhigh |
| \`search\` | false | web search |
| \`fastMode\` | false | only where the model has it |
| \`dangerouslyBypassApprovalsAndSandbox\` (or \`dangerouslyBypassSandbox\`) | false | without approvals and sandbox |
| \`outputInactivityTimeoutMs\` | ${DEFAULT_INACTIVITY_TIMEOUT_MS} | null never ends a silent run |
${COMMON_SETTINGS_DOC}

Login: \`codex login\` as the worker's user, or \`CODEX_API_KEY\` or \`OPENAI_API_KEY\` in \`env\`. A Codex home of the agent's
own is named by \`env.CODEX_HOME\`.
`;

const models = createCodexModelList();
const workerKey = (): string | null => nonEmptyString(process.env["OPENAI_API_KEY"])?.trim() ?? null;

export const codexAdapter: Adapter = {
  type: codexTool.type,
  execute: (execution) => runCli(execution, codexTool),
  testEnvironment: (context) => testCliEnvironment(context, codexEnvironmentTest),
  models: CODEX_MODELS,
  listModels: () => models.list(workerKey()),
  refreshModels: () => models.refresh(workerKey()),
  sessionCodec: createSessionCodec({ sessionIdAliases: ["sessionId", "session_id"], otherKeys: WORKSPACE_KEYS }),
  sessionManagement: ADAPTER_MANAGED_SESSIONS,
  supportsLocalAgentJwt: true,
  supportsInstructionsBundle: true,
  requiresMaterializedRuntimeSkills: false,
  spawnsLocalProcess: true,
  agentConfigurationDoc: CONFIG_DOC,
  listSkills: (context) => listEphemeralSkills(context, chosenSkills(context.config)),
  syncSkills: listEphemeralSkills,
  getConfigSchema: () => configSchemaOf(codexConfigSchema),
};
