/** Changing an agent (API-77, API-37, API-38, AL-3 to AL-5, AL-13). */
import {
  type AgentPatch,
  isJsonObject,
  type JsonObject,
  readHeartbeatPolicy,
  WakefleetError,
} from "@wakefleet/contracts";
import { agentShortName, mergeAdapterConfig } from "@wakefleet/domain";
import {
  type AgentChanges,
  type AgentRow,
  findAgent,
  lockAgent,
  lockAgentNames,
  mirrorMonthlyBudget,
  recordAgentRevision,
  type Sql,
  updateAgent,
} from "@wakefleet/store";
import type { ApiDeps, ApiSettings } from "../deps.js";
import { assertUpdatesAgent, canCreateAgents } from "../http/guards.js";
import { type Mutation, mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";
import { checkedAdapterConfig } from "../secrets/check-env.js";
import { changeAgentStatus } from "./change-agent-status.js";
import { assertEnvironment, assertKnownAdapter, assertManager, assertNoProtectedConfig } from "./check-agent.js";
import { AGENT_NOT_FOUND, type AgentReference, requireAgent } from "./find-agent.js";

export interface PatchAgentCommand extends AgentReference {
  readonly body: AgentPatch;
  /** The revision that the body goes back to (API-86). */
  readonly rolledBackFrom?: string;
}

/** Refuses what has a route of its own or is no object, before the schema speaks (API-77). */
export function assertPatchShape(sent: unknown): void {
  if (!isJsonObject(sent)) return;
  if (Object.hasOwn(sent, "permissions")) {
    throw new WakefleetError("unprocessable", "Use /api/agents/:id/permissions for permission changes");
  }
  if (Object.hasOwn(sent, "adapterConfig") && !isJsonObject(sent["adapterConfig"])) {
    throw new WakefleetError("unprocessable", "adapterConfig must be an object");
  }
}

/** Changes the fields that are present; a status goes through pause, resume or terminate (AL-13). */
export async function patchAgent(
  deps: ApiDeps & { forgetKeys(): void },
  command: PatchAgentCommand,
): Promise<AgentRow> {
  const { caller, body } = command;
  const agent = await requireAgent(deps, command);
  await assertUpdatesAgent(deps.db.sql, { principal: caller, agentId: agent.id });
  await assertAgentMayChange(deps, { caller, body, agent });
  assertStatusChange(agent, body.status);
  if (body.adapterType !== undefined) assertKnownAdapter(body.adapterType, deps.adapters.types());

  const hasFields = Object.keys(body).some((key) => key !== "status" && key !== "replaceAdapterConfig");
  if (hasFields) {
    await mutate(deps, actorOf(caller), (mutation) =>
      writeChanges(mutation, { settings: deps.settings, agentId: agent.id, ...command }),
    );
    await deps.engine.agentPolicyChanged({ agentId: agent.id });
  }
  if (body.budgetMonthlyCents !== undefined) {
    const scope = { companyId: agent.companyId, scopeType: "agent", scopeId: agent.id } as const;
    await deps.engine.monthlyBudgetChanged({ ...scope, actor: actorOf(caller) });
  }
  if (body.status !== undefined) {
    await changeAgentStatus(deps, { agent, status: body.status, actor: actorOf(caller) });
  }
  const after = await findAgent(deps.db.sql, agent.id);
  if (after === null) throw new WakefleetError("not_found", AGENT_NOT_FOUND);
  return after;
}

/** API-37, API-38: what an agent must not change, unless it may create agents. */
async function assertAgentMayChange(
  deps: ApiDeps,
  change: { caller: Principal; body: AgentPatch; agent: AgentRow },
): Promise<void> {
  const { caller, body, agent } = change;
  if (caller.kind !== "agent") return;
  if (body.adapterConfig !== undefined) assertNoProtectedConfig(caller, body.adapterConfig);
  const forbidden = (["status", "budgetMonthlyCents", "spentMonthlyCents"] as const).filter(
    (field) => body[field] !== undefined,
  );
  const limit =
    body.runtimeConfig !== undefined &&
    readHeartbeatPolicy(body.runtimeConfig).maxConcurrentRuns !== agent.maxConcurrentRuns;
  const fields = [...forbidden, ...(limit ? ["runtimeConfig.heartbeat.maxConcurrentRuns"] : [])];
  if (fields.length === 0 || (await canCreateAgents(deps.db.sql, caller))) return;
  throw new WakefleetError("forbidden", `Agents cannot change ${fields.join(", ")}`);
}

/** AL-13, checked before anything is written so that a refused status changes nothing else (API-42). */
function assertStatusChange(agent: AgentRow, status: AgentPatch["status"]): void {
  if (status === undefined || status === "terminated") return;
  if (agent.status === "terminated") throw new WakefleetError("conflict", "Terminated agents cannot be resumed");
  if (agent.status === "pending_approval") {
    throw new WakefleetError("conflict", "Pending approval agents cannot be activated directly");
  }
}

async function writeChanges(
  { tx, note }: Mutation,
  change: PatchAgentCommand & { settings: ApiSettings; agentId: string },
): Promise<AgentRow> {
  const before = await lockForChange(tx, change);
  const changes = await changesOf(tx, { ...change, before });
  const after = await updateAgent(tx, { id: before.id, changes });
  if (changes.budgetMonthlyCents !== undefined) {
    await mirrorMonthlyBudget(tx, {
      companyId: before.companyId,
      scopeType: "agent",
      scopeId: before.id,
      amount: changes.budgetMonthlyCents,
      userId: actorOf(change.caller).userId,
    });
  }
  await recordAgentRevision(tx, {
    before,
    after,
    by: actorOf(change.caller),
    source: change.rolledBackFrom === undefined ? "patch" : "rollback",
    rolledBackFromRevisionId: change.rolledBackFrom ?? null,
  });
  if (change.rolledBackFrom !== undefined) {
    note({
      companyId: before.companyId,
      action: "agent.config_rolled_back",
      entityType: "agent",
      entityId: before.id,
      details: { revisionId: change.rolledBackFrom },
    });
  }
  note({
    companyId: before.companyId,
    action: "agent.updated",
    entityType: "agent",
    entityId: before.id,
    details: changedKeys(before, changes),
  });
  return after;
}

/** The company before the agent where names or lines of report change, as creation locks them. */
async function lockForChange(tx: Sql, change: { agentId: string; body: AgentPatch }): Promise<AgentRow> {
  const { name, reportsTo } = change.body;
  const known = await findAgent(tx, change.agentId);
  if (known === null) throw new WakefleetError("not_found", AGENT_NOT_FOUND);
  if (name !== undefined || reportsTo !== undefined) {
    const taken = await lockAgentNames(tx, { companyId: known.companyId, exceptId: known.id });
    if (name !== undefined && agentShortName(name) !== agentShortName(known.name) && taken.has(agentShortName(name))) {
      throw new WakefleetError(
        "conflict",
        `Agent shortname '${agentShortName(name)}' is already in use in this company`,
      );
    }
  }
  const locked = await lockAgent(tx, change.agentId);
  if (locked === null) throw new WakefleetError("not_found", AGENT_NOT_FOUND);
  return locked;
}

async function changesOf(
  tx: Sql,
  change: { settings: ApiSettings; caller: Principal; before: AgentRow; body: AgentPatch },
): Promise<AgentChanges> {
  const { settings, caller, before, body } = change;
  const { status: _status, replaceAdapterConfig, adapterConfig, desiredSkills, ...plain } = body;
  if (plain.reportsTo !== undefined && plain.reportsTo !== null) {
    await assertManager(tx, { companyId: before.companyId, reportsTo: plain.reportsTo, agentId: before.id });
  }
  const adapterType = plain.adapterType ?? before.adapterType;
  if (plain.defaultEnvironmentId !== undefined && plain.defaultEnvironmentId !== null) {
    await assertEnvironment(tx, {
      companyId: before.companyId,
      environmentId: plain.defaultEnvironmentId,
      adapterType,
    });
  }
  const typeChanged = adapterType !== before.adapterType;
  const changes: AgentChanges = { ...plain };
  if (adapterConfig !== undefined || typeChanged || desiredSkills !== undefined) {
    const merged = mergeAdapterConfig({
      stored: before.adapterConfig,
      sent: await checkedAdapterConfig(tx, {
        settings,
        caller,
        companyId: before.companyId,
        adapterConfig: adapterConfig ?? {},
        stored: before.adapterConfig,
      }),
      replace: replaceAdapterConfig === true && adapterConfig !== undefined,
      typeChanged,
    });
    changes.adapterConfig = desiredSkills === undefined ? merged : { ...merged, wakefleetSkillSync: { desiredSkills } };
  }
  return changes;
}

/** Names of what changed, never values (AC-34). */
function changedKeys(before: AgentRow, changes: AgentChanges): JsonObject {
  const differs = (left: unknown, right: unknown): boolean => JSON.stringify(left) !== JSON.stringify(right);
  const top = (Object.keys(changes) as (keyof AgentChanges)[]).filter(
    (key) => changes[key] !== undefined && differs(before[key], changes[key]),
  );
  const inner = (left: JsonObject, right: JsonObject | undefined): string[] =>
    right === undefined
      ? []
      : [...new Set([...Object.keys(left), ...Object.keys(right)])]
          .filter((key) => differs(left[key], right[key]))
          .sort();
  const adapter = inner(before.adapterConfig, changes.adapterConfig);
  const runtime = inner(before.runtimeConfig, changes.runtimeConfig);
  return {
    changedTopLevelKeys: [...top].sort(),
    ...(adapter.length > 0 ? { changedAdapterConfigKeys: adapter } : {}),
    ...(runtime.length > 0 ? { changedRuntimeConfigKeys: runtime } : {}),
  };
}
