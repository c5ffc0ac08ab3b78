/** The `agent` request (AD-314, AD-316, AD-317) of a run. */
import { asJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";
import { renderWakeSection } from "../cli/wake-section.js";
import type { AdapterExecutionContext } from "../contract.js";
import { resolveApiUrl } from "../environment/api-url.js";
import { normalizeWakePayload } from "../environment/wake-payload.js";
import { firstText } from "../event-fields.js";
import type { OpenClawGatewayConfig } from "./gateway-config.js";
import { gatewayMessage } from "./gateway-message.js";
import { gatewaySessionKey } from "./session-key.js";

export interface AgentRequest {
  readonly params: JsonObject;
  readonly message: string;
}

/** Builds the request of a run. */
export function agentRequest(input: {
  readonly config: OpenClawGatewayConfig;
  readonly execution: Pick<AdapterExecutionContext, "runId" | "agent" | "context" | "workerEnv">;
}): AgentRequest {
  const { config, execution } = input;
  const { runId, agent, context } = execution;
  const issueId = firstText(context, ["taskId", "issueId"]);
  const wakePayload = normalizeWakePayload(context["wakefleetWake"]);
  const variables = {
    RUN_ID: runId,
    AGENT_ID: agent.id,
    COMPANY_ID: agent.companyId,
    API_URL: config.apiUrl ?? resolveApiUrl(execution.workerEnv ?? process.env),
    TASK_ID: issueId,
    WAKE_REASON: firstText(context, ["wakeReason"]),
    WAKE_COMMENT_ID: firstText(context, ["wakeCommentId", "commentId"]),
    APPROVAL_ID: firstText(context, ["approvalId"]),
    APPROVAL_STATUS: firstText(context, ["approvalStatus"]),
    LINKED_ISSUE_IDS: joined(context["issueIds"]),
  };
  const message = gatewayMessage({
    payloadTemplate: config.payloadTemplate,
    variables,
    claimedApiKeyPath: config.claimedApiKeyPath,
    wakeSection: renderWakeSection({ payload: wakePayload, resumed: false }),
    wakePayload,
  });
  const details = runDetails({ variables, agentName: agent.name, context, wakePayload });
  // `text` is another name of the message in templates; the gateway knows one only.
  const { text: _text, ...template } = config.payloadTemplate;
  const params: JsonObject = {
    timeout: config.waitTimeoutMs,
    ...template,
    message,
    sessionKey: gatewaySessionKey({ config, runId, issueId }),
    idempotencyKey: runId,
    ...(config.agentId === null ? {} : { agentId: config.agentId }),
    wakefleet: { ...asJsonObject(template["wakefleet"]), ...details },
    // The receiver is not ours: it may know the reference's name only.
    paperclip: { ...asJsonObject(template["paperclip"]), ...details },
  };
  return { params, message };
}

function runDetails(input: {
  readonly variables: Readonly<Record<string, string | null>>;
  readonly agentName: string;
  readonly context: JsonObject;
  readonly wakePayload: JsonObject | null;
}): JsonObject {
  const { variables, context, wakePayload } = input;
  const ids: Record<string, JsonValue> = {
    runId: variables["RUN_ID"] ?? null,
    companyId: variables["COMPANY_ID"] ?? null,
    agentId: variables["AGENT_ID"] ?? null,
    agentName: input.agentName,
    taskId: variables["TASK_ID"] ?? null,
    issueId: firstText(context, ["issueId"]),
    issueIds: Array.isArray(context["issueIds"]) ? context["issueIds"] : [],
    wakeReason: variables["WAKE_REASON"] ?? null,
    wakeCommentId: variables["WAKE_COMMENT_ID"] ?? null,
    approvalId: variables["APPROVAL_ID"] ?? null,
    approvalStatus: variables["APPROVAL_STATUS"] ?? null,
    apiUrl: variables["API_URL"] ?? null,
  };
  const workspace = context["wakefleetWorkspace"];
  const workspaces = context["wakefleetWorkspaces"];
  const runtime = workspaceRuntime(context);
  return {
    ...ids,
    ...(wakePayload === null ? {} : { wake: wakePayload }),
    ...(Object.keys(asJsonObject(workspace)).length === 0 ? {} : { workspace: asJsonObject(workspace) }),
    ...(Array.isArray(workspaces) && workspaces.length > 0 ? { workspaces } : {}),
    ...(Object.keys(runtime).length === 0 ? {} : { workspaceRuntime: runtime }),
  };
}

function workspaceRuntime(context: JsonObject): JsonObject {
  const runtime: JsonObject = {};
  const take = (name: string, key: string): void => {
    const value = context[key];
    if (Array.isArray(value) ? value.length > 0 : nonEmptyString(value) !== null) runtime[name] = value ?? null;
  };
  take("serviceIntents", "wakefleetRuntimeServiceIntents");
  take("services", "wakefleetRuntimeServices");
  take("primaryUrl", "wakefleetRuntimePrimaryUrl");
  return runtime;
}

function joined(value: JsonValue | undefined): string | null {
  const ids = Array.isArray(value) ? value.filter((item) => nonEmptyString(item) !== null) : [];
  return ids.length === 0 ? null : ids.join(",");
}
