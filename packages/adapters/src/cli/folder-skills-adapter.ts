/**
 * Adapters of agent CLIs that look for skills in a folder of their home: what `cursor`, `gemini_local`, `opencode_local`
 * and `pi_local` have in common (AD-6, AD-71).
 */
import { homedir } from "node:os";
import { nonEmptyString } from "@wakefleet/contracts";
import type { z } from "zod";
import { readObject } from "../config-readers.js";
import { configSchemaOf } from "../config-schema.js";
import type { Adapter } from "../contract.js";
import type { CliTool } from "./cli-tool.js";
import { runCli } from "./run-cli.js";
import { createSessionCodec, WORKSPACE_KEYS } from "./session-codec.js";
import { THRESHOLD_SESSIONS } from "./session-management.js";
import { persistentSkills } from "./skill-snapshot.js";
import { type CliEnvironmentTest, testCliEnvironment } from "./test-cli-environment.js";

/** What tells such an adapter from another, beside its tool. */
export interface FolderSkillsAdapter extends Pick<Adapter, "models" | "listModels" | "refreshModels"> {
  readonly environmentTest: CliEnvironmentTest;
  /** Names of the session id in stored params, the one that is written first (AD-35). */
  readonly sessionIdAliases: readonly string[];
  readonly configSchema: z.ZodType;
  /** Markdown. */
  readonly doc: string;
  /** The folder the CLI looks in, below a home. */
  skillsHome(home: string): string;
}

export function folderSkillsAdapter<Output>(tool: CliTool<Output>, parts: FolderSkillsAdapter): Adapter {
  const { environmentTest, sessionIdAliases, configSchema, doc, skillsHome, ...models } = parts;
  const skills = persistentSkills(({ config }) =>
    skillsHome(nonEmptyString(readObject(config["env"])["HOME"]) ?? homedir()),
  );
  return {
    type: tool.type,
    execute: (execution) => runCli(execution, tool),
    testEnvironment: (context) => testCliEnvironment(context, environmentTest),
    ...models,
    sessionCodec: createSessionCodec({ sessionIdAliases, otherKeys: WORKSPACE_KEYS }),
    sessionManagement: THRESHOLD_SESSIONS,
    supportsLocalAgentJwt: true,
    supportsInstructionsBundle: true,
    requiresMaterializedRuntimeSkills: true,
    spawnsLocalProcess: true,
    agentConfigurationDoc: doc,
    listSkills: (context) => skills.list(context),
    syncSkills: (context, desired) => skills.sync(context, desired),
    getConfigSchema: () => configSchemaOf(configSchema),
  };
}
