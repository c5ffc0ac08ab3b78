/** What tells Claude Code from other agent CLIs (AD-100 to AD-127). */
import path from "node:path";
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { apiOrSubscription } from "../cli/biller.js";
import { DEFAULT_GRACE_SEC } from "../cli/cli-config.js";
import {
  type CliEnding,
  type CliPlan,
  type CliReport,
  type CliSetup,
  type CliTool,
  outputResult,
} from "../cli/cli-tool.js";
import type { AttemptControl } from "../cli/early-stop.js";
import type { EventParser } from "../cli/event-reader.js";
import { readInstructions } from "../cli/instructions.js";
import { listPriceUsd, loadListPrices } from "../cli/list-price.js";
import { perRunFigures } from "../cli/per-run-figures.js";
import { joinSections, promptSections } from "../cli/prompt-sections.js";
import { availableSkills, chosenSkills, desiredSkills } from "../cli/skills.js";
import { readString } from "../config-readers.js";
import type { RunProgress } from "../contract.js";
import { companyFolder } from "../environment/instance-folder.js";
import { writeLogLine } from "../log-line.js";
import { usesBedrock } from "./bedrock.js";
import { claudeArguments, isRootUser, namesAllowedTools, readClaudeConfig } from "./claude-config.js";
import { isUnknownClaudeSession, judgeClaude } from "./judge-claude.js";
import { type ClaudeOutput, createClaudeParser } from "./parse-claude.js";
import { makePromptBundle, type PromptBundle } from "./prompt-bundle.js";

async function prepare(setup: CliSetup): Promise<CliPlan> {
  const { execution, env } = setup;
  const config = readClaudeConfig(execution.config);
  const [bundle] = await Promise.all([bundleOf(setup), execution.onProgress && loadListPrices()]);
  const root = { config, env, isRoot: isRootUser() };
  return {
    sessionParams: { promptBundleKey: bundle.key },
    refuseSession: (sessionId) => refuseOtherBundle(sessionId, { setup, bundle }),
    async invocation({ sessionId }) {
      const sections = promptSections({ execution, resumed: sessionId !== null });
      const { prompt, promptMetrics } = joinSections({
        bootstrap: sections.bootstrap,
        wake: sections.wake,
        sessionHandoff: sections.handoff,
        task: sections.task,
        heartbeat: sections.heartbeat,
      });
      return {
        args: claudeArguments({
          ...root,
          sessionId,
          bundleDirectory: bundle.directory,
          instructionsFile: bundle.instructionsFile,
        }),
        stdin: prompt,
        prompt,
        promptMetrics,
        commandNotes: [
          ...(sessionId === null ? [`Using stable Claude prompt bundle ${bundle.key}.`] : []),
          ...(sessionId === null && bundle.instructionsFile !== null
            ? [`Injected agent instructions with --append-system-prompt-file ${bundle.instructionsFile}.`]
            : []),
          ...(namesAllowedTools(root)
            ? ["Running as root: the allowed tools are named, because Claude refuses to skip permissions there."]
            : []),
        ],
      };
    },
  };
}

/** AD-112, AD-113. */
async function bundleOf({ execution, cwd }: CliSetup): Promise<PromptBundle> {
  const { config, agent } = execution;
  const { skills } = desiredSkills(await availableSkills(config), chosenSkills(config));
  const bundle = await makePromptBundle({
    cacheDirectory: path.join(
      companyFolder(execution.workerEnv ?? process.env, agent.companyId),
      "claude-prompt-cache",
    ),
    instructions: await readInstructions({ execution, config, cwd }),
    skills,
  });
  for (const text of bundle.warnings) await writeLogLine(execution, { stream: "stderr", text });
  return bundle;
}

/** AD-114: a session goes on only with the instructions and skills it began with. */
function refuseOtherBundle(
  sessionId: string,
  { setup, bundle }: { readonly setup: CliSetup; readonly bundle: PromptBundle },
): string | null {
  const saved = nonEmptyString(setup.execution.runtime.sessionParams?.["promptBundleKey"]);
  if (saved === null || saved === bundle.key) return null;
  return `Claude session "${sessionId}" was saved for prompt bundle "${saved}" and will not be resumed with "${bundle.key}".`;
}

/** AD-120: background tasks of the agent keep the CLI alive after it said all it had to say. */
function createParser({
  setup,
  control,
}: {
  readonly setup: CliSetup;
  readonly control: AttemptControl;
}): EventParser<ClaudeOutput> {
  const parser = createClaudeParser();
  const { resultCleanupGraceMs } = readClaudeConfig(setup.execution.config);
  return {
    ...parser,
    onEvent(event: JsonObject) {
      parser.onEvent(event);
      if (event["type"] === "result") control.stopAfter(resultCleanupGraceMs, { kind: "done" });
    },
  };
}

/** BY-6: the CLI tells its cost with its result; until then what its messages used has a price. */
function progress(output: ClaudeOutput, { env }: CliSetup): Omit<RunProgress, "sessionId"> {
  const billingType = billingTypeOf(env);
  const priced =
    billingType === "subscription" ? null : listPriceUsd(usesBedrock(env) ? "aws" : "anthropic", output.uses);
  const costUsd = output.costUsd ?? priced;
  return { ...perRunFigures({ ...output, costUsd }), billingType };
}

function billingTypeOf(env: Readonly<Record<string, string>>): "metered_api" | "api" | "subscription" {
  return usesBedrock(env) ? "metered_api" : apiOrSubscription(env, ["ANTHROPIC_API_KEY"]);
}

function report({ output, outcome, setup }: CliEnding<ClaudeOutput>): CliReport {
  const bedrock = usesBedrock(setup.env);
  return {
    ...perRunFigures(output),
    provider: "anthropic",
    biller: bedrock ? "aws_bedrock" : "anthropic",
    model: output.model ?? readClaudeConfig(setup.execution.config).model,
    billingType: billingTypeOf(setup.env),
    resultJson: output.resultEvent ?? outputResult(outcome),
    summary: output.summary,
  };
}

export const claudeTool: CliTool<ClaudeOutput> = {
  type: "claude_local",
  name: "Claude",
  command: (config) => readString(config["command"], "claude").trim(),
  defaultGraceSec: DEFAULT_GRACE_SEC,
  withRuntimeServices: true,
  shownVariables: ["CLAUDE_CONFIG_DIR"],
  prepare,
  sessionWord: "resume session",
  createParser,
  sessionKeys: ["session_id"],
  printedSession: (output) => output.sessionId,
  progress,
  judge: judgeClaude,
  isUnknownSession: isUnknownClaudeSession,
  report,
};
