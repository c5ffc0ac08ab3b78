/**
 * A run's set-up, between the claim and the adapter, in the order of CX-1. Each step has a file of its own; here stands
 * which follows which. Whatever a step throws ends the run as a set-up failure (CX-2): sessions stay as they are.
 */
import { asJsonObject, nonEmptyString } from "@wakefleet/contracts";
import { EXECUTION_CONTEXT_KEYS, sessionIdBefore, storedContextKeys, wakeContext } from "@wakefleet/domain";
import type { RunStart } from "@wakefleet/store";
import { ensureAgentHome, resolveBaseWorkspace } from "@wakefleet/workspaces";
import { resolveAdapterConfig } from "../adapter-config.js";
import type { Execution, PreparedRun } from "../execution.js";
import { prepareSession, resumableSession } from "./prepare-session.js";
import { workspaceContext } from "./workspace-context.js";

export async function prepareRun(execution: Execution): Promise<PreparedRun> {
  const { deps, claimed } = execution;
  const { run, agent } = claimed;
  const { location } = deps;
  const wake = wakeContext(run.contextSnapshot);
  const previous = resumableSession(execution, wake);
  const [agentHome, workspace] = await Promise.all([
    ensureAgentHome(location, agent.id),
    resolveBaseWorkspace({
      location,
      agentId: agent.id,
      projectId: nonEmptyString(wake["projectId"]),
      previousSessionParams: previous.params,
    }),
  ]);
  const config = resolveAdapterConfig(asJsonObject(agent.adapterConfig));
  const issueId = run.issueId;
  const prepared = await prepareSession(execution, {
    previous,
    workspace,
    agentHome,
    issueId,
    continuationSummary: null,
  });
  const built = { ...workspaceContext({ wake, workspace, agentHome }), ...prepared.contextKeys };
  const { session } = prepared;
  return {
    config,
    workspace,
    agentHome,
    session,
    context: { ...wake, ...built },
    start: {
      removedKeys: EXECUTION_CONTEXT_KEYS,
      contextKeys: storedContextKeys(wake, built),
      sessionIdBefore: sessionIdBefore(session),
    } satisfies RunStart,
    warnings: [...workspace.warnings, ...prepared.warnings],
  };
}
