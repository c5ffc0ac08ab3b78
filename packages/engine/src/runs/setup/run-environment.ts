/**
 * The environment of a run (EN-2, EN-3): the one that its issue, its project or its agent chose, else the company's local
 * one. One that the run must not work in fails its set-up before anything is prepared or leased (EN-10, EN-13).
 */
import { experimentalSettings } from "@wakefleet/contracts";
import { choosesByIsolation, type EnvironmentChoices, refuseEnvironment, selectEnvironment } from "@wakefleet/domain";
import {
  type ContextFacts,
  ensureLocalEnvironment,
  findEnvironmentById,
  type LocalEnvironment,
  type RunProject,
  readInstanceSettings,
} from "@wakefleet/store";
import type { Execution } from "../execution.js";
import { SetUpError } from "../set-up-error.js";

/** Without a choice it costs no statement. */
export async function environmentOfRun(
  execution: Execution,
  work: { readonly issue: ContextFacts["issue"]; readonly project: RunProject | null },
): Promise<LocalEnvironment> {
  const { deps, claimed } = execution;
  const { run, agent } = claimed;
  const { sql } = deps.db;
  const local = async (): Promise<LocalEnvironment> =>
    claimed.environment ?? (await ensureLocalEnvironment(sql, run.companyId));
  // A child that an earlier worker started is here already, whatever was chosen since (BY-9).
  if (execution.resumes) return await local();
  const choices: EnvironmentChoices = {
    issueSettings: work.issue?.executionWorkspaceSettings ?? null,
    projectPolicy: work.project?.executionWorkspacePolicy ?? null,
    agentDefaultId: agent.defaultEnvironmentId,
  };
  const isolated =
    choosesByIsolation(choices) && experimentalSettings(await readInstanceSettings(sql)).enableIsolatedWorkspaces;
  const id = selectEnvironment(choices, isolated);
  if (id === null) return await local();
  const environment = await findEnvironmentById(sql, id);
  const { companyId } = run;
  const refusal = refuseEnvironment({ id, environment, companyId, adapterType: agent.adapterType });
  if (refusal !== null) throw new SetUpError(refusal.code, refusal.text);
  if (environment === null) throw new Error("an environment that is not there is refused");
  return environment;
}
