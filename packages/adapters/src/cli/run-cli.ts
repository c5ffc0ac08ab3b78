/**
 * Runs an agent CLI once (AD-41 to AD-79): set-up, one attempt, a second one when the session is gone, the result.
 *
 * What must stay true: a child that was stopped or killed never reads as a success (AD-29); there is at most one retry
 * (AD-73), and its result never brings the stale session back (AD-74); what was prepared is cleaned up on every way out.
 */
import { homedir } from "node:os";
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { resolveCommand } from "../child/resolve-command.js";
import { readNumber } from "../config-readers.js";
import {
  type AdapterExecutionContext,
  type AdapterExecutionResult,
  cancelledResult,
  isHandedOver,
} from "../contract.js";
import { childEnvironment } from "../environment/child-environment.js";
import { requireLocalTarget } from "../local-target.js";
import { writeLogLine } from "../log-line.js";
import { readWorkspace, requireWorkingDirectory, resolveWorkingDirectory } from "../working-directory.js";
import { type Attempt, attempt, type Run } from "./attempt.js";
import type { CliPlan, CliSetup, CliTool } from "./cli-tool.js";
import { decideResume, nextSession, sessionWorkspaceParams } from "./resume.js";

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
  if (execution.signal.aborted) return cancelledResult(execution.signal);
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
    // A child that goes on without this worker still reads its files.
    if (!isHandedOver(execution.signal)) await cleanUp(execution, plan);
  }
}

async function cleanUp(execution: AdapterExecutionContext, plan: CliPlan): Promise<void> {
  try {
    await plan.cleanup?.();
  } catch (cause) {
    execution.onWarning?.({ code: "cleanup_failed", message: "Files made for the run could not be removed", cause });
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
  const environment = childEnvironment({
    execution,
    workerEnv,
    fixed: tool.fixedEnv?.(config) ?? {},
    withRuntimeServices: tool.withRuntimeServices ?? false,
  });
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
  if (first === null) return cancelledResult(execution.signal);
  if (sessionId === null || !hasLostSession(run, first)) return resultOf(run, first, null);
  await writeLogLine(execution, {
    stream: "stdout",
    text: `${tool.name} ${tool.sessionWord} "${sessionId}" is unavailable; retrying with a fresh session.`,
  });
  const second = await attempt(run, null);
  return second === null ? cancelledResult(execution.signal) : resultOf(run, second, sessionId);
}

async function sessionToResume<Output>({ tool, setup, plan }: Run<Output>): Promise<string | null> {
  const { execution, cwd } = setup;
  if (plan.startsOver === true) return null;
  const decision = decideResume({
    name: tool.name,
    runtime: execution.runtime,
    cwd,
    boundToCwd: tool.sessionsBoundToCwd ?? true,
  });
  const refusal =
    decision.sessionId === null
      ? decision.refusal
      : ((await tool.refuseSession?.(decision.sessionId)) ?? plan.refuseSession?.(decision.sessionId) ?? null);
  if (refusal === null) return decision.sessionId;
  await writeLogLine(execution, { stream: "stdout", text: refusal });
  return null;
}

/** AD-73. */
function hasLostSession<Output>({ tool }: Run<Output>, { ending, failure }: Attempt<Output>): boolean {
  const { outcome } = ending;
  if (failure === null || outcome.timedOut || outcome.stop?.cause === "aborted") return false;
  return tool.isUnknownSession(ending);
}

/** `lostSessionId` is the session the run had to start over without; null when it did not. */
function resultOf<Output>(
  run: Run<Output>,
  last: Attempt<Output>,
  lostSessionId: string | null,
): AdapterExecutionResult {
  const { tool, setup, plan } = run;
  const { ending, invocation, failure } = last;
  const { exitCode, clearSession, ...failureFields } = failure ?? {};
  const report = tool.report(ending);
  const used = tool.printedSession(ending.output) ?? invocation.sessionId ?? null;
  return {
    exitCode: exitCode ?? ending.exitCode,
    signal: ending.signal,
    timedOut: ending.outcome.timedOut,
    ...report,
    resultJson: markedResult(report.resultJson ?? null, last),
    ...failureFields,
    ...nextSession({
      sessionId: used === lostSessionId ? null : used,
      runtime: setup.execution.runtime,
      startedOver: lostSessionId !== null || plan.startsOver === true,
      clear: clearSession === true,
      params: {
        ...(tool.savesWorkspace === false ? {} : sessionWorkspaceParams(setup.cwd, setup.workspace)),
        ...plan.sessionParams,
      },
      ...(tool.displaySession === undefined ? {} : { display: (id: string) => tool.displaySession?.(id) ?? id }),
    }),
  };
}

/** The result with how the retry engine is to take a failure (AD-118) and how the child was stopped (AD-120). */
function markedResult<Output>(resultJson: JsonObject | null, { failure, cleanup }: Attempt<Output>): JsonObject | null {
  const marks: JsonObject = {
    ...(failure?.errorFamily == null ? {} : { errorFamily: failure.errorFamily }),
    ...(failure?.retryNotBefore == null
      ? {}
      : { retryNotBefore: failure.retryNotBefore, transientRetryNotBefore: failure.retryNotBefore }),
    ...(cleanup === null ? {} : { terminalResultCleanup: cleanup }),
  };
  return Object.keys(marks).length === 0 ? resultJson : { ...resultJson, ...marks };
}
