/**
 * A run's set-up, between the claim and the adapter, in the order of CX-1. Each step has a file of its own; here stands
 * which follows which. Whatever a step throws ends the run as a set-up failure (CX-2): sessions stay as they are.
 */
import { inheritedEnvironment } from "@wakefleet/adapters";
import { asJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import {
  assigneeOverrides,
  EXECUTION_CONTEXT_KEYS,
  runConfig,
  sessionIdBefore,
  storedContextKeys,
  wakeContext,
} from "@wakefleet/domain";
import { ensureAgentHome, resolveBaseWorkspace } from "@wakefleet/workspaces";
import type { Execution, PreparedRun } from "../execution.js";
import { projectOfRun } from "../run-place.js";
import { resolveRunSecrets } from "../run-secrets.js";
import { checkOutIssue } from "./check-out-issue.js";
import { prepareSession, resumableSession } from "./prepare-session.js";
import { environmentOfRun } from "./run-environment.js";
import { withRunSkills } from "./run-skills.js";
import { readTask, taskContext } from "./task-context.js";
import { workspaceContext } from "./workspace-context.js";

export async function prepareRun(execution: Execution): Promise<PreparedRun> {
  const { deps, claimed } = execution;
  const { run, agent } = claimed;
  const { location } = deps;
  const wake = wakeContext(run.contextSnapshot);
  // What was decided for the start holds for a child that an earlier worker started (BY-9).
  const checkedOut = execution.resumes ? wasCheckedOut(run.contextSnapshot) : await checkOutIssue(execution, wake);
  const task = await readTask(execution, wake);
  const overrides = assigneeOverrides({ agentId: agent.id, issue: task.issue });
  const previous = resumableSession(execution, wake);
  const mode = overrides.useProjectWorkspace === false ? "agent_default" : "shared_workspace";
  const project = await projectOfRun(deps.db.sql, run);
  const environment = await environmentOfRun(execution, { issue: task.issue, project });
  const config = runConfig(asJsonObject(agent.adapterConfig), overrides);
  const [resolved, agentHome, workspace] = await Promise.all([
    resolveRunSecrets(
      { sql: deps.db.sql, secrets: deps.secrets },
      {
        companyId: run.companyId,
        config,
        projectEnv: project?.env ?? null,
      },
    ),
    ensureAgentHome(location, agent.id),
    resolveBaseWorkspace({
      location,
      agentId: agent.id,
      projectId: task.issue?.projectId ?? nonEmptyString(wake["projectId"]),
      project: project === null || mode === "agent_default" ? null : { ...project, companyId: run.companyId },
      git: { env: inheritedEnvironment(location.env), protocols: deps.gitProtocols },
      previousSessionParams: previous.params,
      configuredCwd: nonEmptyString(config["cwd"]),
    }),
  ]);
  const skills = await withRunSkills(execution, resolved.config);
  const prepared = await prepareSession(execution, {
    previous,
    workspace,
    agentHome,
    issueId: task.issue?.id ?? null,
    continuationSummary: task.summary?.body ?? null,
  });
  const leaseId = deps.newId();
  const place = workspaceContext({ wake, workspace, agentHome, environment, leaseId, mode });
  const built = { ...taskContext(wake, task, checkedOut), ...place.keys, ...prepared.contextKeys };
  const { session } = prepared;
  return {
    config: skills.config,
    secrets: resolved.secrets,
    session,
    context: { ...wake, ...built },
    start: {
      removedKeys: EXECUTION_CONTEXT_KEYS,
      contextKeys: storedContextKeys(wake, built),
      sessionIdBefore: sessionIdBefore(session),
      lease: {
        id: leaseId,
        environmentId: environment.id,
        metadata: {
          driver: environment.driver,
          executionWorkspaceMode: null,
          workspaceRealization: place.realization,
        },
      },
    },
    executionTarget: { kind: "local", environmentId: environment.id, leaseId },
    warnings: [...(skills.notice === null ? [] : [skills.notice]), ...workspace.warnings, ...prepared.warnings],
  };
}

function wasCheckedOut(context: JsonObject | null): boolean | null {
  const stored = context?.["wakefleetHarnessCheckedOut"];
  return typeof stored === "boolean" ? stored : null;
}
