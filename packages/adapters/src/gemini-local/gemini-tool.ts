/** What tells Gemini CLI from other agent CLIs (AD-200 to AD-216). */
import path from "node:path";
import { nonEmptyString } from "@wakefleet/contracts";
import { fitsOneArgument, shownPrompt } from "../cli/argument-limit.js";
import { apiOrSubscription } from "../cli/biller.js";
import { DEFAULT_GRACE_SEC } from "../cli/cli-config.js";
import { type CliEnding, type CliPlan, type CliSetup, type CliTool, outputResult } from "../cli/cli-tool.js";
import { perRunFigures } from "../cli/per-run-figures.js";
import { instructionsNotes, prepareAgent } from "../cli/prepare-agent.js";
import { apiNote, environmentNote, instructedPrompt } from "../cli/prompt-sections.js";
import { readObject, readString } from "../config-readers.js";
import { geminiArguments, readGeminiConfig } from "./gemini-config.js";
import { isUnknownGeminiSession, judgeGemini } from "./judge-gemini.js";
import { createGeminiParser, GEMINI_SESSION_KEYS, type GeminiOutput } from "./parse-gemini.js";

/** Without it the CLI refuses directories nobody trusted by hand (AD-202). */
export const TRUST_VARIABLE = "GEMINI_CLI_TRUST_WORKSPACE";

/** The CLI puts `--prompt` behind what comes on stdin (AD-205). */
const PROMPT_AFTER_STDIN = "Carry out the instructions above.";

/** Where Gemini looks for skills (AD-70). */
export function geminiSkillsHome(home: string): string {
  return path.join(home, ".gemini", "skills");
}

async function prepare(setup: CliSetup): Promise<CliPlan> {
  const { execution, home } = setup;
  const config = readGeminiConfig(execution.config);
  const { instructions } = await prepareAgent(setup, { skillsHome: geminiSkillsHome(home), name: "Gemini" });
  const trusts = nonEmptyString(readObject(execution.config["env"])[TRUST_VARIABLE]) !== null;
  return {
    env: trusts ? {} : { [TRUST_VARIABLE]: "true" },
    async invocation({ sessionId }) {
      const { prompt, promptMetrics } = instructedPrompt({
        execution,
        resumed: sessionId !== null,
        instructions,
        notes: { environmentNote: environmentNote(setup.injected), apiNote: apiNote(setup.injected) },
      });
      const args = geminiArguments({ config, sessionId });
      // A prompt that begins with a dash would be read as an option.
      const asArgument = fitsOneArgument(prompt) && !prompt.startsWith("-");
      return {
        args: [...args, "--prompt", asArgument ? prompt : PROMPT_AFTER_STDIN],
        shownArgs: [...args, "--prompt", asArgument ? shownPrompt(prompt) : PROMPT_AFTER_STDIN],
        ...(asArgument ? {} : { stdin: prompt }),
        prompt,
        promptMetrics,
        commandNotes: [
          "Added --approval-mode yolo: nobody is there to approve.",
          asArgument ? "The prompt is an argument." : "The prompt goes to stdin: it does not fit an argument.",
          ...instructionsNotes(instructions),
        ],
      };
    },
  };
}

const API_KEYS = ["GEMINI_API_KEY", "GOOGLE_API_KEY"];

export const geminiTool: CliTool<GeminiOutput> = {
  type: "gemini_local",
  name: "Gemini",
  command: (config) => readString(config["command"], "gemini").trim(),
  defaultGraceSec: DEFAULT_GRACE_SEC,
  prepare,
  sessionWord: "resume session",
  createParser: createGeminiParser,
  sessionKeys: GEMINI_SESSION_KEYS,
  printedSession: (output) => output.sessionId,
  progress: (output, { env }) => ({ ...perRunFigures(output), billingType: apiOrSubscription(env, API_KEYS) }),
  judge: judgeGemini,
  isUnknownSession: isUnknownGeminiSession,
  report: ({ output, outcome, setup }: CliEnding<GeminiOutput>) => ({
    ...perRunFigures(output),
    provider: "google",
    biller: "google",
    model: output.model ?? readGeminiConfig(setup.execution.config).model,
    billingType: apiOrSubscription(setup.env, API_KEYS),
    resultJson: output.resultEvent ?? outputResult(outcome),
    summary: output.summary,
    ...(output.question === null ? {} : { question: output.question }),
  }),
};
