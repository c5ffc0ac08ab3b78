/** The `cursor` adapter: Cursor's agent CLI (07 section 10). */
import { homedir } from "node:os";
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { z } from "zod";
import { COMMON_SETTINGS_DOC, commonCliFields } from "../cli/cli-config.js";
import { runCli } from "../cli/run-cli.js";
import { createSessionCodec, WORKSPACE_KEYS } from "../cli/session-codec.js";
import { THRESHOLD_SESSIONS } from "../cli/session-management.js";
import { persistentSkills } from "../cli/skill-snapshot.js";
import { testCliEnvironment } from "../cli/test-cli-environment.js";
import { readObject } from "../config-readers.js";
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

const skills = persistentSkills(({ config }) =>
  cursorSkillsHome(nonEmptyString(readObject(config["env"])["HOME"]) ?? homedir()),
);

export const cursorAdapter: Adapter = {
  type: cursorTool.type,
  execute: (execution) => runCli(execution, cursorTool),
  testEnvironment: (context) => testCliEnvironment(context, cursorEnvironmentTest),
  models: CURSOR_MODELS.map((id) => ({ id, label: id })),
  listModels: listCursorModels,
  refreshModels: refreshCursorModels,
  sessionCodec: createSessionCodec({
    sessionIdAliases: ["sessionId", "session_id", "sessionID"],
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
  getConfigSchema: () => z.toJSONSchema(cursorConfigSchema, { io: "input" }) as JsonObject,
};
