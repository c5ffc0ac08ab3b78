/** Checks of the `pi_local` adapter (AD-93, AD-277). */
import { type CliEnvironmentTest, HELLO_PROMPT, readCaptured, type TestedCli } from "../cli/test-cli-environment.js";
import type { EnvironmentCheck } from "../contract.js";
import { judgePi } from "./judge-pi.js";
import { createPiParser } from "./parse-pi.js";
import { piModelArguments, readPiConfig } from "./pi-config.js";
import { PI_MODELS_ARGS, piModels } from "./pi-models.js";
import { piTool } from "./pi-tool.js";

/** AD-94. */
const PROBE_TIMEOUT_SEC = 60;
const AUTH = /auth(?:entication)? required|api key|not logged in|free usage exceeded/i;
/** The CLI installs packages its settings name before it does anything else. */
const PACKAGE_INSTALL_FAILED =
  /\bnpm\b[^\n]*\b(?:failed|error|ERR)|package[^\n]*install[^\n]*failed|failed to install/i;

export const piEnvironmentTest: CliEnvironmentTest = {
  prefix: "pi",
  name: "Pi",
  command: piTool.command,
  createsDirectory: false,
  credentialChecks: async () => [],
  furtherChecks: modelChecks,
  skippedCheck: {
    code: "pi_command_skipped",
    level: "warn",
    message: "Models and probe were left out: directory or command are not usable",
  },
  probe({ config }) {
    const settings = readPiConfig(config);
    return {
      args: [
        "-p",
        HELLO_PROMPT,
        "--mode",
        "json",
        ...piModelArguments(settings),
        "--tools",
        "read",
        ...settings.extraArgs,
      ],
      timeoutSec: PROBE_TIMEOUT_SEC,
      loginHint: "Run pi as the worker's user and use /login, or set the provider's key in adapterConfig.env.",
      read(captured) {
        const { output, plainStdout } = readCaptured(createPiParser(), captured.stdout);
        const verdict = judgePi({ exitCode: captured.exitCode, output, stderr: captured.stderr, plainStdout });
        const said = `${output.errorMessage ?? ""}\n${captured.stderr}\n${plainStdout}`;
        return {
          summary: output.summary,
          errorMessage: output.errorMessage,
          failed: verdict !== null,
          authRequired: verdict !== null && (verdict.errorCode === "pi_auth_required" || AUTH.test(said)),
        };
      },
    };
  },
};

async function modelChecks(
  tested: TestedCli,
): Promise<{ readonly checks: readonly EnvironmentCheck[]; readonly canProbe: boolean }> {
  const { model } = readPiConfig(tested.config);
  const listed = await listedModelsOf(tested);
  const checks: EnvironmentCheck[] = [listed.check];
  if (model === null) {
    checks.push({
      code: "pi_model_required",
      level: "error",
      message: "No model is configured",
      hint: "Set adapterConfig.model in provider/model format; `pi --list-models` lists what there is.",
    });
  } else if (listed.models.includes(model)) {
    checks.push({ code: "pi_model_configured", level: "info", message: `The model is configured: ${model}` });
  } else {
    checks.push({
      code: "pi_model_not_found",
      level: "warn",
      message: `Pi does not list the configured model "${model}"`,
      hint: "Choose one of `pi --list-models`: a run refuses a model that is not in the list.",
    });
  }
  return { checks, canProbe: model !== null && listed.models.length > 0 };
}

async function listedModelsOf(
  tested: TestedCli,
): Promise<{ readonly check: EnvironmentCheck; readonly models: readonly string[] }> {
  const { command, cwd, env } = tested;
  try {
    const models = await piModels.refresh({ command, args: PI_MODELS_ARGS, cwd, env });
    if (models.length > 0) {
      return {
        models,
        check: { code: "pi_models_discovered", level: "info", message: `Pi lists ${models.length} models` },
      };
    }
    return {
      models,
      check: {
        code: "pi_models_empty",
        level: "warn",
        message: "Pi lists no models",
        hint: "Run pi as the worker's user and use /login, or set a provider's key.",
      },
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = PACKAGE_INSTALL_FAILED.test(message) ? "pi_package_install_failed" : "pi_models_discovery_failed";
    return { models: [], check: { code, level: "warn", message } };
  }
}
