/**
 * "Could a run work here?" for agent CLIs (AD-92 to AD-96): directory, command, credentials, and a question that costs
 * one answer.
 *
 * What must stay true: the question is only asked when directory and command are good; every outcome is a check with a
 * stable code, nothing is thrown.
 */
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { type CapturedCommand, captureCommand } from "../child/capture-command.js";
import { resolveCommand } from "../child/resolve-command.js";
import { readObject } from "../config-readers.js";
import {
  type EnvironmentCheck,
  type EnvironmentTestContext,
  type EnvironmentTestResult,
  summariseChecks,
} from "../contract.js";
import { DEFAULT_PATH } from "../environment/child-environment.js";
import { inheritedEnvironment } from "../environment/inherited.js";
import { requireWorkingDirectory } from "../working-directory.js";
import type { EventParser } from "./event-reader.js";
import { createEventReader } from "./event-reader.js";

/** AD-93. */
export const HELLO_PROMPT = "Respond with hello.";
const DETAIL_CHARS = 240;

/** What is looked at. */
export interface TestedCli {
  readonly config: JsonObject;
  readonly command: string;
  readonly cwd: string;
  /** What the CLI would be started with, without a run's own variables. */
  readonly env: Readonly<Record<string, string>>;
}

/** How the probe ended, read by the CLI's own parser. */
export interface ProbeReading {
  readonly summary: string | null;
  readonly errorMessage: string | null;
  /** The run would count as failed. */
  readonly failed: boolean;
  /** The CLI says that nobody is logged in. */
  readonly authRequired: boolean;
  /** A finding that comes before all others. */
  readonly special?: EnvironmentCheck;
}

export interface HelloProbe {
  readonly args: readonly string[];
  readonly stdin?: string;
  /** Seconds. */
  readonly timeoutSec: number;
  /** Laid over the environment. */
  readonly env?: Readonly<Record<string, string>>;
  read(captured: CapturedCommand): ProbeReading;
  /** What to do when nobody is logged in. */
  readonly loginHint: string;
}

export interface CliEnvironmentTest {
  /** First part of each code, such as `gemini`. */
  readonly prefix: string;
  /** For messages. */
  readonly name: string;
  command(config: JsonObject, workerEnv: Readonly<Record<string, string | undefined>>): string;
  /** A missing working directory is made (AD-95). */
  readonly createsDirectory: boolean;
  /** The probe is only made when the command has this name (AD-94). Absent: whatever it is called. */
  readonly probedCommandName?: string;
  credentialChecks(tested: TestedCli): Promise<readonly EnvironmentCheck[]>;
  /** Checks that need the command; `canProbe` false leaves the probe out. */
  readonly furtherChecks?: (
    tested: TestedCli,
  ) => Promise<{ readonly checks: readonly EnvironmentCheck[]; readonly canProbe: boolean }>;
  /** Told instead of further checks and probe when directory or command are not good. */
  readonly skippedCheck?: EnvironmentCheck;
  probe(tested: TestedCli): HelloProbe;
}

/** Makes the checks of a CLI adapter. */
export async function testCliEnvironment(
  context: EnvironmentTestContext,
  test: CliEnvironmentTest,
): Promise<EnvironmentTestResult> {
  const workerEnv = context.workerEnv ?? process.env;
  const { config } = context;
  const tested: TestedCli = {
    config,
    command: test.command(config, workerEnv),
    cwd: nonEmptyString(config["cwd"]) ?? process.cwd(),
    env: testEnvironmentOf(config, workerEnv),
  };
  const directory = await directoryCheck(test, tested.cwd);
  const executable = await executableCheck(test, tested);
  const checks = [directory, executable, ...(await test.credentialChecks(tested))];
  if (directory.level !== "error" && executable.level !== "error") {
    const further = await test.furtherChecks?.(tested);
    checks.push(...(further?.checks ?? []));
    if (further?.canProbe !== false) checks.push(await helloProbe(test, tested));
  } else if (test.skippedCheck !== undefined) {
    checks.push(test.skippedCheck);
  }
  return summariseChecks({ adapterType: context.adapterType, checks, testedAt: new Date() });
}

function testEnvironmentOf(
  config: JsonObject,
  workerEnv: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const env = inheritedEnvironment(workerEnv);
  for (const [name, value] of Object.entries(readObject(config["env"]))) {
    if (typeof value === "string") env[name] = value;
  }
  if ((env["PATH"] ?? "") === "") env["PATH"] = DEFAULT_PATH;
  return env;
}

async function directoryCheck(test: CliEnvironmentTest, cwd: string): Promise<EnvironmentCheck> {
  try {
    await requireWorkingDirectory({ cwd, createIfMissing: test.createsDirectory });
    return { code: `${test.prefix}_cwd_valid`, level: "info", message: `Working directory is valid: "${cwd}"` };
  } catch (error) {
    return {
      code: `${test.prefix}_cwd_invalid`,
      level: "error",
      message: messageOf(error),
      hint: "Set adapterConfig.cwd to an absolute path of a directory on the worker.",
    };
  }
}

async function executableCheck(test: CliEnvironmentTest, tested: TestedCli): Promise<EnvironmentCheck> {
  try {
    const resolved = await resolveCommand(tested);
    return {
      code: `${test.prefix}_command_resolvable`,
      level: "info",
      message: `Command is executable: "${tested.command}"`,
      detail: resolved,
    };
  } catch (error) {
    return {
      code: `${test.prefix}_command_unresolvable`,
      level: "error",
      message: messageOf(error),
      hint: `Install ${test.name} on the worker, or set adapterConfig.command to its absolute path.`,
    };
  }
}

async function helloProbe(test: CliEnvironmentTest, tested: TestedCli): Promise<EnvironmentCheck> {
  const code = (outcome: string): string => `${test.prefix}_hello_probe_${outcome}`;
  if (test.probedCommandName !== undefined && baseName(tested.command) !== test.probedCommandName) {
    return {
      code: code("skipped_custom_command"),
      level: "info",
      message: `The probe was left out: "${tested.command}" is not called ${test.probedCommandName}`,
    };
  }
  const probe = test.probe(tested);
  let captured: CapturedCommand;
  try {
    captured = await captureCommand({
      command: tested.command,
      args: probe.args,
      cwd: tested.cwd,
      env: { ...tested.env, ...probe.env },
      timeoutSec: probe.timeoutSec,
      ...(probe.stdin === undefined ? {} : { stdin: probe.stdin }),
    });
  } catch (error) {
    return {
      code: code("failed"),
      level: "error",
      message: `${test.name} could not be started`,
      ...detail([messageOf(error)]),
    };
  }
  const reading = probe.read(captured);
  const shown = detail([reading.errorMessage, captured.stderr, captured.stdout]);
  if (reading.special !== undefined) return { ...shown, ...reading.special };
  if (captured.timedOut) {
    return {
      code: code("timed_out"),
      level: "warn",
      message: `${test.name} did not answer within ${probe.timeoutSec} s`,
      ...shown,
    };
  }
  if (reading.authRequired) {
    return {
      code: code("auth_required"),
      level: "warn",
      message: `${test.name} is installed, but nobody is logged in`,
      hint: probe.loginHint,
      ...shown,
    };
  }
  if (reading.failed)
    return { code: code("failed"), level: "error", message: `${test.name} failed to answer`, ...shown };
  if (/\bhello\b/i.test(reading.summary ?? "")) {
    return { code: code("passed"), level: "info", message: `${test.name} answered` };
  }
  return {
    code: code("unexpected_output"),
    level: "warn",
    message: `${test.name} ran, but its answer was not a hello`,
    ...detail([reading.summary, captured.stderr, captured.stdout]),
  };
}

/** The first non-empty line of the first text that has one, on one line and short (AD-96). */
function detail(texts: readonly (string | null)[]): { readonly detail?: string } {
  for (const text of texts) {
    const line = stripVTControlCharacters(text ?? "")
      .split(/\r?\n/)
      .find((candidate) => candidate.trim() !== "");
    if (line !== undefined) return { detail: line.replaceAll(/\s+/g, " ").trim().slice(0, DETAIL_CHARS) };
  }
  return {};
}

function baseName(command: string): string {
  return path
    .basename(command.replaceAll("\\", "/"))
    .toLowerCase()
    .replace(/\.(?:cmd|exe)$/, "");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Feeds a parser with what a probe printed. */
export function readCaptured<Output>(
  parser: EventParser<Output>,
  stdout: string,
): { readonly output: Output; readonly plainStdout: string } {
  const reader = createEventReader(parser);
  reader.push(stdout);
  reader.end();
  return { output: parser.output(), plainStdout: reader.plainText() };
}
