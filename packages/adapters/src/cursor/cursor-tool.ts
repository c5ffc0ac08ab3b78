/** What tells Cursor's agent from other agent CLIs (AD-180 to AD-185). */
import path from "node:path";
import { apiOrSubscription, openAiCompatibleBiller } from "../cli/biller.js";
import { DEFAULT_GRACE_SEC } from "../cli/cli-config.js";
import {
  type CliEnding,
  type CliPlan,
  type CliReport,
  type CliSetup,
  type CliTool,
  outputResult,
} from "../cli/cli-tool.js";
import { perRunFigures } from "../cli/per-run-figures.js";
import { instructionsNotes, prepareAgent } from "../cli/prepare-agent.js";
import { environmentNote, instructedPrompt } from "../cli/prompt-sections.js";
import { readString } from "../config-readers.js";
import { cursorArguments, cursorProvider, cursorTrustArguments, readCursorConfig } from "./cursor-config.js";
import { isUnknownCursorSession, judgeCursor } from "./judge-cursor.js";
import { type CursorOutput, createCursorParser, splitStreamPrefix } from "./parse-cursor.js";

/** Where Cursor looks for skills (AD-70). */
export function cursorSkillsHome(home: string): string {
  return path.join(home, ".cursor", "skills");
}

async function prepare(setup: CliSetup): Promise<CliPlan> {
  const { execution, cwd, home } = setup;
  const config = readCursorConfig(execution.config);
  const { instructions } = await prepareAgent(setup, { skillsHome: cursorSkillsHome(home), name: "Cursor" });
  return {
    async invocation({ sessionId }) {
      const { prompt, promptMetrics } = instructedPrompt({
        execution,
        resumed: sessionId !== null,
        instructions,
        notes: { environmentNote: environmentNote(setup.injected) },
      });
      return {
        args: cursorArguments({ config, cwd, sessionId }),
        stdin: prompt,
        prompt,
        promptMetrics,
        commandNotes: [
          "The prompt goes to stdin.",
          ...(cursorTrustArguments(config).length === 0 ? [] : ["Added --yolo: nobody is there to approve."]),
          ...instructionsNotes(instructions),
        ],
      };
    },
  };
}

const API_KEYS = ["CURSOR_API_KEY", "OPENAI_API_KEY"];

/** AD-184. */
function billing(model: string, env: Readonly<Record<string, string>>): CliReport {
  const provider = cursorProvider(model);
  const billingType = apiOrSubscription(env, API_KEYS);
  const own = billingType === "subscription" ? "cursor" : (provider ?? "cursor");
  return { provider, billingType, biller: openAiCompatibleBiller(env) ?? own };
}

export const cursorTool: CliTool<CursorOutput> = {
  type: "cursor",
  name: "Cursor",
  command: (config) => readString(config["command"], "agent").trim(),
  defaultGraceSec: DEFAULT_GRACE_SEC,
  prepare,
  sessionWord: "resume session",
  createParser: createCursorParser,
  sessionKeys: ["session_id", "sessionId", "sessionID"],
  moveLine: (stream, line) => {
    const split = splitStreamPrefix(line);
    return { stream: split.stream ?? stream, text: split.text };
  },
  printedSession: (output) => output.sessionId,
  progress: (output, { env }) => ({ ...perRunFigures(output), billingType: apiOrSubscription(env, API_KEYS) }),
  judge: judgeCursor,
  isUnknownSession: isUnknownCursorSession,
  report: ({ output, outcome, setup }: CliEnding<CursorOutput>) => {
    const { model } = readCursorConfig(setup.execution.config);
    return {
      ...perRunFigures(output),
      ...billing(model, setup.env),
      model: output.model ?? model,
      resultJson: output.resultEvent ?? outputResult(outcome),
      summary: output.summary,
    };
  },
};
