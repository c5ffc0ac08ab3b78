/** What tells OpenCode from other agent CLIs (AD-230 to AD-245). */
import path from "node:path";
import { openAiCompatibleBiller } from "../cli/biller.js";
import { DEFAULT_GRACE_SEC } from "../cli/cli-config.js";
import { type CliEnding, type CliPlan, type CliSetup, type CliTool, outputResult } from "../cli/cli-tool.js";
import { readInstructions } from "../cli/instructions.js";
import { joinSections, promptSections } from "../cli/prompt-sections.js";
import { requireModelSetting } from "../cli/required-model.js";
import { linkRunSkills } from "../cli/skill-links.js";
import { availableSkills, chosenSkills, desiredSkills } from "../cli/skills.js";
import { readString } from "../config-readers.js";
import { writeLogLine } from "../log-line.js";
import { requireKnownModel } from "../model-discovery.js";
import { isUnknownOpenCodeSession, judgeOpenCode } from "./judge-opencode.js";
import { openCodeArguments, readOpenCodeConfig } from "./opencode-config.js";
import { defaultOpenCodeCommand, OPENCODE_MODELS_ARGS, openCodeModels } from "./opencode-models.js";
import { createOpenCodeParser, type OpenCodeOutput } from "./parse-opencode.js";
import { createPermissiveConfig, type PermissiveConfig } from "./permissive-config.js";

/** A project's own settings could change model and permissions under the agent (AD-232). */
export const OPENCODE_FIXED_ENV = { OPENCODE_DISABLE_PROJECT_CONFIG: "true" } as const;

/** Where OpenCode looks for skills (AD-70). */
export function openCodeSkillsHome(home: string): string {
  return path.join(home, ".claude", "skills");
}

async function prepare(setup: CliSetup): Promise<CliPlan> {
  const { execution, command, cwd, env, home } = setup;
  const config = readOpenCodeConfig(execution.config);
  const model = requireModelSetting("OpenCode", config.model);
  const available = await openCodeModels.list({ command, args: OPENCODE_MODELS_ARGS, cwd, env });
  requireKnownModel({ name: "OpenCode", model, available });
  const instructions = await readInstructions({ execution, config: execution.config, cwd });
  const { skills } = desiredSkills(await availableSkills(execution.config), chosenSkills(execution.config));
  await linkRunSkills({ execution, home: openCodeSkillsHome(home), skills, name: "OpenCode" });
  const permissive = config.dangerouslySkipPermissions ? await permissiveConfig(setup) : null;
  return {
    env: permissive === null ? {} : { XDG_CONFIG_HOME: permissive.directory },
    async invocation({ sessionId }) {
      const sections = promptSections({ execution, resumed: sessionId !== null });
      const { prompt, promptMetrics } = joinSections({
        instructions: instructions?.text ?? "",
        bootstrap: sections.bootstrap,
        wake: sections.wake,
        sessionHandoff: sections.handoff,
        heartbeat: sections.heartbeat,
      });
      return {
        args: openCodeArguments({ config, sessionId }),
        stdin: prompt,
        prompt,
        promptMetrics,
        commandNotes: [
          "The prompt goes to stdin.",
          ...(permissive === null ? [] : ["Directories outside of the working directory are allowed for this run."]),
          ...(instructions === null ? [] : [`Agent instructions from ${instructions.file} go before the prompt.`]),
        ],
      };
    },
    cleanup: async () => await permissive?.remove(),
  };
}

async function permissiveConfig({ execution, env }: CliSetup): Promise<PermissiveConfig> {
  const config = await createPermissiveConfig(env);
  for (const text of config.warnings) await writeLogLine(execution, { stream: "stderr", text: `Warning: ${text}` });
  return config;
}

export const openCodeTool: CliTool<OpenCodeOutput> = {
  type: "opencode_local",
  name: "OpenCode",
  command: (config, workerEnv) => readString(config["command"], defaultOpenCodeCommand(workerEnv)).trim(),
  defaultGraceSec: DEFAULT_GRACE_SEC,
  fixedEnv: () => OPENCODE_FIXED_ENV,
  prepare,
  sessionWord: "session",
  createParser: createOpenCodeParser,
  sessionKeys: ["sessionID"],
  printedSession: (output) => output.sessionId,
  progress: ({ usage, costUsd }) => ({
    ...(usage === null ? {} : { usage, usageBasis: "per_run" }),
    ...(costUsd === null ? {} : { costUsd }),
  }),
  judge: judgeOpenCode,
  isUnknownSession: isUnknownOpenCodeSession,
  report: ({ output, outcome, setup }: CliEnding<OpenCodeOutput>) => {
    const { model } = readOpenCodeConfig(setup.execution.config);
    const provider = model?.split("/")[0] ?? null;
    return {
      ...(output.usage === null ? {} : { usage: output.usage, usageBasis: "per_run" }),
      provider,
      biller: openAiCompatibleBiller(setup.env) ?? provider ?? "unknown",
      model,
      billingType: "unknown",
      costUsd: output.costUsd,
      resultJson: {
        ...outputResult(outcome),
        ...(output.toolErrors.length === 0 ? {} : { toolErrors: [...output.toolErrors] }),
      },
      summary: output.summary,
    };
  },
};
