/** The `hermes_local` adapter: Hermes as an agent (07 section 14). */
import { homedir } from "node:os";
import { z } from "zod";
import { commonCliFields } from "../cli/cli-config.js";
import { runCli } from "../cli/run-cli.js";
import { createSessionCodec } from "../cli/session-codec.js";
import { ADAPTER_MANAGED_SESSIONS } from "../cli/session-management.js";
import { configSchemaOf } from "../config-schema.js";
import type { Adapter, AdapterExecutionContext, AdapterExecutionResult, DetectedModel } from "../contract.js";
import {
  chooseHermesProvider,
  DEFAULT_HERMES_MODEL,
  HERMES_GRACE_SEC,
  HERMES_PROVIDERS,
  HERMES_TIMEOUT_SEC,
  readHermesConfig,
} from "./hermes-config.js";
import { readHermesDefaults } from "./hermes-defaults.js";
import { displayHermesSession, hermesTool } from "./hermes-tool.js";
import { testHermesEnvironment } from "./test-environment.js";

const {
  args: _args,
  bootstrapPromptTemplate: _bootstrap,
  instructionsFilePath: _instructions,
  ...commonFields
} = commonCliFields("hermes");

/** For forms and docs; runs read tolerantly (AD-38). */
export const hermesConfigSchema = z.object({
  ...commonFields,
  hermesCommand: z.string().optional().describe("The same as command, and read before it."),
  model: z.string().default(DEFAULT_HERMES_MODEL).describe("Model id."),
  provider: z.enum(HERMES_PROVIDERS).optional().describe("Provider; without it the model's name tells."),
  timeoutSec: z.number().min(0).default(HERMES_TIMEOUT_SEC).describe("Seconds until the run is stopped; 0 is never."),
  graceSec: z.number().min(0).default(HERMES_GRACE_SEC).describe("Seconds between SIGTERM and SIGKILL."),
  toolsets: z.string().optional().describe("Toolsets, separated by commas."),
  enabledToolsets: z.array(z.string()).optional().describe("The same as a list."),
  persistSession: z.boolean().default(true).describe("Resume the session at the next wake."),
  worktreeMode: z.boolean().default(false).describe("Work in a git worktree of the CLI's own."),
  checkpoints: z.boolean().default(false).describe("Keep checkpoints of files."),
  quiet: z.boolean().default(true).describe("Print the answer only."),
  verbose: z.boolean().default(false).describe("Print more."),
});

const CONFIG_DOC = `# hermes_local

Runs Hermes on the worker. A configured \`cwd\` comes before the run's workspace.

| setting | default | |
| --- | --- | --- |
| \`hermesCommand\` (or \`command\`) | \`hermes\` | a name that is searched in PATH, or a path |
| \`model\` | \`${DEFAULT_HERMES_MODEL}\` | |
| \`provider\` | by the model's name | ${HERMES_PROVIDERS.join(", ")} |
| \`timeoutSec\` | ${HERMES_TIMEOUT_SEC} | then SIGTERM to the whole process group |
| \`graceSec\` | ${HERMES_GRACE_SEC} | then SIGKILL |
| \`toolsets\` (or \`enabledToolsets\`) | the CLI's | |
| \`persistSession\` | true | resume the session at the next wake |
| \`worktreeMode\`, \`checkpoints\`, \`verbose\` | false | \`-w\`, \`--checkpoints\`, \`-v\` |
| \`quiet\` | true | \`-Q\` |
| \`promptTemplate\` | its own | with \`{{taskId}}\`, \`{{taskTitle}}\`, \`{{taskBody}}\`, \`{{commentId}}\` and blocks \`{{#taskId}}…{{/taskId}}\` |
| \`cwd\`, \`env\`, \`extraArgs\` | none | |
`;

async function execute(execution: AdapterExecutionContext): Promise<AdapterExecutionResult> {
  const { persistSession } = readHermesConfig(execution.config);
  if (persistSession) return await runCli(execution, hermesTool);
  // Neither resumed nor saved; what an earlier setting saved is let go of.
  const runtime = { ...execution.runtime, sessionId: null, sessionParams: null, sessionDisplayId: null };
  const result = await runCli({ ...execution, runtime }, hermesTool);
  return { ...result, sessionId: null, sessionParams: null, sessionDisplayId: null };
}

async function detectModel(): Promise<DetectedModel | null> {
  const defaults = await readHermesDefaults(homedir());
  if (defaults === null) return null;
  const { provider } = chooseHermesProvider({ config: { model: defaults.model, provider: null }, defaults });
  return { model: defaults.model, provider, source: "~/.hermes/config.yaml" };
}

export const hermesAdapter: Adapter = {
  type: hermesTool.type,
  execute,
  testEnvironment: testHermesEnvironment,
  sessionCodec: createSessionCodec({
    sessionIdAliases: ["sessionId", "session_id"],
    otherKeys: {},
    display: displayHermesSession,
  }),
  sessionManagement: ADAPTER_MANAGED_SESSIONS,
  supportsLocalAgentJwt: true,
  spawnsLocalProcess: true,
  agentConfigurationDoc: CONFIG_DOC,
  detectModel,
  getConfigSchema: () => configSchemaOf(hermesConfigSchema),
};
