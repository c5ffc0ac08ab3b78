/**
 * The `openclaw_gateway` adapter: wakes an agent behind an OpenClaw gateway over a WebSocket (AD-310 to AD-322).
 *
 * What must stay true: whatever the gateway does is a result, never an exception; the socket is closed on every way out,
 * at once when the run is cancelled (AD-321); no secret reaches the log (AD-320); at most one pairing is tried (AD-318).
 */
import type { JsonObject } from "@wakefleet/contracts";
import { configSchemaOf } from "../config-schema.js";
import {
  type Adapter,
  type AdapterExecutionContext,
  type AdapterExecutionResult,
  cancelledResult,
} from "../contract.js";
import { errorText, firstText } from "../event-fields.js";
import { requireLocalTarget } from "../local-target.js";
import { type AgentRequest, agentRequest } from "./agent-request.js";
import { connectParams } from "./connect-params.js";
import { approvePairing, isPairingRequired, pairingRequestId } from "./device-pairing.js";
import { createEventCollector, type GatewayEventCollector } from "./event-collector.js";
import { connectGateway, type GatewayConnection } from "./gateway-client.js";
import {
  OPENCLAW_GATEWAY_CONFIG_DOC,
  type OpenClawGatewayConfig,
  openClawGatewayConfigSchema,
  readOpenClawGatewayConfig,
} from "./gateway-config.js";
import { type GatewayDevice, gatewayDevice } from "./gateway-device.js";
import { redactOutgoing } from "./gateway-redaction.js";
import { readGatewayAnswers } from "./gateway-result.js";
import { judgeGatewayUrl, shownGatewayUrl } from "./gateway-url.js";
import { createLineLog, type LineLog } from "./line-log.js";
import { testOpenClawGatewayEnvironment } from "./test-environment.js";

const TYPE = "openclaw_gateway";
const PREFIX = "[openclaw-gateway]";
const PAIRING_HINT =
  "Approve the pending device on the gateway, give the agent a devicePrivateKeyPem that is paired already, or give an " +
  "authToken or password with which Wakefleet can approve it.";

async function execute(execution: AdapterExecutionContext): Promise<AdapterExecutionResult> {
  requireLocalTarget(execution, TYPE);
  const config = readOpenClawGatewayConfig(execution.config);
  const address = judgeGatewayUrl(config.url);
  if (address.kind !== "valid") return failure(`openclaw_gateway_url_${address.kind}`, address.message);
  if (execution.signal.aborted) return cancelledResult(execution.signal);

  const log = createLineLog(execution);
  try {
    return await wake({ execution, config, url: address.url, exposed: address.exposed, log });
  } catch (error) {
    return execution.signal.aborted ? cancelledResult(execution.signal) : failureOf(error);
  } finally {
    await log.settled();
  }
}

interface Wake {
  readonly execution: AdapterExecutionContext;
  readonly config: OpenClawGatewayConfig;
  readonly url: URL;
  readonly exposed: boolean;
  readonly log: LineLog;
}

async function wake(input: Wake): Promise<AdapterExecutionResult> {
  const { execution, config, url, log } = input;
  const request = agentRequest({ config, execution });
  const device = config.disableDeviceAuth ? null : gatewayDevice(config.devicePrivateKeyPem);
  await tellInvocation(input, request);
  if (input.exposed) {
    await log.write(
      "stderr",
      `${PREFIX} warning: ${shownGatewayUrl(url)} is not encrypted; use wss:// beyond this machine`,
    );
  }
  if (device?.ephemeral === true) {
    await log.write(
      "stdout",
      `${PREFIX} no devicePrivateKeyPem is set: this run's device key is new and must be paired`,
    );
  }

  try {
    return await runOnce(input, { request, device });
  } catch (error) {
    if (!isPairingRequired(error) || execution.signal.aborted) throw error;
    const canPair =
      device !== null && config.autoPairOnFirstConnect && (config.authToken !== null || config.password !== null);
    if (!canPair) return pairingRequired(error);
    const approved = await tryPairing(input, { device, error });
    if (!approved) return pairingRequired(error);
  }
  try {
    return await runOnce(input, { request, device });
  } catch (error) {
    if (isPairingRequired(error)) return pairingRequired(error);
    throw error;
  }
}

async function tellInvocation({ execution, config, url, log }: Wake, request: AgentRequest): Promise<void> {
  await execution.onMeta?.({
    adapterType: TYPE,
    command: "gateway",
    cwd: null,
    commandArgs: ["ws", shownGatewayUrl(url), "agent"],
    commandNotes: [],
    env: {},
    prompt: request.message,
    promptMetrics: { promptChars: request.message.length },
    context: execution.context,
  });
  const headers = redactOutgoing(config.headers);
  await log.write("stdout", `${PREFIX} headers (redacted): ${JSON.stringify(headers)}`);
  await log.write("stdout", `${PREFIX} request (redacted): ${JSON.stringify(redactOutgoing(request.params))}`);
}

/** One connection, one agent request, and the wait for its end. */
async function runOnce(
  input: Wake,
  attempt: { readonly request: AgentRequest; readonly device: GatewayDevice | null },
): Promise<AdapterExecutionResult> {
  const { config, execution, log } = input;
  const events = createEventCollector();
  events.follow(execution.runId);
  const connection = await connect(input, {
    device: attempt.device,
    scopes: config.scopes,
    async onEvent(name, payload) {
      const line = events.take(name, payload);
      if (line !== null) await log.write("stdout", line);
    },
  });
  try {
    return await askAgent({ connection, config, runId: execution.runId, request: attempt.request, events });
  } finally {
    connection.close();
  }
}

async function connect(
  { execution, config, url }: Wake,
  as: {
    readonly device: GatewayDevice | null;
    readonly scopes: readonly string[];
    onEvent?(name: string, payload: JsonObject): Promise<void>;
  },
): Promise<GatewayConnection> {
  const { device, scopes, onEvent } = as;
  return await connectGateway({
    url,
    headers: config.headers,
    timeoutMs: config.connectTimeoutMs,
    signal: execution.signal,
    connectParams: (nonce) =>
      connectParams({ config, device, scopes, nonce, signedAt: new Date(), platform: process.platform }),
    ...(onEvent === undefined ? {} : { onEvent }),
  });
}

async function askAgent(input: {
  readonly connection: GatewayConnection;
  readonly config: OpenClawGatewayConfig;
  readonly runId: string;
  readonly request: AgentRequest;
  readonly events: GatewayEventCollector;
}): Promise<AdapterExecutionResult> {
  const { connection, config, events } = input;
  const accepted = await connection.request({
    method: "agent",
    params: input.request.params,
    timeoutMs: config.connectTimeoutMs,
  });
  const runId = firstText(accepted, ["runId"]) ?? input.runId;
  events.follow(runId);
  const status = statusOf(accepted);
  if (status === "error") {
    return failure("openclaw_gateway_agent_error", messageOf(accepted, events) ?? "The agent failed", accepted);
  }
  if (status === "ok") return success({ answers: [accepted], events });

  const waited = await connection.request({
    method: "agent.wait",
    params: { runId, timeoutMs: config.waitTimeoutMs },
    timeoutMs: config.waitTimeoutMs + config.connectTimeoutMs,
    expectFinal: true,
  });
  const ending = statusOf(waited);
  if (ending === "timeout") {
    const message = `The agent did not end within ${config.waitTimeoutMs}ms`;
    return { ...failure("openclaw_gateway_wait_timeout", message, waited), timedOut: true };
  }
  if (ending === "error") {
    return failure("openclaw_gateway_wait_error", messageOf(waited, events) ?? "The agent failed", waited);
  }
  if (ending !== "" && ending !== "ok") {
    return failure("openclaw_gateway_wait_status_unexpected", `Unexpected status of the agent: ${ending}`, waited);
  }
  return success({ answers: [accepted, waited], events });
}

function success(input: {
  readonly answers: readonly JsonObject[];
  readonly events: GatewayEventCollector;
}): AdapterExecutionResult {
  const { answers, events } = input;
  return {
    exitCode: 0,
    signal: null,
    timedOut: false,
    resultJson: answers.at(-1) ?? null,
    ...readGatewayAnswers({ answers, eventSummary: events.summary() }),
  };
}

function statusOf(answer: JsonObject): string {
  return firstText(answer, ["status"])?.toLowerCase() ?? "";
}

function messageOf(answer: JsonObject, events: GatewayEventCollector): string | null {
  return errorText(answer["error"]) ?? firstText(answer, ["message", "summary"]) ?? events.errorMessage();
}

/** True when the device was approved; why not is told in the log. */
async function tryPairing(
  input: Wake,
  attempt: { readonly device: GatewayDevice; readonly error: unknown },
): Promise<boolean> {
  const { config, log } = input;
  let connection: GatewayConnection | null = null;
  try {
    await log.write("stdout", `${PREFIX} this device must be paired; approving its request`);
    connection = await connect(input, { device: null, scopes: [...new Set([...config.scopes, "operator.pairing"])] });
    const requestId = await approvePairing({
      connection,
      requestId: pairingRequestId(attempt.error),
      deviceId: attempt.device.id,
      timeoutMs: config.connectTimeoutMs,
    });
    await log.write("stdout", `${PREFIX} approved pairing request ${requestId} for device ${attempt.device.id}`);
    return true;
  } catch (error) {
    input.execution.signal.throwIfAborted();
    await log.write("stderr", `${PREFIX} the device could not be paired: ${textOf(error)}`);
    return false;
  } finally {
    connection?.close();
  }
}

function pairingRequired(error: unknown): AdapterExecutionResult {
  return failure("openclaw_gateway_pairing_required", `${textOf(error)}. ${PAIRING_HINT}`);
}

/** AD-319. */
function failureOf(error: unknown): AdapterExecutionResult {
  const message = textOf(error);
  if (/timeout/i.test(message)) return { ...failure("openclaw_gateway_timeout", message), timedOut: true };
  return failure("openclaw_gateway_request_failed", message);
}

function failure(errorCode: string, errorMessage: string, resultJson?: JsonObject): AdapterExecutionResult {
  return {
    exitCode: 1,
    signal: null,
    timedOut: false,
    errorCode,
    errorMessage,
    ...(resultJson === undefined ? {} : { resultJson }),
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export const openClawGatewayAdapter: Adapter = {
  type: TYPE,
  execute,
  testEnvironment: testOpenClawGatewayEnvironment,
  supportsLocalAgentJwt: false,
  agentConfigurationDoc: OPENCLAW_GATEWAY_CONFIG_DOC,
  getConfigSchema: () => configSchemaOf(openClawGatewayConfigSchema),
};
