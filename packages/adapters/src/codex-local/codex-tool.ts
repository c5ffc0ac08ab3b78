/** What tells Codex from other agent CLIs (AD-140 to AD-168). */
import { homedir } from "node:os";
import path from "node:path";
import { isGuid, nonEmptyString } from "@wakefleet/contracts";
import { hasValue, openAiCompatibleBiller } from "../cli/biller.js";
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
import type { LineMove } from "../cli/line-forwarder.js";
import { instructionsNotes, prepareAgent } from "../cli/prepare-agent.js";
import { joinSections, promptSections } from "../cli/prompt-sections.js";
import { savedSessionId } from "../cli/resume.js";
import { readObject, readString } from "../config-readers.js";
import { companyFolder } from "../environment/instance-folder.js";
import { writeLogLine } from "../log-line.js";
import { codexArguments, hasFastMode, readCodexConfig } from "./codex-config.js";
import { readCodexLogin, seedCodexHome, sharedCodexHome } from "./codex-home.js";
import { fallbackHandoff, readCodexFallback } from "./fallback-mode.js";
import { watchActivity } from "./inactivity-monitor.js";
import { type CodexEnding, isUnknownCodexSession, judgeCodex } from "./judge-codex.js";
import { type CodexOutput, createCodexParser } from "./parse-codex.js";
import { isCodexNoise } from "./stderr-noise.js";

/** AD-166. */
const STALL_GRACE_SEC = 5;

async function prepare(setup: CliSetup): Promise<CliPlan> {
  const { execution } = setup;
  const { context } = execution;
  const config = readCodexConfig(execution.config);
  const fallback = readCodexFallback(context);
  const codexHome = await prepareHome(setup);
  const { instructions } = await prepareAgent(setup, { skillsHome: path.join(codexHome, "skills"), name: "Codex" });
  return {
    env: { CODEX_HOME: codexHome, ...(await keyForCodex(setup, codexHome)) },
    startsOver: fallback.freshSession,
    refuseSession: refuseOddId,
    async invocation({ sessionId }) {
      const sections = promptSections({ execution, resumed: sessionId !== null });
      const { prompt, promptMetrics } = joinSections({
        instructions: sections.isDelta ? "" : (instructions?.text ?? ""),
        bootstrap: sections.bootstrap,
        wake: sections.wake,
        fallbackHandoff: fallbackHandoff({ fallback, previousSessionId: savedSessionId(execution.runtime), context }),
        sessionHandoff: sections.handoff,
        heartbeat: sections.heartbeat,
      });
      return {
        args: codexArguments({ config, forbidsFastMode: fallback.saferInvocation, sessionId }),
        stdin: prompt,
        prompt,
        promptMetrics,
        commandNotes: [
          ...instructionsNotes(sections.isDelta ? null : instructions),
          "Codex itself also applies the repository's AGENTS.md.",
          ...fastModeNotes({ config, forbidden: fallback.saferInvocation }),
        ],
      };
    },
  };
}

/** AD-143: the configured home, else one for the company. */
async function prepareHome(setup: CliSetup): Promise<string> {
  const { execution } = setup;
  const configured = nonEmptyString(readObject(execution.config["env"])["CODEX_HOME"])?.trim();
  if (configured !== undefined) return path.resolve(setup.cwd, configured);
  const workerEnv = execution.workerEnv ?? process.env;
  const shared = sharedCodexHome(workerEnv, nonEmptyString(workerEnv["HOME"]) ?? homedir());
  const managed = path.join(companyFolder(workerEnv, execution.agent.companyId), "codex-home");
  await seedCodexHome({ managed, shared });
  await writeLogLine(execution, {
    stream: "stdout",
    text: `Using Wakefleet-managed Codex home "${managed}" (seeded from "${shared}").`,
  });
  return managed;
}

/** AD-147: the CLI does not take `OPENAI_API_KEY`; without another login the configured one is given as what it takes. */
async function keyForCodex({ execution, env }: CliSetup, codexHome: string): Promise<Record<string, string>> {
  const key = nonEmptyString(readObject(execution.config["env"])["OPENAI_API_KEY"]);
  if (key === null || hasValue(env, "CODEX_API_KEY") || (await readCodexLogin(codexHome)) !== null) return {};
  return { CODEX_API_KEY: key };
}

/** AD-165: told to resume what is no thread id, the CLI answers with a new thread and says nothing. */
function refuseOddId(sessionId: string): string | null {
  return isGuid(sessionId) ? null : `Codex session "${sessionId}" is not a thread id and will not be resumed.`;
}

function fastModeNotes(input: {
  readonly config: ReturnType<typeof readCodexConfig>;
  readonly forbidden: boolean;
}): string[] {
  const { config, forbidden } = input;
  if (!config.fastMode) return [];
  if (forbidden) return ["Fast mode is off for this retry."];
  return hasFastMode(config.model) ? [] : [`Fast mode is ignored: the model ${config.model ?? "default"} has none.`];
}

function createParser(attempt: {
  readonly setup: CliSetup;
  readonly control: AttemptControl;
}): EventParser<CodexOutput> {
  const { inactivityTimeoutMs } = readCodexConfig(attempt.setup.execution.config);
  return watchActivity(createCodexParser(), { control: attempt.control, timeoutMs: inactivityTimeoutMs });
}

/** AD-150. */
const dropNoise: LineMove = (stream, line) => ({ stream, text: stream === "stderr" && isCodexNoise(line) ? "" : line });

/** Codex prints times as its own clock shows them. */
function withZone(ending: CliEnding<CodexOutput>): CodexEnding {
  return { ...ending, localZone: ending.setup.env["TZ"] };
}

function remark({ output, resumedSessionId }: CliEnding<CodexOutput>): string | null {
  if (resumedSessionId === null || output.threadId === null || output.threadId === resumedSessionId) return null;
  return `Codex answered in thread "${output.threadId}" instead of "${resumedSessionId}"; the new one is kept.`;
}

function report({ output, outcome, setup }: CliEnding<CodexOutput>): CliReport {
  const isApi = ["OPENAI_API_KEY", "CODEX_API_KEY"].some((name) => hasValue(setup.env, name));
  return {
    ...progress(output),
    provider: "openai",
    biller: openAiCompatibleBiller(setup.env) ?? (isApi ? "openai" : "chatgpt"),
    model: readCodexConfig(setup.execution.config).model,
    billingType: isApi ? "api" : "subscription",
    costUsd: null,
    resultJson: outputResult(outcome),
    summary: output.summary,
  };
}

function progress({ usage }: CodexOutput): Pick<CliReport, "usage" | "usageBasis"> {
  return usage === null ? {} : { usage, usageBasis: "session_cumulative" };
}

export const codexTool: CliTool<CodexOutput> = {
  type: "codex_local",
  name: "Codex",
  command: (config) => readString(config["command"], "codex").trim(),
  defaultGraceSec: DEFAULT_GRACE_SEC,
  earlyStopGraceSec: STALL_GRACE_SEC,
  withRuntimeServices: true,
  prepare,
  sessionWord: "resume session",
  createParser,
  sessionKeys: ["thread_id"],
  moveLine: dropNoise,
  printedSession: (output) => output.threadId,
  progress,
  remark,
  judge: (ending) => judgeCodex(withZone(ending)),
  isUnknownSession: isUnknownCodexSession,
  report,
};
