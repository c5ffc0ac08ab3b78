/**
 * What tells one agent CLI from another (AD-180 to AD-297). An adapter is such a declaration; `runCli` does the rest.
 *
 * What must stay true: everything here but `prepare` is pure, so that a tool's rules can be tested on recordings.
 */
import type { JsonObject } from "@wakefleet/contracts";
import type { ChildOutcome } from "../child/supervise-child.js";
import type { AdapterExecutionContext, AdapterExecutionResult, RunProgress } from "../contract.js";
import type { EnvironmentSource } from "../environment/inherited.js";
import type { RunWorkspace } from "../working-directory.js";
import type { CliFailure } from "./cli-failure.js";
import type { AttemptControl } from "./early-stop.js";
import type { EventParser } from "./event-reader.js";
import type { LineMove } from "./line-forwarder.js";

/** Where and as what a run's child is going to run. */
export interface CliSetup {
  readonly execution: AdapterExecutionContext;
  /** As configured. */
  readonly command: string;
  readonly cwd: string;
  readonly workspace: RunWorkspace;
  /** The child's whole environment; what `prepare` gives is laid over it. */
  readonly env: Readonly<Record<string, string>>;
  /** The part of it that was added. */
  readonly injected: Readonly<Record<string, string>>;
  /** The child's home directory. */
  readonly home: string;
}

/** One invocation of the CLI. */
export interface CliInvocation {
  readonly args: readonly string[];
  /** Arguments as the log shows them. Default `args`. */
  readonly shownArgs?: readonly string[];
  /** Without it the child's stdin is empty. */
  readonly stdin?: string;
  readonly prompt: string;
  readonly promptMetrics: Readonly<Record<string, number>>;
  readonly commandNotes: readonly string[];
  /** The session this invocation uses, for CLIs that are told it and do not print it. */
  readonly sessionId?: string;
}

/** What was prepared for a run. */
export interface CliPlan {
  /** Laid over the child's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Saved with the session, beside its directory and workspace. */
  readonly sessionParams?: JsonObject;
  /** A look at a session that could be resumed, with what was prepared in mind; a text says why it cannot. */
  refuseSession?(sessionId: string): string | null;
  /** The saved session is not resumed and not kept (AD-75, AD-146). Default false. */
  readonly startsOver?: boolean;
  /** Called once for each attempt; `sessionId` is null for a fresh session. */
  invocation(attempt: { readonly sessionId: string | null }): Promise<CliInvocation>;
  /** Called when the run is over, whatever became of it. */
  cleanup?(): Promise<void>;
}

/** How an attempt ended. */
export interface CliEnding<Output> {
  /** Null when a signal ended the child. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly output: Output;
  /** The end of stderr. */
  readonly stderr: string;
  /** The end of the lines on stdout that are no events. */
  readonly plainStdout: string;
  readonly now: Date;
  /** The session the CLI was told to go on with; null for a fresh one. */
  readonly resumedSessionId: string | null;
  readonly outcome: ChildOutcome;
  readonly setup: CliSetup;
}

/** What a tool reads out of an ending, beside its failure. */
export type CliReport = Pick<
  AdapterExecutionResult,
  | "usage"
  | "usageBasis"
  | "provider"
  | "biller"
  | "model"
  | "billingType"
  | "costUsd"
  | "resultJson"
  | "summary"
  | "question"
>;

export interface CliTool<Output> {
  readonly type: string;
  /** For messages, such as `Gemini`. */
  readonly name: string;
  command(config: JsonObject, workerEnv: EnvironmentSource): string;
  /** Default 0: no limit. */
  readonly defaultTimeoutSec?: number;
  readonly defaultGraceSec: number;
  /** Seconds between TERM and KILL for a child that is stopped early. Default the run's grace. */
  readonly earlyStopGraceSec?: number;
  /** Adds the variables about runtime services (AD-53). Default false. */
  readonly withRuntimeServices?: boolean;
  /** Inherited variables that are shown in the log beside `HOME` (AD-56). */
  readonly shownVariables?: readonly string[];
  /** Variables that win over the config's (AD-54). */
  fixedEnv?(config: JsonObject): Readonly<Record<string, string>>;
  /** Reads settings, checks what must be there and makes what the run needs. @throws Error that says what to set. */
  prepare(setup: CliSetup): Promise<CliPlan>;

  /** A configured directory comes before the run's workspace. Default false (AD-57). */
  readonly prefersConfiguredCwd?: boolean;
  /** Sessions belong to the directory they were begun in (AD-72). Default true. */
  readonly sessionsBoundToCwd?: boolean;
  /** A last look at a session that could be resumed; a text says why it cannot. */
  refuseSession?(sessionId: string): Promise<string | null>;
  /** How a saved session is named in the log, `resume session` or `session` (AD-73). */
  readonly sessionWord: "resume session" | "session";
  /** How an id is shown. Default all of it. */
  displaySession?(sessionId: string): string;
  /** Sessions are saved with directory and workspace. Default true. */
  readonly savesWorkspace?: boolean;

  /** `control` can end the child early; whoever only wants to know what output means passes none. */
  createParser(attempt: { readonly setup: CliSetup; readonly control: AttemptControl }): EventParser<Output>;
  /** The CLI prints text and no events: every line of stdout is plain. Default false. */
  readonly textOnly?: boolean;
  readonly skippedPrefixes?: readonly string[];
  /** Names under which the session id is printed, for damaged lines. */
  readonly sessionKeys?: readonly string[];
  /** Output is handed on in whole lines, each moved where it belongs. Default: chunks as they come. */
  readonly moveLine?: LineMove;

  /** The session id the CLI printed; null for none. */
  printedSession(output: Output): string | null;
  /** What is told of a run while it goes on (BY-6). Absent: nothing. */
  progress?(output: Output, setup: CliSetup): Omit<RunProgress, "sessionId">;
  /** A line for the run's log about an attempt that is over; null for none. */
  remark?(ending: CliEnding<Output>): string | null;
  /** Null for success. Never called for a child that was stopped or killed by a signal. */
  judge(ending: CliEnding<Output>): CliFailure | null;
  /** The CLI does not know the session it was to resume. */
  isUnknownSession(ending: CliEnding<Output>): boolean;
  report(ending: CliEnding<Output>): CliReport;
}

const RESULT_OUTPUT_BYTES = 64 * 1024;

/** `{stdout, stderr}` with the last 64 KiB of each: the result of CLIs that print no result event. */
export function outputResult(outcome: ChildOutcome): JsonObject {
  return { stdout: outcome.stdout.text(RESULT_OUTPUT_BYTES), stderr: outcome.stderr.text(RESULT_OUTPUT_BYTES) };
}
