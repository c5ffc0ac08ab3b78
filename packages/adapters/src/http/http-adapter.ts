/**
 * The `http` adapter: wakes an agent that listens somewhere by one request (AD-85 to AD-91).
 *
 * What must stay true: an answer with a status is a result, never an exception (AD-88); once a 2xx came, the run has
 * succeeded, whatever becomes of the body, because sending again would wake the agent twice; no connection stays open.
 */
import { isJsonObject, type JsonValue } from "@wakefleet/contracts";
import { configSchemaOf } from "../config-schema.js";
import { type Adapter, type AdapterExecutionContext, type AdapterExecutionResult, abortReasonOf } from "../contract.js";
import { requireLocalTarget } from "../local-target.js";
import { writeLogLine } from "../log-line.js";
import { discardBody, type HttpResponse, readBody, send } from "./http-client.js";
import { HTTP_CONFIG_DOC, httpConfigSchema, readHttpConfig } from "./http-config.js";
import { type PreparedRequest, prepareRequest } from "./http-request.js";
import { readRetryAfter } from "./retry-after.js";
import { testHttpEnvironment } from "./test-environment.js";

const TYPE = "http";
/** Greatest JSON body that is kept (AD-87). */
const RESULT_BODY_MAX_BYTES = 256 * 1024;
/** An answer that drips must not hold the run once its status is known, milliseconds. */
const BODY_TIMEOUT_MS = 30_000;
/** Node's timers take no more. */
const LONGEST_TIMER_MS = 2_147_483_647;
/** Statuses that say "later" (AD-88). */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504, 529]);
/** Codes of the client itself: the request was wrong, no network failed, and a retry would fail the same way. */
const OWN_FAULT_CODE = /^(?:ERR_|UND_ERR_(?:INVALID_ARG|REQ_CONTENT_LENGTH_MISMATCH|NOT_SUPPORTED))/;

async function execute(execution: AdapterExecutionContext): Promise<AdapterExecutionResult> {
  requireLocalTarget(execution, TYPE);
  const config = readHttpConfig(execution.config);
  const request = prepareRequest(config, execution);
  const title = `HTTP ${config.method} ${config.url}`;
  await execution.onMeta?.({
    adapterType: TYPE,
    command: config.method,
    cwd: null,
    commandArgs: [config.url],
    commandNotes: [],
    env: {},
    prompt: null,
    promptMetrics: {},
    context: execution.context,
  });

  const timeLimit = limitOf(config.timeoutMs);
  const bodyLimit = limitOf(0);
  const ended = AbortSignal.any([execution.signal, timeLimit.signal, bodyLimit.signal]);
  try {
    const response = await send(request.url, sendOptions(request, ended));
    await writeLogLine(execution, { stream: "stdout", text: `${title}: status ${response.status}` });
    if (!response.ok) return await statusFailure(response);
    bodyLimit.start(BODY_TIMEOUT_MS);
    return { ...SUCCESS, summary: title, ...(await resultOf({ response, execution })) };
  } catch (error) {
    if (execution.signal.aborted)
      return failure("cancelled", abortReasonOf(execution.signal).message, { exitCode: null });
    if (timeLimit.signal.aborted) {
      const message = `${title} timed out after ${config.timeoutMs}ms`;
      return failure("timeout", message, { exitCode: null, timedOut: true });
    }
    return requestFailure(title, error);
  } finally {
    timeLimit.clear();
    bodyLimit.clear();
  }
}

const SUCCESS = { exitCode: 0, signal: null, timedOut: false } as const;

function failure(
  errorCode: string,
  errorMessage: string,
  more: Partial<AdapterExecutionResult> = {},
): AdapterExecutionResult {
  return { exitCode: 1, signal: null, timedOut: false, errorCode, errorMessage, ...more };
}

function sendOptions(request: PreparedRequest, signal: AbortSignal): Parameters<typeof send>[1] {
  return {
    method: request.method,
    headers: request.headers,
    ...(request.body === null ? {} : { body: request.body }),
    signal,
  };
}

interface Limit {
  readonly signal: AbortSignal;
  start(limitMs: number): void;
  clear(): void;
}

/** A signal that is aborted after a time; 0 arms nothing until `start`. */
function limitOf(limitMs: number): Limit {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const limit: Limit = {
    signal: controller.signal,
    start(ms) {
      timer = setTimeout(() => controller.abort(), Math.min(ms, LONGEST_TIMER_MS));
    },
    clear: () => clearTimeout(timer),
  };
  if (limitMs > 0) limit.start(limitMs);
  return limit;
}

async function statusFailure(response: HttpResponse): Promise<AdapterExecutionResult> {
  await discardBody(response);
  const { status } = response;
  const transient = TRANSIENT_STATUSES.has(status);
  const notBefore = transient ? readRetryAfter(response.headers.get("retry-after"), new Date()) : null;
  return failure("http_status_error", `HTTP invoke failed with status ${status}`, {
    resultJson: { status },
    ...(transient ? { errorFamily: "transient_upstream" } : {}),
    ...(notBefore === null ? {} : { retryNotBefore: notBefore.toISOString() }),
  });
}

/** The system's reason is inside `fetch failed`. */
function requestFailure(title: string, error: unknown): AdapterExecutionResult {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = reason instanceof Error ? (reason as NodeJS.ErrnoException).code : undefined;
  const text = reason instanceof Error && reason.message !== "" ? reason.message : (code ?? String(reason));
  const isNetworkFailure = typeof code === "string" && !OWN_FAULT_CODE.test(code);
  return failure("http_request_failed", `${title} failed: ${text}`, {
    ...(isNetworkFailure ? { errorFamily: "transient_upstream" } : {}),
  });
}

/** A JSON object in a 2xx answer becomes `resultJson` (AD-87); anything else is let go of unread. */
async function resultOf(input: {
  readonly response: HttpResponse;
  readonly execution: AdapterExecutionContext;
}): Promise<Pick<AdapterExecutionResult, "resultJson">> {
  const { response, execution } = input;
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(response.headers.get("content-type") ?? "")) {
    await discardBody(response);
    return {};
  }
  const parsed = await readJson({ response, execution });
  return isJsonObject(parsed) ? { resultJson: parsed } : {};
}

async function readJson(input: {
  readonly response: HttpResponse;
  readonly execution: AdapterExecutionContext;
}): Promise<JsonValue | null> {
  try {
    const text = await readBody(input.response, RESULT_BODY_MAX_BYTES);
    return text === null || text === "" ? null : (JSON.parse(text) as JsonValue);
  } catch (cause) {
    input.execution.onWarning?.({
      code: "http_body_unreadable",
      message: "The body of a 2xx answer was dropped",
      cause,
    });
    return null;
  }
}

export const httpAdapter: Adapter = {
  type: TYPE,
  execute,
  testEnvironment: testHttpEnvironment,
  agentConfigurationDoc: HTTP_CONFIG_DOC,
  getConfigSchema: () => configSchemaOf(httpConfigSchema),
};
