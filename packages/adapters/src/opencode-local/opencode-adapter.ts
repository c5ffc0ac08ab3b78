/** The `opencode_local` adapter: OpenCode as an agent (07 section 12). */
import { z } from "zod";
import { COMMON_SETTINGS_DOC, commonCliFields } from "../cli/cli-config.js";
import { folderSkillsAdapter } from "../cli/folder-skills-adapter.js";
import { PROVIDER_MODEL } from "../cli/required-model.js";
import type { Adapter } from "../contract.js";
import { inheritedEnvironment } from "../environment/inherited.js";
import { listedModels, refreshedModels } from "../model-discovery.js";
import { defaultOpenCodeCommand, OPENCODE_MODELS_ARGS, openCodeModels } from "./opencode-models.js";
import { OPENCODE_FIXED_ENV, openCodeSkillsHome, openCodeTool } from "./opencode-tool.js";
import { openCodeEnvironmentTest } from "./test-environment.js";

/** For forms and docs; runs read tolerantly (AD-38). */
export const openCodeConfigSchema = z.object({
  ...commonCliFields("opencode"),
  model: z.string().regex(PROVIDER_MODEL).describe("Required: provider/model, one of those `opencode models` lists."),
  variant: z.string().optional().describe("Variant of the model, such as its effort."),
  dangerouslySkipPermissions: z
    .boolean()
    .default(true)
    .describe("Allow work outside of the working directory without asking."),
});

const CONFIG_DOC = `# opencode_local

Runs OpenCode on the worker. Settings of the project it works in are not read.

| setting | default | |
| --- | --- | --- |
| \`model\` | required | \`provider/model\`, one of those \`opencode models\` lists |
| \`command\` | \`opencode\` | a name that is searched in PATH, or a path |
| \`variant\` | none | \`--variant\` |
| \`dangerouslySkipPermissions\` | true | work outside of the working directory without asking |
${COMMON_SETTINGS_DOC}

Login: \`opencode auth login\` as the worker's user, or the provider's key in \`env\`.
`;

const workerCommand = () => ({
  command: defaultOpenCodeCommand(process.env),
  args: OPENCODE_MODELS_ARGS,
  cwd: process.cwd(),
  env: { ...inheritedEnvironment(process.env), ...OPENCODE_FIXED_ENV },
});

export const openCodeAdapter: Adapter = folderSkillsAdapter(openCodeTool, {
  environmentTest: openCodeEnvironmentTest,
  listModels: () => listedModels(openCodeModels, workerCommand()),
  refreshModels: () => refreshedModels(openCodeModels, workerCommand()),
  sessionIdAliases: ["sessionId", "session_id", "sessionID"],
  configSchema: openCodeConfigSchema,
  doc: CONFIG_DOC,
  skillsHome: openCodeSkillsHome,
});
