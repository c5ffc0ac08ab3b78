/** What tells OpenCode from other agent CLIs (AD-230 to AD-245). */
import path from "node:path";
import { openAiCompatibleBiller } from "../cli/biller.js";
import { DEFAULT_GRACE_SEC } from "../cli/cli-config.js";
import { type CliEnding, type CliPlan, type CliSetup, type CliTool, outputResult } from "../cli/cli-tool.js";
import { perRunFigures } from "../cli/per-run-figures.js";
import { instructionsNotes, prepareAgent } from "../cli/prepare-agent.js";
import { instructedPrompt } from "../cli/prompt-sections.js";
import { requireListedModel } from "../cli/required-model.js";
import { readString } from "../config-readers.js";
import { writeLogLine } from "../log-line.js";
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
  const { execution, home } = setup;
  const config = readOpenCodeConfig(execution.config);
  await requireListedModel(setup, {
    name: "OpenCode",
    model: config.model,
    discovery: openCodeModels,
    listArgs: OPENCODE_MODELS_ARGS,
  });
  const { instructions } = await prepareAgent(setup, { skillsHome: openCodeSkillsHome(home), name: "OpenCode" });
  const permissive = config.dangerouslySkipPermissions ? await permissiveConfig(setup) : null;
  return {
    env: permissive === null ? {} : { XDG_CONFIG_HOME: permissive.directory },
    async invocation({ sessionId }) {
      const { prompt, promptMetrics } = instructedPrompt({
        execution,
        resumed: sessionId !== null,
        instructions,
      });
      return {
        args: openCodeArguments({ config, sessionId }),
        stdin: prompt,
        prompt,
        promptMetrics,
        commandNotes: [
          "The prompt goes to stdin.",
          ...(permissive === null ? [] : ["Directories outside of the working directory are allowed for this run."]),
          ...instructionsNotes(instructions),
        ],
      };
    },
    cleanup: async () => await permissive?.remove(),
  };
}

async function permissiveConfig({ execution, env }: CliSetup): Promise<PermissiveConfig> {
  const config = await createPermissiveConfig(execution.runId, env);
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
  progress: perRunFigures,
  judge: judgeOpenCode,
  isUnknownSession: isUnknownOpenCodeSession,
  report: ({ output, outcome, setup }: CliEnding<OpenCodeOutput>) => {
    const { model } = readOpenCodeConfig(setup.execution.config);
    const provider = model?.split("/")[0] ?? null;
    return {
      ...perRunFigures(output),
      provider,
      biller: openAiCompatibleBiller(setup.env) ?? provider ?? "unknown",
      model,
      billingType: "unknown",
      resultJson: {
        ...outputResult(outcome),
        ...(output.toolErrors.length === 0 ? {} : { toolErrors: [...output.toolErrors] }),
      },
      summary: output.summary,
    };
  },
};
