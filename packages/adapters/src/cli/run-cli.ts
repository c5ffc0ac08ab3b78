/**
 * Runs an agent CLI once (AD-41 to AD-79): set-up, one attempt, a second one when the session is gone, the result.
 *
 * What must stay true: a child that was stopped or killed never reads as a success (AD-29); there is at most one retry
 * (AD-73), and its result never brings the stale session back (AD-74); what was prepared is cleaned up on every way out.
 */
import { homedir } from "node:os";
import { nonEmptyString } from "@wakefleet/contracts";
import { resolveCommand } from "../child/resolve-command.js";
import { superviseChild } from "../child/supervise-child.js";
import { readNumber } from "../config-readers.js";
import { type AdapterExecutionContext, type AdapterExecutionResult, abortReasonOf } from "../contract.js";
import { childEnvironment } from "../environment/child-environment.js";
import { loggedEnvironment } from "../environment/redaction.js";
import { requireLocalTarget } from "../local-target.js";
import { writeLogLine } from "../log-line.js";
import { readWorkspace, requireWorkingDirectory, resolveWorkingDirectory } from "../working-directory.js";
import type { CliEnding, CliFailure, CliInvocation, CliPlan, CliSetup, CliTool } from "./cli-tool.js";
import { createEventReader } from "./event-reader.js";
import { createLineForwarder } from "./line-forwarder.js";
import { createLineSplitter } from "./line-splitter.js";
import { decideResume, nextSession, sessionWorkspaceParams } from "./resume.js";

const STDERR_BYTES = 64 * 1024;

interface Run<Output> {
  readonly tool: CliTool<Output>;
  readonly setup: CliSetup;
  readonly plan: CliPlan;
  readonly executable: string;
  readonly timeoutSec: number;
  readonly graceSec: number;
}

interface Attempt<Output> {
  readonly ending: CliEnding<Output>;
  readonly invocation: CliInvocation;
  /** Null for success. */
  readonly failure: CliFailure | null;
}

/**
 * Executes `tool` for a run.
 * @throws Error when the run cannot begin: a missing setting, directory or command, a remote target.
 */
export async function runCli<Output>(
  execution: AdapterExecutionContext,
  tool: CliTool<Output>,
): Promise<AdapterExecutionResult> {
  requireLocalTarget(execution, tool.type);
  const { setup, executable } = await setUp(execution, tool);
  if (execution.signal.aborted) return abortedBeforeStart(execution.signal);
  const plan = await tool.prepare(setup);
  try {
    const run: Run<Output> = {
      tool,
      setup: overlay(setup, plan.env ?? {}),
      plan,
      executable,
      timeoutSec: readNumber(execution.config["timeoutSec"], tool.defaultTimeoutSec ?? 0),
      graceSec: readNumber(execution.config["graceSec"], tool.defaultGraceSec),
    };
    return await runAttempts(run);
  } finally {
    await plan.cleanup?.().catch((cause: unknown) => {
      execution.onWarning?.({ code: "cleanup_failed", message: "Files made for the run could not be removed", cause });
    });
  }
}

async function setUp<Output>(
  execution: AdapterExecutionContext,
  tool: CliTool<Output>,
): Promise<{ readonly setup: CliSetup; readonly executable: string }> {
  const { config } = execution;
  const workerEnv = execution.workerEnv ?? process.env;
  const configured = tool.prefersConfiguredCwd === true ? nonEmptyString(config["cwd"]) : null;
  const cwd = configured ?? resolveWorkingDirectory({ ...execution, workerCwd: process.cwd() });
  await requireWorkingDirectory({ cwd, createIfMissing: true });
  const environment = childEnvironment({ execution, workerEnv, fixed: tool.fixedEnv?.(config) ?? {} });
  const command = tool.command(config, workerEnv);
  const executable = await resolveCommand({ command, cwd, env: environment.env });
  if (environment.leftOut.length > 0) {
    await writeLogLine(execution, {
      stream: "stderr",
      text: `Warning: ${environment.leftOut.join(", ")} left out: too long for an environment variable.`,
    });
  }
  const home = nonEmptyString(environment.env["HOME"]) ?? homedir();
  const workspace = readWorkspace(execution);
  const { env, injected } = environment;
  return { setup: { execution, command, cwd, workspace, env, injected, home }, executable };
}

function overlay(setup: CliSetup, more: Readonly<Record<string, string>>): CliSetup {
  return { ...setup, env: { ...setup.env, ...more }, injected: { ...setup.injected, ...more } };
}

async function runAttempts<Output>(run: Run<Output>): Promise<AdapterExecutionResult> {
  const { tool, setup } = run;
  const { execution } = setup;
  const sessionId = await sessionToResume(run);
  const first = await attempt(run, sessionId);
  if (first === null) return abortedBeforeStart(execution.signal);
  if (sessionId === null || !hasLostSession(run, first)) return resultOf(run, first, false);
  await writeLogLine(execution, {
    stream: "stdout",
    text: `${tool.name} ${tool.sessionWord} "${sessionId}" is unavailable; retrying with a fresh session.`,
  });
  const second = await attempt(run, null);
  return second === null ? abortedBeforeStart(execution.signal) : resultOf(run, second, true);
}

async function sessionToResume<Output>({ tool, setup }: Run<Output>): Promise<string | null> {
  const { execution, cwd } = setup;
  const decision = decideResume({
    name: tool.name,
    runtime: execution.runtime,
    cwd,
    boundToCwd: tool.sessionsBoundToCwd ?? true,
  });
  const refusal =
    decision.sessionId === null ? decision.refusal : ((await tool.refuseSession?.(decision.sessionId)) ?? null);
  if (refusal === null) return decision.sessionId;
  await writeLogLine(execution, { stream: "stdout", text: refusal });
  return null;
}

/** Null when the run was aborted before the child was started. */
async function attempt<Output>(run: Run<Output>, sessionId: string | null): Promise<Attempt<Output> | null> {
  const { tool, setup, plan, executable } = run;
  const { execution, command, cwd, env } = setup;
  const invocation = await plan.invocation({ sessionId });
  await execution.onMeta?.({
    adapterType: tool.type,
    command,
    cwd,
    commandArgs: invocation.shownArgs ?? invocation.args,
    commandNotes: invocation.commandNotes,
    env: loggedEnvironment({ injected: setup.injected, childEnv: env, resolvedCommand: executable }),
    prompt: invocation.prompt,
    promptMetrics: invocation.promptMetrics,
    context: execution.context,
  });
  if (execution.signal.aborted) return null;

  const parser = tool.createParser();
  const events = createEventReader(parser, {
    ...(tool.skippedPrefixes === undefined ? {} : { skippedPrefixes: tool.skippedPrefixes }),
    ...(tool.sessionKeys === undefined ? {} : { sessionKeys: tool.sessionKeys }),
  });
  const errors = createLineSplitter({ onLine: (line) => parser.onStderrLine?.(line) });
  const forwarder =
    tool.moveLine === undefined
      ? null
      : createLineForwarder(tool.moveLine, (stream, text) => execution.onLog(stream, text));
  const outcome = await superviseChild({
    command,
    executable,
    args: invocation.args,
    cwd,
    env,
    ...(invocation.stdin === undefined ? {} : { stdin: invocation.stdin }),
    timeoutSec: run.timeoutSec,
    graceSec: run.graceSec,
    signal: execution.signal,
    async onLog(stream, chunk) {
      if (stream === "stdout") events.push(chunk);
      else if (parser.onStderrLine !== undefined) errors.push(chunk);
      if (forwarder === null) await execution.onLog(stream, chunk);
      else await forwarder.push(stream, chunk);
    },
    onSpawn: async (spawned) => await execution.onSpawn?.(spawned),
    onWarning: (warning) => execution.onWarning?.(warning),
  });
  events.end();
  errors.end();
  await forwarder?.end().catch((cause: unknown) => {
    execution.onWarning?.({ code: "on_log_failed", message: "The end of the output could not be stored", cause });
  });
  const ending: CliEnding<Output> = {
    exitCode: outcome.exitCode,
    signal: outcome.signal,
    output: parser.output(),
    stderr: outcome.stderr.text(STDERR_BYTES),
    plainStdout: events.plainText(),
    now: new Date(),
    outcome,
    setup,
  };
  return { ending, invocation, failure: failureOf(run, ending) };
}

function failureOf<Output>({ tool, setup, timeoutSec }: Run<Output>, ending: CliEnding<Output>): CliFailure | null {
  const { outcome } = ending;
  if (outcome.timedOut) return { errorMessage: `Timed out after ${timeoutSec}s`, errorCode: "timeout" };
  // A run that was told to stop never reads as a success, even if the child answered TERM with exit 0.
  if (outcome.stop?.cause === "aborted") {
    return { errorMessage: abortReasonOf(setup.execution.signal).message, errorCode: "cancelled" };
  }
  if (outcome.signal !== null) return { errorMessage: `Process terminated by signal ${outcome.signal}` };
  return tool.judge(ending);
}

/** AD-73. */
function hasLostSession<Output>({ tool }: Run<Output>, { ending, failure }: Attempt<Output>): boolean {
  const { outcome } = ending;
  if (failure === null || outcome.timedOut || outcome.stop?.cause === "aborted") return false;
  return tool.isUnknownSession(ending);
}

function resultOf<Output>(run: Run<Output>, last: Attempt<Output>, startedOver: boolean): AdapterExecutionResult {
  const { tool, setup } = run;
  const { ending, invocation, failure } = last;
  const { exitCode, clearSession, ...failureFields } = failure ?? {};
  return {
    exitCode: exitCode ?? ending.exitCode,
    signal: ending.signal,
    timedOut: ending.outcome.timedOut,
    ...tool.report(ending),
    ...failureFields,
    ...nextSession({
      sessionId: tool.printedSession(ending.output) ?? invocation.sessionId ?? null,
      runtime: setup.execution.runtime,
      startedOver,
      clear: clearSession === true,
      params: tool.savesWorkspace === false ? {} : sessionWorkspaceParams(setup.cwd, setup.workspace),
      ...(tool.displaySession === undefined ? {} : { display: (id: string) => tool.displaySession?.(id) ?? id }),
    }),
  };
}

function abortedBeforeStart(signal: AbortSignal): AdapterExecutionResult {
  return {
    exitCode: null,
    signal: null,
    timedOut: false,
    errorCode: "cancelled",
    errorMessage: abortReasonOf(signal).message,
  };
}
