/** The `cursor` adapter: Cursor's agent CLI (07 section 10). */
import { z } from "zod";
import { COMMON_SETTINGS_DOC, commonCliFields } from "../cli/cli-config.js";
import { folderSkillsAdapter } from "../cli/folder-skills-adapter.js";
import type { Adapter } from "../contract.js";
import { CURSOR_MODELS, listCursorModels, refreshCursorModels } from "./cursor-models.js";
import { cursorSkillsHome, cursorTool } from "./cursor-tool.js";
import { cursorEnvironmentTest } from "./test-environment.js";

/** For forms and docs; runs read tolerantly (AD-38). */
export const cursorConfigSchema = z.object({
  ...commonCliFields("agent"),
  model: z.string().default("auto").describe("Model id."),
  mode: z.enum(["plan", "ask"]).optional().describe("Plan only, or answer only."),
});

const CONFIG_DOC = `# cursor

Runs Cursor's agent CLI on the worker. \`--yolo\` is added unless the extra arguments say how far the agent is trusted
(\`--trust\`, \`--yolo\`, \`-f\`).

| setting | default | |
| --- | --- | --- |
| \`command\` | \`agent\` | a name that is searched in PATH, or a path |
| \`model\` | \`auto\` | |
| \`mode\` | none | \`plan\` or \`ask\` |
${COMMON_SETTINGS_DOC}

Login: \`agent login\` as the worker's user, or \`CURSOR_API_KEY\` in \`env\`.
`;

export const cursorAdapter: Adapter = folderSkillsAdapter(cursorTool, {
  environmentTest: cursorEnvironmentTest,
  models: CURSOR_MODELS.map((id) => ({ id, label: id })),
  listModels: listCursorModels,
  refreshModels: refreshCursorModels,
  sessionIdAliases: ["sessionId", "session_id", "sessionID"],
  configSchema: cursorConfigSchema,
  doc: CONFIG_DOC,
  skillsHome: cursorSkillsHome,
});
