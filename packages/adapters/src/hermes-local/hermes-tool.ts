/** What tells Hermes from other agent CLIs (AD-290 to AD-296). */
import { fitsOneArgument, shownPrompt } from "../cli/argument-limit.js";
import type { CliFailure } from "../cli/cli-failure.js";
import type { CliEnding, CliPlan, CliSetup, CliTool } from "../cli/cli-tool.js";
import { createPromptFiles } from "../cli/prompt-file.js";
import {
  chooseHermesProvider,
  HERMES_GRACE_SEC,
  HERMES_TIMEOUT_SEC,
  hermesArguments,
  readHermesConfig,
} from "./hermes-config.js";
import { readHermesDefaults } from "./hermes-defaults.js";
import { hermesPrompt } from "./hermes-prompt.js";
import { createHermesParser, type HermesOutput, isBenignHermesLine } from "./parse-hermes.js";

const DISPLAY_CHARS = 16;
const UNKNOWN_SESSION = /\bsession\b[^\n]{0,80}\bnot found/i;
/** On stdout stands what the agent says, so there only a line of the CLI's own form counts (AD-76). */
const UNKNOWN_SESSION_LINE = /^\W*session\b[^\n]{0,80}\bnot found/im;

async function prepare(setup: CliSetup): Promise<CliPlan> {
  const { execution, injected, home } = setup;
  const config = readHermesConfig(execution.config);
  const { provider, from } = chooseHermesProvider({ config, defaults: await readHermesDefaults(home) });
  const files = createPromptFiles(execution.runId);
  return {
    async invocation({ sessionId }) {
      const prompt = hermesPrompt({
        template: config.promptTemplate,
        execution,
        apiUrl: injected["WAKEFLEET_API_URL"] ?? "",
      });
      const fits = fitsOneArgument(prompt);
      const query = fits ? prompt : await promptFileQuery(files, prompt);
      const args = (text: string): string[] => hermesArguments({ config, prompt: text, provider, sessionId });
      return {
        args: args(query),
        shownArgs: args(fits ? shownPrompt(prompt) : query),
        prompt,
        promptMetrics: { promptChars: prompt.length },
        commandNotes: [
          "Added --yolo: nobody is there to approve.",
          provider === "auto" ? "The CLI chooses the provider." : `Provider ${provider} (${PROVIDER_SOURCES[from]}).`,
          ...(fits ? [] : ["The prompt does not fit an argument and lies in a file."]),
        ],
      };
    },
    cleanup: files.remove,
  };
}

const PROVIDER_SOURCES = {
  config: "from adapterConfig",
  defaults: "from the CLI's own settings",
  model: "from the model's name",
  none: "unknown",
} as const;

async function promptFileQuery(files: ReturnType<typeof createPromptFiles>, prompt: string): Promise<string> {
  const file = await files.write("prompt.md", prompt);
  return `Read the file ${file} and carry out what it says. It is your task for this run.`;
}

/** AD-295: stderr explains a failure and never makes one. */
function judge({ exitCode, output }: CliEnding<HermesOutput>): CliFailure | null {
  if (exitCode === 0) return null;
  const faults = output.faultLines.join("\n");
  const errorMessage = faults !== "" ? faults : (output.firstErrorLine ?? `Hermes exited with code ${exitCode ?? -1}`);
  return { errorMessage };
}

export const hermesTool: CliTool<HermesOutput> = {
  type: "hermes_local",
  name: "Hermes",
  command: (config) => readHermesConfig(config).command,
  defaultTimeoutSec: HERMES_TIMEOUT_SEC,
  defaultGraceSec: HERMES_GRACE_SEC,
  prefersConfiguredCwd: true,
  prepare,
  sessionsBoundToCwd: false,
  savesWorkspace: false,
  sessionWord: "resume session",
  displaySession: displayHermesSession,
  createParser: createHermesParser,
  textOnly: true,
  moveLine: (stream, text) => ({
    stream: stream === "stderr" && isBenignHermesLine(text) ? "stdout" : stream,
    text,
  }),
  printedSession: (output) => output.sessionId,
  judge,
  isUnknownSession: ({ stderr, plainStdout }) => UNKNOWN_SESSION.test(stderr) || UNKNOWN_SESSION_LINE.test(plainStdout),
  report: ({ output, setup }: CliEnding<HermesOutput>) => {
    const config = readHermesConfig(setup.execution.config);
    const provider = config.provider ?? (config.model.includes("/") ? (config.model.split("/")[0] ?? null) : null);
    return {
      ...(output.usage === null ? {} : { usage: output.usage, usageBasis: "per_run" }),
      provider: provider === "auto" ? null : provider,
      model: config.model,
      costUsd: output.costUsd,
      resultJson: {
        result: output.answer,
        session_id: output.sessionId,
        usage: output.usage === null ? null : { ...output.usage },
        cost_usd: output.costUsd,
      },
      summary: output.summary,
    };
  },
};

/** Its ids are long; the beginning tells them apart (AD-293). */
export function displayHermesSession(sessionId: string): string {
  return sessionId.slice(0, DISPLAY_CHARS);
}
