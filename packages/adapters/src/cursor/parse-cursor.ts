/**
 * Reads what Cursor's agent prints with `--output-format stream-json` (AD-182, AD-183), one event at a time.
 *
 * What must stay true: an error result is a failure whatever the exit code says (AD-185); unknown events change nothing.
 */
import { asJsonObject, isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { TokenUsage } from "../contract.js";
import { contentText, errorText, firstNumber, firstText, TextBlocks } from "../event-fields.js";

const TEXT_PART_TYPES = ["text", "output_text"];

/** What is known so far. */
export interface CursorOutput {
  readonly sessionId: string | null;
  readonly model: string | null;
  readonly summary: string | null;
  readonly usage: TokenUsage | null;
  /** Null when the CLI named none or 0 (AD-183). */
  readonly costUsd: number | null;
  /** The last result event (AD-78); null when none came. */
  readonly resultEvent: JsonObject | null;
  /** The last result says that it is an error. */
  readonly resultFailed: boolean;
  readonly errorMessage: string | null;
}

export interface CursorParser {
  onEvent(event: JsonObject): void;
  output(): CursorOutput;
}

/** A parser for one invocation. */
export function createCursorParser(): CursorParser {
  const texts = new TextBlocks();
  let sessionId: string | null = null;
  let model: string | null = null;
  let resultText: string | null = null;
  let resultUsage: TokenUsage | null = null;
  let stepUsage: TokenUsage | null = null;
  let costUsd = 0;
  let resultEvent: JsonObject | null = null;
  let eventError: string | null = null;

  const onStepFinish = (event: JsonObject): void => {
    const part = isJsonObject(event["part"]) ? event["part"] : event;
    const tokens = asJsonObject(part["tokens"]);
    const more = usageOf(part) ?? tokenCounts(tokens);
    if (more !== null) stepUsage = addUsage(stepUsage, more);
    costUsd += firstNumber(part, ["cost"]) ?? 0;
  };

  const onResult = (event: JsonObject): void => {
    resultEvent = event;
    resultText = firstText(event, ["result"]) ?? resultText;
    resultUsage = usageOf(event) ?? resultUsage;
    costUsd = firstNumber(event, ["total_cost_usd", "cost_usd", "cost"]) ?? costUsd;
  };

  return {
    onEvent(event) {
      sessionId = firstText(event, ["session_id", "sessionId", "sessionID"]) ?? sessionId;
      switch (event["type"]) {
        case "assistant":
          texts.add(assistantText(event));
          break;
        case "text":
          texts.add(nonEmptyString(asJsonObject(event["part"])["text"]) ?? nonEmptyString(event["text"]) ?? "");
          break;
        case "result":
          onResult(event);
          break;
        case "step_finish":
          onStepFinish(event);
          break;
        case "error":
          eventError = errorText(event["error"]) ?? errorText(event) ?? eventError;
          break;
        case "system":
          model = firstText(event, ["model"]) ?? model;
          if (event["subtype"] === "error") eventError = errorText(event["error"]) ?? errorText(event) ?? eventError;
          break;
        default:
          // Tool calls, thinking and whatever a later release adds.
          break;
      }
    },
    output: () => ({
      sessionId,
      model,
      summary: texts.text() ?? resultText,
      usage: resultUsage ?? stepUsage,
      costUsd: costUsd === 0 ? null : costUsd,
      resultEvent,
      resultFailed: isFailedResult(resultEvent),
      errorMessage: resultErrorOf(resultEvent) ?? eventError,
    }),
  };
}

const STREAM_PREFIX = /^\s*(stdout|stderr)\s*[:=]?\s*(?=[{[])/i;

/**
 * Some releases put the stream's name before a JSON line (AD-182): takes it off and says which stream is meant. A line
 * without it comes back unchanged with a null stream.
 */
export function splitStreamPrefix(line: string): {
  readonly text: string;
  readonly stream: "stdout" | "stderr" | null;
} {
  const match = STREAM_PREFIX.exec(line);
  if (match === null) return { text: line, stream: null };
  return { text: line.slice(match[0].length), stream: match[1]?.toLowerCase() === "stderr" ? "stderr" : "stdout" };
}

function assistantText(event: JsonObject): string {
  const message = event["message"];
  if (typeof message === "string") return message;
  const holder = isJsonObject(message) ? message : event;
  return contentText(holder["content"], TEXT_PART_TYPES) || (nonEmptyString(holder["text"]) ?? "");
}

function isFailedResult(result: JsonObject | null): boolean {
  if (result === null) return false;
  return result["is_error"] === true || firstText(result, ["subtype"])?.toLowerCase() === "error";
}

function resultErrorOf(result: JsonObject | null): string | null {
  if (result === null || !isFailedResult(result)) return null;
  return errorText(result["error"]) ?? firstText(result, ["result", "message"]);
}

function usageOf(event: JsonObject): TokenUsage | null {
  return isJsonObject(event["usage"]) ? tokenCounts(event["usage"]) : null;
}

function tokenCounts(counts: JsonObject): TokenUsage | null {
  const input = firstNumber(counts, ["input_tokens", "inputTokens", "input"]);
  const output = firstNumber(counts, ["output_tokens", "outputTokens", "output"]);
  if (input === null && output === null) return null;
  const cached =
    firstNumber(counts, ["cached_input_tokens", "cachedInputTokens", "cache_read_input_tokens"]) ??
    firstNumber(asJsonObject(counts["cache"]), ["read"]);
  return { inputTokens: input ?? 0, cachedInputTokens: cached ?? 0, outputTokens: output ?? 0 };
}

function addUsage(sum: TokenUsage | null, more: TokenUsage): TokenUsage {
  return {
    inputTokens: (sum?.inputTokens ?? 0) + more.inputTokens,
    cachedInputTokens: (sum?.cachedInputTokens ?? 0) + (more.cachedInputTokens ?? 0),
    outputTokens: (sum?.outputTokens ?? 0) + more.outputTokens,
  };
}
