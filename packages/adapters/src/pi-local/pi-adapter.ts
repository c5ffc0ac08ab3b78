/** The `pi_local` adapter: the Pi coding agent (07 section 13). */
import { homedir } from "node:os";
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { z } from "zod";
import { COMMON_SETTINGS_DOC, commonCliFields } from "../cli/cli-config.js";
import { PROVIDER_MODEL } from "../cli/required-model.js";
import { runCli } from "../cli/run-cli.js";
import { createSessionCodec, WORKSPACE_KEYS } from "../cli/session-codec.js";
import { THRESHOLD_SESSIONS } from "../cli/session-management.js";
import { persistentSkills } from "../cli/skill-snapshot.js";
import { testCliEnvironment } from "../cli/test-cli-environment.js";
import { readObject } from "../config-readers.js";
import type { Adapter } from "../contract.js";
import { inheritedEnvironment } from "../environment/inherited.js";
import { listedModels, refreshedModels } from "../model-discovery.js";
import { PI_THINKING_LEVELS } from "./pi-config.js";
import { PI_MODELS_ARGS, piModels } from "./pi-models.js";
import { piSkillsHome, piTool } from "./pi-tool.js";
import { piEnvironmentTest } from "./test-environment.js";

/** For forms and docs; runs read tolerantly (AD-38). */
export const piConfigSchema = z.object({
  ...commonCliFields("pi"),
  model: z.string().regex(PROVIDER_MODEL).describe("Required: provider/model, one of those `pi --list-models` lists."),
  thinking: z.enum(PI_THINKING_LEVELS).optional().describe("How long the model thinks."),
});

const CONFIG_DOC = `# pi_local

Runs the Pi coding agent on the worker. A session is a file in \`~/.pi/wakefleet\`.

| setting | default | |
| --- | --- | --- |
| \`model\` | required | \`provider/model\`, one of those \`pi --list-models\` lists |
| \`command\` | \`pi\` | a name that is searched in PATH, or a path |
| \`thinking\` | the CLI's | ${PI_THINKING_LEVELS.join(", ")} |
${COMMON_SETTINGS_DOC}

Instructions, or without them the prompt template, become part of the system prompt. Login: \`/login\` in pi as the worker's
user, or the provider's key in \`env\`.
`;

const skills = persistentSkills(({ config }) =>
  piSkillsHome(nonEmptyString(readObject(config["env"])["HOME"]) ?? homedir()),
);

const workerCommand = () => ({
  command: "pi",
  args: PI_MODELS_ARGS,
  cwd: process.cwd(),
  env: inheritedEnvironment(process.env),
});

export const piAdapter: Adapter = {
  type: piTool.type,
  execute: (execution) => runCli(execution, piTool),
  testEnvironment: (context) => testCliEnvironment(context, piEnvironmentTest),
  listModels: () => listedModels(piModels, workerCommand()),
  refreshModels: () => refreshedModels(piModels, workerCommand()),
  sessionCodec: createSessionCodec({
    sessionIdAliases: ["sessionId", "session_id", "session"],
    otherKeys: WORKSPACE_KEYS,
  }),
  sessionManagement: THRESHOLD_SESSIONS,
  supportsLocalAgentJwt: true,
  supportsInstructionsBundle: true,
  requiresMaterializedRuntimeSkills: true,
  agentConfigurationDoc: CONFIG_DOC,
  listSkills: (context) => skills.list(context),
  syncSkills: (context, desired) => skills.sync(context, desired),
  // A JSON Schema is a JSON object; zod types it more loosely.
  getConfigSchema: () => z.toJSONSchema(piConfigSchema, { io: "input" }) as JsonObject,
};
