/** Runtime state and task sessions (API-87 to API-89). Session parameters may hold secrets and are redacted. */
import type { JsonObject } from "@wakefleet/contracts";
import { redactObject } from "@wakefleet/domain";
import {
  type AgentRow,
  type AgentTaskSessionRow,
  ensureAgentRuntimeState,
  listAgentTaskSessions,
  resetAgentSessions,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertManagesAgents } from "../http/guards.js";
import { mutate } from "../mutate.js";
import { actorOf } from "../principal.js";
import { type AgentReference, requireAgent } from "./find-agent.js";

function redacted(params: JsonObject | null): JsonObject | null {
  return params === null ? null : redactObject(params);
}

async function requireManagedAgent(deps: ApiDeps, reference: AgentReference): Promise<AgentRow> {
  const agent = await requireAgent(deps, reference);
  assertManagesAgents(reference.caller);
  return agent;
}

function presentSession(session: AgentTaskSessionRow): object {
  return { ...session, sessionParamsJson: redacted(session.sessionParamsJson) };
}

export async function readRuntimeState(deps: ApiDeps, query: AgentReference): Promise<object> {
  const agent = await requireManagedAgent(deps, query);
  const state = await ensureAgentRuntimeState(deps.db.sql, agent);
  const [newest] = await listAgentTaskSessions(deps.db.sql, agent);
  return {
    ...state,
    stateJson: redactObject(state.stateJson),
    sessionDisplayId: newest?.sessionDisplayId ?? state.sessionId,
    sessionParamsJson: redacted(newest?.sessionParamsJson ?? null),
  };
}

export async function readTaskSessions(deps: ApiDeps, query: AgentReference): Promise<object[]> {
  const agent = await requireManagedAgent(deps, query);
  return (await listAgentTaskSessions(deps.db.sql, agent)).map(presentSession);
}

export async function resetSession(
  deps: ApiDeps,
  command: AgentReference & { taskKey: string | null },
): Promise<object> {
  const agent = await requireManagedAgent(deps, command);
  return await mutate(deps, actorOf(command.caller), async ({ tx, note }) => {
    await ensureAgentRuntimeState(tx, agent);
    const clearedTaskSessions = await resetAgentSessions(tx, { ...agent, taskKey: command.taskKey });
    note({
      companyId: agent.companyId,
      action: "agent.runtime_session_reset",
      entityType: "agent",
      entityId: agent.id,
      details: { taskKey: command.taskKey },
    });
    const state = await ensureAgentRuntimeState(tx, agent);
    return {
      ...state,
      stateJson: redactObject(state.stateJson),
      sessionDisplayId: null,
      sessionParamsJson: null,
      clearedTaskSessions,
    };
  });
}
