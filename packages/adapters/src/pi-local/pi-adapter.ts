/** The `pi_local` adapter: the Pi coding agent (07 section 13). */
import { z } from "zod";
import { COMMON_SETTINGS_DOC, commonCliFields } from "../cli/cli-config.js";
import { folderSkillsAdapter } from "../cli/folder-skills-adapter.js";
import { PROVIDER_MODEL } from "../cli/required-model.js";
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

const workerCommand = () => ({
  command: "pi",
  args: PI_MODELS_ARGS,
  cwd: process.cwd(),
  env: inheritedEnvironment(process.env),
});

export const piAdapter: Adapter = folderSkillsAdapter(piTool, {
  environmentTest: piEnvironmentTest,
  listModels: () => listedModels(piModels, workerCommand()),
  refreshModels: () => refreshedModels(piModels, workerCommand()),
  sessionIdAliases: ["sessionId", "session_id", "session"],
  configSchema: piConfigSchema,
  doc: CONFIG_DOC,
  skillsHome: piSkillsHome,
});
