/** Checks of the `process` adapter (AD-84). Nothing is executed, nothing is created. */
import { nonEmptyString } from "@wakefleet/contracts";
import { resolveCommand } from "../child/resolve-command.js";
import { readObject, readString } from "../config-readers.js";
import {
  type EnvironmentCheck,
  type EnvironmentTestContext,
  type EnvironmentTestResult,
  summariseChecks,
} from "../contract.js";
import { inheritedEnvironment } from "../environment/inherited.js";
import { requireWorkingDirectory } from "../working-directory.js";

export async function testProcessEnvironment(context: EnvironmentTestContext): Promise<EnvironmentTestResult> {
  const command = readString(context.config["command"], "").trim();
  const cwd = nonEmptyString(context.config["cwd"]) ?? process.cwd();
  const checks: EnvironmentCheck[] = [commandCheck(command), await directoryCheck(cwd)];
  if (command !== "") checks.push(await executableCheck({ command, cwd, context }));
  return summariseChecks({ adapterType: context.adapterType, checks, testedAt: new Date() });
}

function commandCheck(command: string): EnvironmentCheck {
  if (command !== "") {
    return { code: "process_command_present", level: "info", message: `Command is set: "${command}"` };
  }
  return {
    code: "process_command_missing",
    level: "error",
    message: "The process adapter has no command",
    hint: "Set adapterConfig.command to the program that is to run.",
  };
}

async function directoryCheck(cwd: string): Promise<EnvironmentCheck> {
  try {
    await requireWorkingDirectory({ cwd, createIfMissing: false });
    return { code: "process_cwd_valid", level: "info", message: `Working directory is valid: "${cwd}"` };
  } catch (error) {
    return {
      code: "process_cwd_invalid",
      level: "error",
      message: messageOf(error),
      hint: "Set adapterConfig.cwd to an absolute path of a directory that exists on the worker.",
    };
  }
}

async function executableCheck(input: {
  readonly command: string;
  readonly cwd: string;
  readonly context: EnvironmentTestContext;
}): Promise<EnvironmentCheck> {
  const { command, cwd, context } = input;
  const configuredPath = nonEmptyString(readObject(context.config["env"])["PATH"]);
  const env = inheritedEnvironment(context.workerEnv ?? process.env);
  if (configuredPath !== null) env["PATH"] = configuredPath;
  try {
    const resolved = await resolveCommand({ command, cwd, env });
    return {
      code: "process_command_resolvable",
      level: "info",
      message: `Command is executable: "${command}"`,
      detail: resolved,
    };
  } catch (error) {
    return {
      code: "process_command_unresolvable",
      level: "error",
      message: messageOf(error),
      hint: "Install the program on the worker, or give its absolute path.",
    };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
