/** The `gemini_local` adapter: Gemini CLI as an agent (07 section 11). */
import { z } from "zod";
import { COMMON_SETTINGS_DOC, commonCliFields } from "../cli/cli-config.js";
import { folderSkillsAdapter } from "../cli/folder-skills-adapter.js";
import type { Adapter } from "../contract.js";
import { DEFAULT_HELLO_PROBE_TIMEOUT_SEC } from "./gemini-config.js";
import { geminiSkillsHome, geminiTool } from "./gemini-tool.js";
import { geminiEnvironmentTest } from "./test-environment.js";

const MODELS = [
  "auto",
  "gemini-2.5-pro",
  "gemini-2.5-flash",
  "gemini-2.5-flash-lite",
  "gemini-2.0-flash",
  "gemini-2.0-flash-lite",
];

/** For forms and docs; runs read tolerantly (AD-38). */
export const geminiConfigSchema = z.object({
  ...commonCliFields("gemini"),
  model: z.string().default("auto").describe("Model id; auto lets the CLI choose."),
  sandbox: z.boolean().default(false).describe("Run tools in the CLI's sandbox; needs docker or podman."),
  helloProbeTimeoutSec: z
    .number()
    .min(1)
    .default(DEFAULT_HELLO_PROBE_TIMEOUT_SEC)
    .describe("Seconds the environment test waits for an answer."),
});

const CONFIG_DOC = `# gemini_local

Runs Gemini CLI on the worker. The agent works without approvals (\`--approval-mode yolo\`) in a directory that counts as
trusted.

| setting | default | |
| --- | --- | --- |
| \`command\` | \`gemini\` | a name that is searched in PATH, or a path |
| \`model\` | \`auto\` | the CLI chooses |
| \`sandbox\` | false | needs docker or podman |
| \`helloProbeTimeoutSec\` | ${DEFAULT_HELLO_PROBE_TIMEOUT_SEC} | of the environment test |
${COMMON_SETTINGS_DOC}

Login: \`GEMINI_API_KEY\` or \`GOOGLE_API_KEY\` in \`env\`, or the CLI's own login of the worker's user.
`;

export const geminiAdapter: Adapter = folderSkillsAdapter(geminiTool, {
  environmentTest: geminiEnvironmentTest,
  models: MODELS.map((id) => ({ id, label: id })),
  sessionIdAliases: ["sessionId", "session_id", "sessionID"],
  configSchema: geminiConfigSchema,
  doc: CONFIG_DOC,
  skillsHome: geminiSkillsHome,
});
