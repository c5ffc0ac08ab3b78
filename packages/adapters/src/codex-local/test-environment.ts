/** Checks of the `codex_local` adapter (AD-93, AD-94, AD-169). */
import { homedir } from "node:os";
import { nonEmptyString } from "@wakefleet/contracts";
import { hasValue } from "../cli/biller.js";
import {
  type CliEnvironmentTest,
  HELLO_PROMPT,
  type HelloProbe,
  readCaptured,
  type TestedCli,
} from "../cli/test-cli-environment.js";
import type { EnvironmentCheck } from "../contract.js";
import { errorLines } from "../error-lines.js";
import { codexArguments, hasFastMode, readCodexConfig } from "./codex-config.js";
import { readCodexLogin, sharedCodexHome } from "./codex-home.js";
import { codexTool } from "./codex-tool.js";
import { judgeCodex } from "./judge-codex.js";
import { createCodexParser } from "./parse-codex.js";
import { CODEX_NOISE } from "./stderr-noise.js";

const PROBE_TIMEOUT_SEC = 45;
const AUTH_EVIDENCE =
  /not logged in|login required|authentication required|unauthorized|(?:invalid|missing|incorrect) api key|openai[ _]api[ _]key|api key\b[^\n]{0,60}\brequired|please run codex login|missing environment variable/i;

export const codexEnvironmentTest: CliEnvironmentTest = {
  prefix: "codex",
  name: "Codex CLI",
  command: codexTool.command,
  createsDirectory: true,
  probedCommandName: "codex",
  async credentialChecks(tested) {
    return [await credentialCheck(tested), ...fastModeChecks(tested)];
  },
  probe,
};

async function credentialCheck({ env }: TestedCli): Promise<EnvironmentCheck> {
  const key = ["OPENAI_API_KEY", "CODEX_API_KEY"].find((name) => hasValue(env, name));
  if (key !== undefined) {
    return { code: "codex_openai_api_key_present", level: "info", message: `An API key for OpenAI is set (${key})` };
  }
  const codexHome = sharedCodexHome(env, nonEmptyString(env["HOME"]) ?? homedir());
  const login = await readCodexLogin(codexHome);
  if (login !== null) {
    const who = login.email === null ? "" : ` as ${login.email}`;
    return { code: "codex_native_auth_present", level: "info", message: `Codex is logged in${who}`, detail: codexHome };
  }
  return {
    code: "codex_openai_api_key_missing",
    level: "warn",
    message: "Neither an API key nor a login of Codex was found",
    hint: "Run codex login as the worker's user, or set OPENAI_API_KEY in adapterConfig.env.",
  };
}

function fastModeChecks({ config }: TestedCli): EnvironmentCheck[] {
  const { fastMode, model } = readCodexConfig(config);
  if (!fastMode || hasFastMode(model)) return [];
  return [
    {
      code: "codex_fast_mode_unsupported_model",
      level: "warn",
      message: `Fast mode is ignored: the model ${model ?? "default"} has none`,
      hint: "Choose a model that has a fast mode, or switch fastMode off.",
    },
  ];
}

function probe({ config, env }: TestedCli): HelloProbe {
  const key = nonEmptyString(env["OPENAI_API_KEY"]);
  return {
    args: codexArguments({ config: readCodexConfig(config), forbidsFastMode: true, sessionId: null }),
    stdin: HELLO_PROMPT,
    timeoutSec: PROBE_TIMEOUT_SEC,
    // Given as a run would give it: the CLI does not take the other name (AD-147).
    ...(key === null || hasValue(env, "CODEX_API_KEY") ? {} : { env: { CODEX_API_KEY: key } }),
    loginHint: "Run codex login as the worker's user, or set OPENAI_API_KEY in adapterConfig.env.",
    read(captured) {
      const { output, plainStdout } = readCaptured(createCodexParser(), captured.stdout);
      const { exitCode, stderr } = captured;
      const failure = judgeCodex({ exitCode, output, stderr, plainStdout, now: new Date(), resumedSessionId: null });
      const words = [output.errorMessage ?? "", ...errorLines(stderr, CODEX_NOISE), ...errorLines(plainStdout)];
      return {
        summary: output.summary,
        errorMessage: failure?.errorMessage ?? null,
        failed: failure !== null,
        authRequired: failure !== null && AUTH_EVIDENCE.test(words.join("\n")),
      };
    },
  };
}
