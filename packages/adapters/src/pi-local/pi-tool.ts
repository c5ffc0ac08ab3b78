/** What tells the Pi coding agent from other agent CLIs (AD-260 to AD-276). */
import path from "node:path";
import { nonEmptyString } from "@wakefleet/contracts";
import { fitsOneArgument, shownPrompt } from "../cli/argument-limit.js";
import { openAiCompatibleBiller } from "../cli/biller.js";
import { DEFAULT_GRACE_SEC } from "../cli/cli-config.js";
import { type CliEnding, type CliPlan, type CliSetup, type CliTool, outputResult } from "../cli/cli-tool.js";
import { DEFAULT_PROMPT_TEMPLATE } from "../cli/execution-contract.js";
import type { AgentInstructions } from "../cli/instructions.js";
import { perRunFigures } from "../cli/per-run-figures.js";
import { prepareAgent } from "../cli/prepare-agent.js";
import { createPromptFiles } from "../cli/prompt-file.js";
import { joinSections, promptSections } from "../cli/prompt-sections.js";
import { renderTemplate, templateData } from "../cli/prompt-template.js";
import { requireListedModel } from "../cli/required-model.js";
import { readString } from "../config-readers.js";
import { isUnknownPiSession, judgePi } from "./judge-pi.js";
import { createPiParser, PI_SKIPPED_PREFIXES, type PiOutput } from "./parse-pi.js";
import { piArguments, readPiConfig } from "./pi-config.js";
import { PI_MODELS_ARGS, piModels } from "./pi-models.js";
import { createPiSessionFile, isPiSessionFile } from "./session-file.js";

/** Where Pi looks for skills (AD-70). */
export function piSkillsHome(home: string): string {
  return path.join(home, ".pi", "agent", "skills");
}

async function prepare(setup: CliSetup): Promise<CliPlan> {
  const { execution, env, home } = setup;
  const config = readPiConfig(execution.config);
  await requireListedModel(setup, { name: "Pi", model: config.model, discovery: piModels, listArgs: PI_MODELS_ARGS });
  const { instructions, skills } = await prepareAgent(setup, { skillsHome: piSkillsHome(home), name: "Pi" });
  const binFolders = skills.map((skill) => path.join(skill.source, "bin"));
  const { systemPrompt, note } = systemPromptOf(setup, instructions);
  const files = createPromptFiles(execution.runId);
  return {
    env: binFolders.length === 0 ? {} : { PATH: [...binFolders, env["PATH"] ?? ""].join(path.delimiter) },
    async invocation({ sessionId }) {
      const sections = promptSections({ execution, resumed: sessionId !== null });
      const { prompt, promptMetrics } = joinSections({
        bootstrap: sections.bootstrap,
        wake: sections.wake,
        sessionHandoff: sections.handoff,
        heartbeat: sections.heartbeat,
      });
      const sessionFile =
        sessionId ?? (await createPiSessionFile({ home, agentId: execution.agent.id, now: new Date() }));
      const args = (system: string): string[] =>
        piArguments({ config, systemPrompt: system, sessionFile, skillsDirectory: piSkillsHome(home) });
      // The CLI reads the file when it is given a path that exists.
      const system = fitsOneArgument(systemPrompt) ? systemPrompt : await files.write("system-prompt.md", systemPrompt);
      // It takes a first character `@` for a file and `-` for an option; stdin is taken as it is.
      const asArgument = fitsOneArgument(prompt) && !/^[@-]/.test(prompt);
      return {
        args: [...args(system), ...(asArgument ? [prompt] : [])],
        shownArgs: [...args(shownPrompt(systemPrompt)), ...(asArgument ? [shownPrompt(prompt)] : [])],
        ...(asArgument ? {} : { stdin: prompt }),
        prompt,
        promptMetrics: { ...promptMetrics, systemPromptChars: systemPrompt.length },
        commandNotes: [
          asArgument ? "The prompt is an argument." : "The prompt goes to stdin: it does not fit an argument.",
          ...note,
        ],
        sessionId: sessionFile,
      };
    },
    cleanup: files.remove,
  };
}

/** Instructions with the contract, else the prompt template (AD-263). */
function systemPromptOf(
  { execution }: CliSetup,
  instructions: AgentInstructions | null,
): { readonly systemPrompt: string; readonly note: readonly string[] } {
  const data = templateData(execution);
  if (instructions === null) {
    const template = nonEmptyString(execution.config["promptTemplate"]) ?? DEFAULT_PROMPT_TEMPLATE;
    return { systemPrompt: renderTemplate(template, data), note: [] };
  }
  return {
    systemPrompt: `${instructions.text}\n\n${renderTemplate(DEFAULT_PROMPT_TEMPLATE, data)}`,
    note: [`Agent instructions from ${instructions.file} are part of the system prompt.`],
  };
}

export const piTool: CliTool<PiOutput> = {
  type: "pi_local",
  name: "Pi",
  command: (config) => readString(config["command"], "pi").trim(),
  defaultGraceSec: DEFAULT_GRACE_SEC,
  prepare,
  sessionWord: "session",
  // The CLI makes a missing file itself and would begin an empty conversation without a word (AD-262).
  refuseSession: async (file) =>
    (await isPiSessionFile(file)) ? null : `Pi session "${file}" is unavailable; retrying with a fresh session.`,
  createParser: createPiParser,
  skippedPrefixes: PI_SKIPPED_PREFIXES,
  moveLine: (stream, text) => ({ stream, text }),
  // The file is the session; the id in the stream is for information.
  printedSession: () => null,
  progress: perRunFigures,
  judge: judgePi,
  isUnknownSession: isUnknownPiSession,
  report: ({ output, outcome, setup }: CliEnding<PiOutput>) => {
    const config = readPiConfig(setup.execution.config);
    return {
      ...perRunFigures(output),
      provider: config.provider,
      biller: openAiCompatibleBiller(setup.env) ?? config.provider ?? "unknown",
      model: config.model,
      billingType: "unknown",
      resultJson: {
        ...outputResult(outcome),
        ...(output.streamSessionId === null ? {} : { streamSessionId: output.streamSessionId }),
      },
      summary: output.summary,
    };
  },
};
