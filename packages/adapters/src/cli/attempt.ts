/**
 * One attempt of a run: the child is started, its output is read and handed on, and its end is judged.
 *
 * What must stay true: a child that was stopped or killed never reads as a success (AD-29), except one that was stopped
 * after it had reported its success (AD-120); everything armed for the attempt is disarmed when it is over.
 */
import type { JsonObject } from "@wakefleet/contracts";
import { type ChildOutcome, superviseChild } from "../child/supervise-child.js";
import { abortReasonOf } from "../contract.js";
import { loggedEnvironment } from "../environment/redaction.js";
import { writeLogLine } from "../log-line.js";
import type { CliFailure } from "./cli-failure.js";
import type { CliEnding, CliInvocation, CliPlan, CliSetup, CliTool } from "./cli-tool.js";
import { createEarlyStopTimer, type EarlyStop, type EarlyStopTimer } from "./early-stop.js";
import { createEventReader, type EventParser } from "./event-reader.js";
import { createLineForwarder } from "./line-forwarder.js";
import { createLineSplitter } from "./line-splitter.js";
import { createProgressReporter, type ProgressReporter } from "./progress-reporter.js";

const STDERR_BYTES = 64 * 1024;

/** A run whose child can be started. */
export interface Run<Output> {
  readonly tool: CliTool<Output>;
  readonly setup: CliSetup;
  readonly plan: CliPlan;
  readonly executable: string;
  readonly timeoutSec: number;
  readonly graceSec: number;
}

export interface Attempt<Output> {
  readonly ending: CliEnding<Output>;
  readonly invocation: CliInvocation;
  /** Null for success. */
  readonly failure: CliFailure | null;
  /** How a child was stopped that had reported its success (AD-120); null when none was. */
  readonly cleanup: JsonObject | null;
}

/** Starts the CLI, with the session when it is given; null when the run was aborted before the child was started. */
export async function attempt<Output>(run: Run<Output>, sessionId: string | null): Promise<Attempt<Output> | null> {
  const { tool, setup, plan, executable } = run;
  const { execution, command, cwd } = setup;
  const invocation = await plan.invocation({ sessionId });
  await execution.onMeta?.({
    adapterType: tool.type,
    command,
    cwd,
    commandArgs: invocation.shownArgs ?? invocation.args,
    commandNotes: invocation.commandNotes,
    env: loggedEnvironment({
      injected: { ...shownVariables(run), ...setup.injected },
      childEnv: setup.env,
      resolvedCommand: executable,
    }),
    prompt: invocation.prompt,
    promptMetrics: invocation.promptMetrics,
    context: execution.context,
  });
  if (execution.signal.aborted) return null;

  const early = createEarlyStopTimer();
  try {
    const { outcome, output, plainStdout } = await runChild(run, invocation, early);
    const ending: CliEnding<Output> = {
      exitCode: outcome.exitCode,
      signal: outcome.signal,
      output,
      stderr: outcome.stderr.text(STDERR_BYTES),
      plainStdout,
      now: new Date(),
      resumedSessionId: sessionId,
      outcome,
      setup,
    };
    const remark = tool.remark?.(ending) ?? null;
    if (remark !== null) await writeLogLine(execution, { stream: "stdout", text: remark });
    return judged(run, { ending, invocation: asStarted(invocation, outcome), stop: early.stop });
  } finally {
    early.disarm();
  }
}

/** A child that was taken over uses the session it was started with, not the one this invocation would have used. */
function asStarted(invocation: CliInvocation, { memo }: ChildOutcome): CliInvocation {
  const sessionId = memo?.["sessionId"];
  return typeof sessionId === "string" ? { ...invocation, sessionId } : invocation;
}

function shownVariables<Output>({ tool, setup }: Run<Output>): Record<string, string> {
  const names = (tool.shownVariables ?? []).filter((name) => setup.env[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, setup.env[name] ?? ""]));
}

async function runChild<Output>(
  { tool, setup, executable, timeoutSec, graceSec }: Run<Output>,
  invocation: CliInvocation,
  early: EarlyStopTimer,
): Promise<{ readonly outcome: ChildOutcome; readonly output: Output; readonly plainStdout: string }> {
  const { execution, command, cwd, env } = setup;
  const parser = tool.createParser({ setup, control: early.control });
  const events = createEventReader(parser, {
    textOnly: tool.textOnly ?? false,
    ...(tool.skippedPrefixes === undefined ? {} : { skippedPrefixes: tool.skippedPrefixes }),
    ...(tool.sessionKeys === undefined ? {} : { sessionKeys: tool.sessionKeys }),
  });
  const errors = createLineSplitter({ onLine: (line) => parser.onStderrLine?.(line) });
  const progress = progressOf({ tool, setup, parser });
  const forwarder =
    tool.moveLine === undefined
      ? null
      : createLineForwarder(tool.moveLine, (stream, text) => execution.onLog(stream, text));
  const outcome = await superviseChild({
    host: execution.childHost,
    ...(invocation.sessionId === undefined ? {} : { memo: { sessionId: invocation.sessionId } }),
    command,
    executable,
    args: invocation.args,
    cwd,
    env,
    ...(invocation.stdin === undefined ? {} : { stdin: invocation.stdin }),
    timeoutSec,
    graceSec,
    signal: execution.signal,
    finished: early.signal,
    ...(tool.earlyStopGraceSec === undefined ? {} : { finishedGraceSec: tool.earlyStopGraceSec }),
    async onLog(stream, chunk) {
      if (stream === "stdout") events.push(chunk);
      else if (parser.onStderrLine !== undefined) errors.push(chunk);
      progress?.touch();
      if (forwarder === null) await execution.onLog(stream, chunk);
      else await forwarder.push(stream, chunk);
    },
    onSpawn: async (spawned) => await execution.onSpawn?.(spawned),
    onWarning: (warning) => execution.onWarning?.(warning),
  });
  events.end();
  errors.end();
  progress?.end();
  await forwarder?.end().catch((cause: unknown) => {
    execution.onWarning?.({ code: "on_log_failed", message: "The end of the output could not be stored", cause });
  });
  return { outcome, output: parser.output(), plainStdout: events.plainText() };
}

/** Null when nobody listens or the tool has nothing to tell. */
function progressOf<Output>(input: {
  readonly tool: CliTool<Output>;
  readonly setup: CliSetup;
  readonly parser: EventParser<Output>;
}): ProgressReporter | null {
  const { tool, setup, parser } = input;
  const { execution } = setup;
  if (execution.onProgress === undefined || tool.progress === undefined) return null;
  return createProgressReporter({
    read() {
      const output = parser.output();
      return { sessionId: tool.printedSession(output), ...tool.progress?.(output, setup) };
    },
    tell: (progress) => execution.onProgress?.(progress),
  });
}

function judged<Output>(
  run: Run<Output>,
  ended: { readonly ending: CliEnding<Output>; readonly invocation: CliInvocation; readonly stop: EarlyStop | null },
): Attempt<Output> {
  const { ending, invocation, stop } = ended;
  const { outcome } = ending;
  if (outcome.stop?.cause !== "finished" || stop === null) {
    return { ending, invocation, failure: failureOf(run, ending), cleanup: null };
  }
  if (stop.kind === "stalled") return { ending, invocation, failure: stop.failure, cleanup: null };
  const asReported: CliEnding<Output> = { ...ending, exitCode: 0, signal: null };
  if (run.tool.judge(asReported) !== null) {
    return { ending, invocation, failure: run.tool.judge(ending), cleanup: null };
  }
  const { forceKilled } = outcome.stop;
  return {
    ending: asReported,
    invocation,
    failure: null,
    cleanup: { stopped: true, signal: forceKilled ? "SIGKILL" : "SIGTERM", forceKilled },
  };
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
