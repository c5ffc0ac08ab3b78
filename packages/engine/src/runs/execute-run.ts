/**
 * Executing a claimed run (EX-): session, workspace and config are prepared, the log is opened, the start is written, the
 * adapter runs, its result is judged. Read top to bottom it is the story of one run; how it ends is `run-result.ts`, what
 * is stored while it goes on is `run-output.ts`.
 *
 * A run that is taken over (BY-9) goes the same way: its adapter is prepared and started again, is given the children that
 * an earlier worker started, reads what they printed from the beginning, and goes on. What is in the log already and what
 * was told of the start is not told again.
 *
 * What must stay true: every write is fenced (CL-17); output is stored at the store's pace (LG-8); whatever throws before
 * or inside the adapter ends the run (EX-13).
 */
import { type AdapterExecutionContext, pipeHost } from "@wakefleet/adapters";
import { costSoFarCents } from "@wakefleet/domain";
import type { RunLogWriter } from "@wakefleet/run-logs";
import { storeStartIfHeld } from "@wakefleet/store";
import type { Execution, ExecutionEnd, PreparedRun } from "./execution.js";
import { createSpawnRecord } from "./record-spawn.js";
import { type ExecutionLog, redactingLog } from "./redacting-log.js";
import { runCredentials } from "./run-credentials.js";
import { activityEvent } from "./run-live-events.js";
import { storeOutput } from "./run-output.js";
import { endOfFault, endOfRefusal, endOfResult } from "./run-result.js";
import {
  NO_SECRETS,
  type RunSecrets,
  redactError,
  redactInvocation,
  redactResult,
  withOsUserMask,
} from "./run-secrets.js";
import { prepareRun } from "./setup/prepare-run.js";
import { RunRefused } from "./setup/run-refused.js";
import { runSpool, spooledContext } from "./spooled-run.js";
import { startingInTime, tellStart } from "./start-in-time.js";

/** Runs the adapter of a claimed run. Never rejects for what the agent or its settings did. */
export async function executeRun(execution: Execution): Promise<ExecutionEnd> {
  const { deps, claimed } = execution;
  await deps.faults.hit("after-claim-before-execute");
  let writer: ExecutionLog | null = null;
  /** Null until the adapter is about to run: what fails before leaves the sessions as they are (CX-2, SE-59). */
  let started: PreparedRun | null = null;
  /** What people read about the run, on its way to the stores; it never rejects. */
  let told: Promise<unknown> = Promise.resolve();
  const mask = claimed.masksOsUser ? deps.maskOsUser : null;
  let secrets: RunSecrets = withOsUserMask(NO_SECRETS, mask);
  try {
    const adapter = deps.adapters.resolve(claimed.agent.adapterType);
    const spool = runSpool(execution);
    const [opened, made] = await Promise.allSettled([openLog(execution), prepareRun(execution)]);
    if (opened.status === "fulfilled") writer = redactingLog(opened.value, NO_SECRETS.redactor);
    if (made.status === "rejected") throw made.reason;
    if (opened.status === "rejected") throw opened.reason;
    const prepared = made.value;
    secrets = withOsUserMask(prepared.secrets, mask);
    writer = redactingLog(opened.value, secrets.redactor);
    // The adapter need not wait for what people read about it: the writer keeps the order of lines, the end waits for both.
    if (!execution.resumes) {
      told = Promise.all([storeStart(execution, prepared), tellWarnings(execution, writer, prepared.warnings)]);
    }
    await deps.faults.hit("after-start-before-spawn");
    const credentials = await runCredentials(execution, adapter);
    started = prepared;
    const context = adapterContext(execution, prepared, writer);
    const spooled = spool === null ? {} : spooledContext(execution, { spool, writer, context });
    const spawns = createSpawnRecord(execution);
    const onSpawn: AdapterExecutionContext["onSpawn"] = (child) => spawns.record(child);
    const result = await adapter.execute({ ...context, ...spooled, ...credentials, onSpawn });
    await Promise.all([told, spawns.settled()]);
    await deps.faults.hit("after-child-exit-before-finish");
    return await endOfResult(execution, { result: redactResult(result, secrets), writer, prepared });
  } catch (error) {
    await told;
    if (error instanceof RunRefused) return endOfRefusal(execution, { refused: error, writer });
    return endOfFault(execution, { error: redactError(error, secrets), writer, started });
  }
}

function openLog({ deps, claimed, resumes }: Execution): Promise<RunLogWriter> {
  const { companyId, agentId, id: runId } = claimed.run;
  const maxBytes = deps.runLogMaxBytes;
  return deps.runLogs.openRunLog({
    companyId,
    agentId,
    runId,
    maxBytes,
    marks: deps.spool !== null,
    adopt: resumes,
    ...(claimed.masksOsUser ? { redact: deps.maskOsUser } : {}),
  });
}

/** EX-9: the log's first lines. */
async function tellWarnings(execution: Execution, writer: RunLogWriter, warnings: readonly string[]): Promise<void> {
  try {
    for (const warning of warnings) {
      await storeOutput(execution, writer, { stream: "stdout", chunk: `[wakefleet] ${warning}\n` });
    }
  } catch (error) {
    const { runId } = execution.claimed.fence;
    execution.deps.log.warn({ event: "run.log_failed", runId, err: error }, "the run's log takes no lines");
  }
}

/** EX-8. A run that is not ours any more is noticed by the next renewal or by the end. */
async function storeStart({ deps, claimed }: Execution, { start }: PreparedRun): Promise<void> {
  try {
    const notes = await storeStartIfHeld(deps.db.sql, claimed.fence, start);
    if (notes !== null) void deps.events.publish(notes.map(activityEvent));
  } catch (error) {
    deps.log.warn(
      { event: "run.context_lost", runId: claimed.run.id, err: error },
      "the run's context keys could not be stored",
    );
  }
}

/** EX-10. */
function adapterContext(execution: Execution, prepared: PreparedRun, writer: ExecutionLog): AdapterExecutionContext {
  const { deps, claimed, held } = execution;
  const { run, agent, fence } = claimed;
  const { sessionId, params: sessionParams, displayId: sessionDisplayId, taskKey } = prepared.session;
  return {
    runId: run.id,
    agent: {
      id: agent.id,
      companyId: agent.companyId,
      name: agent.name,
      adapterType: agent.adapterType,
      adapterConfig: agent.adapterConfig,
    },
    runtime: { sessionId, sessionParams, sessionDisplayId, taskKey },
    config: prepared.config,
    context: prepared.context,
    executionTarget: prepared.executionTarget,
    signal: held.abort.signal,
    childHost: startingInTime(execution, pipeHost),
    workerEnv: deps.location.env,
    onLog: (stream, chunk) => storeOutput(execution, writer, { stream, chunk }),
    onProgress: ({ costUsd = null, billingType = null }) =>
      Object.assign(held.spending, { costUsd, cents: costSoFarCents({ costUsd, billingType }) }),
    onMeta: (meta) => tellStart(execution, redactInvocation(meta, prepared.secrets)),
    onWarning(warning) {
      const { redactor } = prepared.secrets;
      const err = redactError(warning.cause, prepared.secrets);
      deps.log.warn({ event: "adapter.warning", ...fence, code: warning.code, err }, redactor.text(warning.message));
    },
  };
}
