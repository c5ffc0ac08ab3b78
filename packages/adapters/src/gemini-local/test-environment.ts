/** Checks of the `gemini_local` adapter (AD-93, AD-94, AD-217). */
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
import { readGeminiConfig } from "./gemini-config.js";
import { geminiTool, TRUST_VARIABLE } from "./gemini-tool.js";
import { judgeGemini } from "./judge-gemini.js";
import { createGeminiParser } from "./parse-gemini.js";

const QUOTA =
  /RESOURCE_EXHAUSTED|resource has been exhausted|\bquota\b|rate.?limit|too many requests|\b429\b|billing details/i;

export const geminiEnvironmentTest: CliEnvironmentTest = {
  prefix: "gemini",
  name: "Gemini CLI",
  command: geminiTool.command,
  createsDirectory: true,
  probedCommandName: "gemini",
  credentialChecks: async (tested) => [credentialCheck(tested)],
  probe,
};

function credentialCheck({ env }: TestedCli): EnvironmentCheck {
  const found =
    ["GEMINI_API_KEY", "GOOGLE_API_KEY"].find((name) => hasValue(env, name)) ??
    (env["GOOGLE_GENAI_USE_GCA"] === "true" ? "GOOGLE_GENAI_USE_GCA" : undefined);
  if (found !== undefined) {
    return { code: "gemini_api_key_present", level: "info", message: `Credentials for Gemini are set (${found})` };
  }
  return {
    code: "gemini_api_key_missing",
    level: "info",
    message: "No API key for Gemini is set; the CLI's own login is used, if there is one",
    hint: "Set GEMINI_API_KEY in adapterConfig.env, or log in with the CLI as the worker's user.",
  };
}

function probe({ config }: TestedCli): HelloProbe {
  const settings = readGeminiConfig(config);
  const approval = nonEmptyString(config["approvalMode"]) ?? (config["yolo"] === true ? "yolo" : null);
  return {
    args: [
      "--output-format",
      "stream-json",
      ...(settings.model === null ? [] : ["--model", settings.model]),
      ...(approval === null ? [] : ["--approval-mode", approval]),
      settings.sandbox ? "--sandbox" : "--sandbox=none",
      ...settings.extraArgs,
      "--prompt",
      HELLO_PROMPT,
    ],
    timeoutSec: settings.helloProbeTimeoutSec,
    env: { [TRUST_VARIABLE]: "true" },
    loginHint: "Set GEMINI_API_KEY, or run gemini once as the worker's user and choose a login.",
    read(captured) {
      const { output, plainStdout } = readCaptured(createGeminiParser(), captured.stdout);
      const verdict = judgeGemini({ exitCode: captured.exitCode, output, stderr: captured.stderr, plainStdout });
      const hasQuotaText = verdict !== null && QUOTA.test(`${output.errorMessage ?? ""}\n${captured.stderr}`);
      return {
        summary: output.summary,
        errorMessage: output.errorMessage,
        failed: verdict !== null,
        authRequired: verdict?.errorCode === "gemini_auth_required",
        ...(hasQuotaText ? { special: QUOTA_EXHAUSTED } : {}),
      };
    },
  };
}

const QUOTA_EXHAUSTED: EnvironmentCheck = {
  code: "gemini_hello_probe_quota_exhausted",
  level: "warn",
  message: "Gemini is logged in, but its quota is used up",
  hint: "Wait until the quota is reset, or use another key or plan.",
};
