/** Checks of the `opencode_local` adapter (AD-93, AD-246). */
import { isJsonObject } from "@wakefleet/contracts";
import { type CliEnvironmentTest, HELLO_PROMPT, readCaptured, type TestedCli } from "../cli/test-cli-environment.js";
import type { EnvironmentCheck } from "../contract.js";
import { judgeOpenCode } from "./judge-opencode.js";
import { readOpenCodeConfig } from "./opencode-config.js";
import { OPENCODE_MODELS_ARGS, openCodeModels } from "./opencode-models.js";
import { OPENCODE_FIXED_ENV, openCodeTool } from "./opencode-tool.js";
import { createOpenCodeParser } from "./parse-opencode.js";

/** AD-94. */
const PROBE_TIMEOUT_SEC = 60;
const MODEL_UNAVAILABLE = /ProviderModelNotFoundError|model not found/i;
const AUTH = /authentication required|unauthorized|api key|not logged in|login required|free usage exceeded/i;

export const openCodeEnvironmentTest: CliEnvironmentTest = {
  prefix: "opencode",
  name: "OpenCode",
  command: openCodeTool.command,
  createsDirectory: false,
  credentialChecks: async (tested) => settingChecks(tested),
  furtherChecks: modelChecks,
  skippedCheck: {
    code: "opencode_command_skipped",
    level: "warn",
    message: "Models and probe were left out: directory or command are not usable",
  },
  probe({ config }) {
    const settings = readOpenCodeConfig(config);
    return {
      args: [
        "run",
        "--format",
        "json",
        ...(settings.model === null ? [] : ["--model", settings.model]),
        ...(settings.variant === null ? [] : ["--variant", settings.variant]),
        ...settings.extraArgs,
      ],
      stdin: HELLO_PROMPT,
      timeoutSec: PROBE_TIMEOUT_SEC,
      env: OPENCODE_FIXED_ENV,
      loginHint:
        "Log in with `opencode auth login` as the worker's user, or set the provider's key in adapterConfig.env.",
      read(captured) {
        const { output, plainStdout } = readCaptured(createOpenCodeParser(), captured.stdout);
        const ending = { exitCode: captured.exitCode, output, stderr: captured.stderr, plainStdout, now: new Date() };
        const verdict = judgeOpenCode(ending);
        const said = `${output.errorMessage ?? ""}\n${captured.stderr}\n${plainStdout}`;
        return {
          summary: output.summary,
          errorMessage: output.errorMessage,
          failed: verdict !== null,
          authRequired: verdict !== null && (verdict.errorCode === "opencode_auth_required" || AUTH.test(said)),
          ...(verdict !== null && MODEL_UNAVAILABLE.test(said) ? { special: MODEL_UNAVAILABLE_CHECK } : {}),
        };
      },
    };
  },
};

const MODEL_UNAVAILABLE_CHECK: EnvironmentCheck = {
  code: "opencode_hello_probe_model_unavailable",
  level: "warn",
  message: "The provider does not offer the configured model",
  hint: "Choose another model: `opencode models` lists what there is.",
};

function settingChecks({ config }: TestedCli): EnvironmentCheck[] {
  const checks: EnvironmentCheck[] = [];
  const env = isJsonObject(config["env"]) ? config["env"] : {};
  const key = env["OPENAI_API_KEY"];
  if (typeof key === "string" && key.trim() === "") {
    checks.push({
      code: "opencode_openai_api_key_missing",
      level: "warn",
      message: "OPENAI_API_KEY is set to nothing in adapterConfig.env and hides the worker's",
      hint: "Remove the entry, or give it a value.",
    });
  }
  if (readOpenCodeConfig(config).dangerouslySkipPermissions) {
    checks.push({
      code: "opencode_headless_permissions_enabled",
      level: "info",
      message: "Runs may work outside of their directory without asking",
    });
  }
  return checks;
}

async function modelChecks(
  tested: TestedCli,
): Promise<{ readonly checks: readonly EnvironmentCheck[]; readonly canProbe: boolean }> {
  const { model } = readOpenCodeConfig(tested.config);
  let available: readonly string[];
  try {
    available = await openCodeModels.refresh({
      command: tested.command,
      args: OPENCODE_MODELS_ARGS,
      cwd: tested.cwd,
      env: { ...tested.env, ...OPENCODE_FIXED_ENV },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { checks: [{ code: "opencode_models_discovery_failed", level: "warn", message }], canProbe: false };
  }
  const listed: EnvironmentCheck =
    available.length === 0
      ? {
          code: "opencode_models_empty",
          level: "warn",
          message: "OpenCode lists no models",
          hint: "Log in to a provider with `opencode auth login`.",
        }
      : { code: "opencode_models_discovered", level: "info", message: `OpenCode lists ${available.length} models` };
  const isKnown = model !== null && available.includes(model);
  const configured: EnvironmentCheck = isKnown
    ? { code: "opencode_model_configured", level: "info", message: `The model is configured: ${model}` }
    : {
        code: "opencode_model_invalid",
        level: "error",
        message: model === null ? "No model is configured" : `OpenCode does not list the configured model "${model}"`,
        hint: "Set adapterConfig.model to one of `opencode models`, in provider/model format.",
      };
  return { checks: [listed, configured], canProbe: isKnown };
}
