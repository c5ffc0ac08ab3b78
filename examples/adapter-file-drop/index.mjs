/**
 * Wakes an agent that watches a folder: every run becomes a file `<run id>.json` there. The smallest adapter that is worth
 * having, and one to begin from (docs/adapters.md): it imports nothing of Wakefleet.
 *
 * What must stay true: a file is whole or not there, and a run that is told to stop before it began leaves none.
 *
 * Load it with `ADAPTER_PACKAGES=/path/to/index.mjs`, or by its name once it is installed.
 */
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

const TYPE = "file_drop";

/** The configured folder; throws what a person has to set. */
function folderOf(config) {
  const { folder } = config;
  if (typeof folder === "string" && isAbsolute(folder)) return folder;
  throw new Error(`${TYPE} requires \`adapterConfig.folder\`: an absolute path of a folder on the worker.`);
}

async function execute({ runId, agent, config, context, executionTarget, signal, onLog, onMeta }) {
  if (executionTarget?.kind === "remote") throw new Error(`${TYPE} runs on the worker only.`);
  const folder = folderOf(config);
  if (signal.aborted) {
    return { exitCode: null, signal: null, timedOut: false, errorCode: "cancelled", errorMessage: "Run was cancelled" };
  }
  const file = join(folder, `${runId}.json`);
  await onMeta?.({
    adapterType: TYPE,
    command: `write ${file}`,
    cwd: folder,
    commandArgs: [],
    commandNotes: [],
    env: {},
    prompt: null,
    promptMetrics: {},
    context,
  });
  await mkdir(folder, { recursive: true });
  await writeFile(`${file}.part`, JSON.stringify({ runId, agentId: agent.id, context }));
  await rename(`${file}.part`, file);
  await onLog("stdout", `wrote ${file}\n`);
  return { exitCode: 0, signal: null, timedOut: false, summary: `Wrote ${file}`, resultJson: { file } };
}

async function testEnvironment({ config }) {
  const check = await folderCheck(config);
  return {
    adapterType: TYPE,
    status: check.level === "error" ? "fail" : "pass",
    checks: [check],
    testedAt: new Date().toISOString(),
  };
}

async function folderCheck(config) {
  try {
    const folder = folderOf(config);
    const found = await stat(folder).catch(() => null);
    if (found !== null && !found.isDirectory()) throw new Error(`"${folder}" is no folder.`);
    return { code: "file_drop_folder_valid", level: "info", message: `Runs are written to "${folder}"` };
  } catch (error) {
    return { code: "file_drop_folder_invalid", level: "error", message: error.message };
  }
}

export const adapter = {
  type: TYPE,
  execute,
  testEnvironment,
  getConfigSchema: () => ({
    type: "object",
    required: ["folder"],
    properties: { folder: { type: "string", description: "Absolute path; made when missing." } },
  }),
  agentConfigurationDoc: "# file_drop\n\nEvery run becomes a file `<run id>.json` in `folder`.\n",
};
