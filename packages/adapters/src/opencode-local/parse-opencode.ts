/**
 * Reads what OpenCode prints with `run --format json` (AD-234, AD-237), one event at a time.
 *
 * What must stay true: the sums are right after every event, because money is watched while the run goes on; a tool that
 * failed is the agent's business and never the run's error.
 */
import { asJsonObject, isJsonObject, type JsonObject, type JsonValue } from "@wakefleet/contracts";
import type { TokenUsage } from "../contract.js";
import { errorText, firstNumber, firstText, TextBlocks } from "../event-fields.js";

const TOOL_ERRORS_KEPT = 5;
const TOOL_ERROR_CHARS = 500;
const ERRORS_KEPT = 20;

/** What the provider said with an error event (AD-237, AD-245). */
export interface OpenCodeApiError {
  readonly statusCode: number | null;
  readonly isRetryable: boolean;
  /** The `retry-after` header as it came. */
  readonly retryAfter: string | null;
}

/** What is known so far. */
export interface OpenCodeOutput {
  readonly sessionId: string | null;
  readonly summary: string | null;
  /** Summed over steps; input without cache reads, output with reasoning (AD-64, AD-234). Null before the first step. */
  readonly usage: TokenUsage | null;
  readonly costUsd: number | null;
  /** Messages of error events, joined by newlines. */
  readonly errorMessage: string | null;
  readonly apiError: OpenCodeApiError | null;
  /** Last few failed tool calls; for display only. */
  readonly toolErrors: readonly string[];
  /** A step ended for another reason than to call tools, or an error was reported (AD-78). */
  readonly ended: boolean;
}

export interface OpenCodeParser {
  onEvent(event: JsonObject): void;
  output(): OpenCodeOutput;
}

/** A parser for one invocation. */
export function createOpenCodeParser(): OpenCodeParser {
  const texts = new TextBlocks();
  let sessionId: string | null = null;
  let usage: TokenUsage | null = null;
  let costUsd: number | null = null;
  const errors: string[] = [];
  let apiError: OpenCodeApiError | null = null;
  const toolErrors: string[] = [];
  let ended = false;

  const onStepFinish = (part: JsonObject): void => {
    usage = addTokens(usage, asJsonObject(part["tokens"]));
    const cost = firstNumber(part, ["cost"]);
    if (cost !== null) costUsd = (costUsd ?? 0) + cost;
    // An agent that calls tools goes on with another step.
    if (part["reason"] !== "tool-calls") ended = true;
  };

  const onToolUse = (part: JsonObject): void => {
    const state = asJsonObject(part["state"]);
    if (state["status"] !== "error") return;
    const text = errorText(state["error"]) ?? firstText(state, ["output"]) ?? "tool failed";
    toolErrors.push(text.slice(0, TOOL_ERROR_CHARS));
    if (toolErrors.length > TOOL_ERRORS_KEPT) toolErrors.shift();
  };

  const onError = (event: JsonObject): void => {
    ended = true;
    const text = errorText(event["error"]) ?? firstText(event, ["message"]) ?? "Unknown OpenCode error";
    errors.push(text);
    if (errors.length > ERRORS_KEPT) errors.shift();
    apiError = apiErrorOf(event["error"]) ?? apiError;
  };

  return {
    onEvent(event) {
      sessionId = firstText(event, ["sessionID", "sessionId", "session_id"]) ?? sessionId;
      const part = asJsonObject(event["part"]);
      if (event["type"] === "text" && typeof part["text"] === "string") texts.add(part["text"]);
      else if (event["type"] === "step_finish") onStepFinish(part);
      else if (event["type"] === "tool_use") onToolUse(part);
      else if (event["type"] === "error") onError(event);
    },
    output: () => ({
      sessionId,
      summary: texts.text(),
      usage,
      costUsd: costUsd === null ? null : roundDollars(costUsd),
      errorMessage: errors.length === 0 ? null : errors.join("\n"),
      apiError,
      toolErrors: [...toolErrors],
      ended,
    }),
  };
}

function addTokens(sum: TokenUsage | null, tokens: JsonObject): TokenUsage {
  const count = (source: JsonObject, key: string): number => firstNumber(source, [key]) ?? 0;
  return {
    inputTokens: (sum?.inputTokens ?? 0) + count(tokens, "input"),
    cachedInputTokens: (sum?.cachedInputTokens ?? 0) + count(asJsonObject(tokens["cache"]), "read"),
    outputTokens: (sum?.outputTokens ?? 0) + count(tokens, "output") + count(tokens, "reasoning"),
  };
}

function apiErrorOf(error: JsonValue | undefined): OpenCodeApiError | null {
  const data = asJsonObject(asJsonObject(error)["data"]);
  const statusCode = firstNumber(data, ["statusCode"]);
  if (statusCode === null && typeof data["isRetryable"] !== "boolean") return null;
  const headers = isJsonObject(data["responseHeaders"]) ? data["responseHeaders"] : {};
  return { statusCode, isRetryable: data["isRetryable"] === true, retryAfter: firstText(headers, ["retry-after"]) };
}

/** Sums of binary fractions end in noise such as 0.0016680000000000002. */
function roundDollars(value: number): number {
  return Number(value.toFixed(9));
}
