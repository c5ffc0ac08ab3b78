/** The adapter config of one run before its secrets are resolved (CX-4, CX-5, EX-4, RS-1). Pure. */
import { asJsonObject, isJsonObject, type JsonObject } from "@wakefleet/contracts";

/** What an issue asks of its assignee's adapter. */
export interface AssigneeOverrides {
  /** Null: none. */
  readonly adapterConfig: JsonObject | null;
  /** Null: not said. */
  readonly useProjectWorkspace: boolean | null;
}

const NO_OVERRIDES: AssigneeOverrides = { adapterConfig: null, useProjectWorkspace: null };

/** CX-5: read leniently; they count only for the issue's assignee. */
export function assigneeOverrides(from: {
  readonly agentId: string;
  /** Null: the run has no issue. */
  readonly issue: { readonly assigneeAgentId: string | null; readonly assigneeAdapterOverrides: unknown } | null;
}): AssigneeOverrides {
  const { issue, agentId } = from;
  if (issue === null || issue.assigneeAgentId !== agentId) return NO_OVERRIDES;
  const { adapterConfig, useProjectWorkspace } = asJsonObject(issue.assigneeAdapterOverrides);
  return {
    adapterConfig: isJsonObject(adapterConfig) && Object.keys(adapterConfig).length > 0 ? adapterConfig : null,
    useProjectWorkspace: typeof useProjectWorkspace === "boolean" ? useProjectWorkspace : null,
  };
}

/** CX-4: overrides replace the agent's settings key by key; `workspaceRuntime` is not the adapter's (RS-1). */
export function runConfig(agentConfig: JsonObject, overrides: AssigneeOverrides): JsonObject {
  const { workspaceRuntime: _services, ...config } = { ...agentConfig, ...overrides.adapterConfig };
  return config;
}
