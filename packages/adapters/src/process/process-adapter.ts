/**
 * The `process` adapter: runs any program as an agent (AD-80 to AD-84). Unknown adapter types run as this one (AD-4).
 *
 * What must stay true: no shell, no stdin, no token, no session of its own; the environment of AD-52 and AD-53.
 */
import { resolveCommand } from "../child/resolve-command.js";
import { superviseChild } from "../child/supervise-child.js";
import { configSchemaOf } from "../config-schema.js";
import {
  type Adapter,
  type AdapterExecutionContext,
  type AdapterExecutionResult,
  abortReasonOf,
  cancelledResult,
} from "../contract.js";
import { type ChildEnvironment, childEnvironment } from "../environment/child-environment.js";
import { loggedEnvironment } from "../environment/redaction.js";
import { requireLocalTarget } from "../local-target.js";
import { writeLogLine } from "../log-line.js";
import { requireWorkingDirectory, resolveWorkingDirectory } from "../working-directory.js";
import { PROCESS_CONFIG_DOC, processConfigSchema, readProcessConfig } from "./process-config.js";
import { processResult } from "./process-result.js";
import { testProcessEnvironment } from "./test-environment.js";

const TYPE = "process";

async function execute(execution: AdapterExecutionContext): Promise<AdapterExecutionResult> {
  requireLocalTarget(execution, TYPE);
  const config = readProcessConfig(execution.config);
  if (config.command === "") throw new Error("Process adapter missing command");
  const cwd = resolveWorkingDirectory({ ...execution, workerCwd: process.cwd() });
  await requireWorkingDirectory({ cwd, createIfMissing: false });
  const environment = childEnvironment({ execution, workerEnv: execution.workerEnv ?? process.env });
  const executable = await resolveCommand({ command: config.command, cwd, env: environment.env });
  await tellLeftOut(execution, environment);

  await execution.onMeta?.({
    adapterType: TYPE,
    command: config.command,
    cwd,
    commandArgs: config.args,
    commandNotes: [],
    env: loggedEnvironment({
      injected: environment.injected,
      childEnv: environment.env,
      resolvedCommand: executable,
    }),
    prompt: null,
    promptMetrics: {},
    context: execution.context,
  });
  if (execution.signal.aborted) return cancelledResult(execution.signal);

  const outcome = await superviseChild({
    host: execution.childHost,
    command: config.command,
    executable,
    args: config.args,
    cwd,
    env: environment.env,
    timeoutSec: config.timeoutSec,
    graceSec: config.graceSec,
    signal: execution.signal,
    onLog: (stream, chunk) => execution.onLog(stream, chunk),
    onSpawn: async (spawned) => await execution.onSpawn?.(spawned),
    onWarning: (warning) => execution.onWarning?.(warning),
  });
  return processResult({
    outcome,
    timeoutSec: config.timeoutSec,
    abortMessage: execution.signal.aborted ? abortReasonOf(execution.signal).message : null,
  });
}

async function tellLeftOut(execution: AdapterExecutionContext, environment: ChildEnvironment): Promise<void> {
  if (environment.leftOut.length === 0) return;
  const names = environment.leftOut.join(", ");
  await writeLogLine(execution, {
    stream: "stderr",
    text: `Warning: ${names} left out: too long for an environment variable.`,
  });
}

export const processAdapter: Adapter = {
  type: TYPE,
  execute,
  testEnvironment: testProcessEnvironment,
  agentConfigurationDoc: PROCESS_CONFIG_DOC,
  spawnsLocalProcess: true,
  getConfigSchema: () => configSchemaOf(processConfigSchema),
};
