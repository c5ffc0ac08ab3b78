/**
 * The parts that adapters of agent command lines are made of, for packages that bring one (docs/adapters.md): declare a
 * `CliTool` and hand it to `runCli`. Everything about children, prompts, sessions and retries is in there.
 */
export { configSchemaOf } from "../config-schema.js";
export { errorLines, firstErrorLine } from "../error-lines.js";
export { hasValue, openAiCompatibleBiller } from "./biller.js";
export { COMMON_SETTINGS_DOC, commonCliFields, DEFAULT_GRACE_SEC } from "./cli-config.js";
export type { CliFailure } from "./cli-failure.js";
export * from "./cli-tool.js";
export { createEventReader, type EventParser, type EventReaderOptions } from "./event-reader.js";
export { type FolderSkillsAdapter, folderSkillsAdapter } from "./folder-skills-adapter.js";
export { perRunFigures } from "./per-run-figures.js";
export { instructionsNotes, type PreparedAgent, prepareAgent } from "./prepare-agent.js";
export {
  apiNote,
  environmentNote,
  instructedPrompt,
  joinSections,
  type PromptSections,
  promptSections,
} from "./prompt-sections.js";
export { requireListedModel } from "./required-model.js";
export { runCli } from "./run-cli.js";
export { createSessionCodec, WORKSPACE_KEYS } from "./session-codec.js";
export { ADAPTER_MANAGED_SESSIONS, THRESHOLD_SESSIONS } from "./session-management.js";
export { type CliEnvironmentTest, type HelloProbe, readCaptured, testCliEnvironment } from "./test-cli-environment.js";
