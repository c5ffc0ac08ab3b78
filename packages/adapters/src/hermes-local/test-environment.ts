/** Checks of the `hermes_local` adapter (AD-297). No agent is asked anything. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { nonEmptyString } from "@wakefleet/contracts";
import { type CapturedCommand, captureCommand } from "../child/capture-command.js";
import { resolveCommand } from "../child/resolve-command.js";
import { hasValue } from "../cli/biller.js";
import { readObject } from "../config-readers.js";
import {
  type EnvironmentCheck,
  type EnvironmentTestContext,
  type EnvironmentTestResult,
  summariseChecks,
} from "../contract.js";
import { DEFAULT_PATH } from "../environment/child-environment.js";
import { inheritedEnvironment } from "../environment/inherited.js";
import { chooseHermesProvider, type HermesConfig, providerOfModel, readHermesConfig } from "./hermes-config.js";
import { readHermesDefaults } from "./hermes-defaults.js";

/** Seconds. */
const VERSION_TIMEOUT_SEC = 10;
const OLDEST_PYTHON = [3, 10] as const;
const KEY_NAMES = [
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_TOKEN",
  "OPENROUTER_API_KEY",
  "OPENAI_API_KEY",
  "NOUS_API_KEY",
  "GLM_API_KEY",
  "ZAI_API_KEY",
  "KIMI_API_KEY",
  "MINIMAX_API_KEY",
  "HF_TOKEN",
  "GITHUB_TOKEN",
];

interface Tested {
  readonly settings: HermesConfig;
  readonly hasModelSetting: boolean;
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly home: string;
}

export async function testHermesEnvironment(context: EnvironmentTestContext): Promise<EnvironmentTestResult> {
  return summariseChecks({
    adapterType: context.adapterType,
    checks: await checksOf(testedOf(context)),
    testedAt: new Date(),
  });
}

function testedOf(context: EnvironmentTestContext): Tested {
  const env = inheritedEnvironment(context.workerEnv ?? process.env);
  for (const [name, value] of Object.entries(readObject(context.config["env"]))) {
    if (typeof value === "string") env[name] = value;
  }
  if ((env["PATH"] ?? "") === "") env["PATH"] = DEFAULT_PATH;
  return {
    settings: readHermesConfig(context.config),
    hasModelSetting: nonEmptyString(context.config["model"]) !== null,
    cwd: nonEmptyString(context.config["cwd"]) ?? process.cwd(),
    env,
    home: nonEmptyString(env["HOME"]) ?? homedir(),
  };
}

async function checksOf(tested: Tested): Promise<EnvironmentCheck[]> {
  const { command } = tested.settings;
  try {
    await resolveCommand({ command, cwd: tested.cwd, env: tested.env });
  } catch (error) {
    return [
      {
        code: "hermes_cli_not_found",
        level: "error",
        message: messageOf(error),
        hint: "Install Hermes on the worker, or set adapterConfig.hermesCommand to its path.",
      },
    ];
  }
  return [
    await versionCheck(tested),
    ...(await pythonChecks(tested)),
    modelCheck(tested),
    await keyCheck(tested),
    await providerCheck(tested),
  ];
}

async function versionCheck({ settings, cwd, env }: Tested): Promise<EnvironmentCheck> {
  const captured = await tryCommand({ command: settings.command, args: ["--version"], cwd, env });
  if (captured === null || captured.timedOut || captured.exitCode !== 0) {
    return {
      code: "hermes_version_failed",
      level: "warn",
      message: "`hermes --version` did not work",
      hint: "Run it as the worker's user and see what it says.",
    };
  }
  const version = /\d+\.\d+(?:\.\d+)?[\w.-]*/.exec(stripVTControlCharacters(captured.stdout + captured.stderr))?.[0];
  return version === undefined
    ? { code: "hermes_version_unknown", level: "info", message: "Hermes runs, but does not tell its version" }
    : { code: "hermes_version", level: "info", message: `Hermes ${version}` };
}

/** Hermes brings its own interpreter in some installations, so a missing one is no more than a warning. */
async function pythonChecks({ cwd, env }: Tested): Promise<EnvironmentCheck[]> {
  const captured = await tryCommand({ command: "python3", args: ["--version"], cwd, env });
  const found = /Python (\d+)\.(\d+)/.exec(captured === null ? "" : captured.stdout + captured.stderr);
  if (found === null) {
    return [{ code: "hermes_python_missing", level: "warn", message: "python3 was not found; Hermes may need it" }];
  }
  const major = Number(found[1]);
  const minor = Number(found[2]);
  if (major > OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1])) return [];
  return [
    {
      code: "hermes_python_old",
      level: "error",
      message: `Python ${major}.${minor} is too old for Hermes`,
      hint: `Install Python ${OLDEST_PYTHON.join(".")} or newer.`,
    },
  ];
}

function modelCheck({ settings, hasModelSetting }: Tested): EnvironmentCheck {
  return hasModelSetting
    ? { code: "hermes_model_configured", level: "info", message: `The model is configured: ${settings.model}` }
    : {
        code: "hermes_configured_default_model",
        level: "info",
        message: `The default model is used: ${settings.model}`,
      };
}

async function keyCheck({ env, home }: Tested): Promise<EnvironmentCheck> {
  const own = await readFile(path.join(home, ".hermes", ".env"), "utf8").catch(() => "");
  const found = KEY_NAMES.filter(
    (name) => hasValue(env, name) || new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*\\S`, "m").test(own),
  );
  if (found.length > 0) {
    return { code: "hermes_api_keys_found", level: "info", message: `API keys are set: ${found.join(", ")}` };
  }
  return {
    code: "hermes_no_api_keys",
    level: "warn",
    message: "No API key of a provider is set",
    hint: "Set one in adapterConfig.env or in ~/.hermes/.env, or log in with the CLI.",
  };
}

async function providerCheck({ settings, home }: Tested): Promise<EnvironmentCheck> {
  const told = providerOfModel(settings.model);
  if (settings.provider !== null && settings.provider !== "auto" && told !== null && told !== settings.provider) {
    return {
      code: "hermes_provider_mismatch",
      level: "warn",
      message: `The provider is ${settings.provider}, but the model "${settings.model}" looks like one of ${told}`,
      hint: "Check adapterConfig.provider and adapterConfig.model.",
    };
  }
  const { provider } = chooseHermesProvider({ config: settings, defaults: await readHermesDefaults(home) });
  return provider === "auto"
    ? { code: "hermes_provider_unknown", level: "info", message: "The CLI chooses the provider itself" }
    : { code: "hermes_provider_detected", level: "info", message: `Provider: ${provider}` };
}

/** Null when it cannot be started. */
async function tryCommand(input: {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<CapturedCommand | null> {
  return await captureCommand({ ...input, timeoutSec: VERSION_TIMEOUT_SEC }).catch(() => null);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
