/**
 * Reads what Gemini CLI prints with `--output-format stream-json` (AD-206, AD-207), one event at a time.
 *
 * What must stay true: the state is right after every event, because money and session are wanted while the run goes on;
 * unknown events change nothing; what tools print is never taken for a text of the agent or for an error (AD-76).
 */
import { asJsonObject, isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { AgentQuestion, TokenUsage } from "../contract.js";
import { contentText, errorText, firstNumber, firstText, TextBlocks } from "../event-fields.js";

/** Names under which a session id came in any release (AD-207). */
export const GEMINI_SESSION_KEYS = ["session_id", "sessionId", "sessionID", "checkpoint_id", "thread_id"] as const;

const TEXT_PART_TYPES = ["text", "output_text", "content"];

/** What is known so far. */
export interface GeminiOutput {
  readonly sessionId: string | null;
  readonly model: string | null;
  readonly summary: string | null;
  /** Covers this invocation; input includes the cached part (AD-64). Null until the CLI named any. */
  readonly usage: TokenUsage | null;
  readonly costUsd: number | null;
  /** The last result event (AD-78); null when none came. */
  readonly resultEvent: JsonObject | null;
  /** The result's `error.type`, such as `FatalTurnLimitedError`. */
  readonly errorType: string | null;
  /** The result's error, else the last error event's. */
  readonly errorMessage: string | null;
  readonly question: AgentQuestion | null;
}

export interface GeminiParser {
  onEvent(event: JsonObject): void;
  output(): GeminiOutput;
}

/** A parser for one invocation. */
export function createGeminiParser(): GeminiParser {
  const texts = new TextBlocks();
  let sessionId: string | null = null;
  let model: string | null = null;
  let stepUsage: TokenUsage | null = null;
  let resultUsage: TokenUsage | null = null;
  let costUsd: number | null = null;
  let resultEvent: JsonObject | null = null;
  let eventError: string | null = null;
  let question: AgentQuestion | null = null;

  const onMessage = (event: JsonObject): void => {
    const text = contentText(event["content"], TEXT_PART_TYPES);
    if (event["role"] !== "assistant") texts.close();
    else if (event["delta"] === true) texts.append(text);
    else texts.add(text);
  };

  const onAssistant = (event: JsonObject): void => {
    const message = isJsonObject(event["message"]) ? event["message"] : event;
    texts.add(contentText(message["content"], TEXT_PART_TYPES) || contentText(event["message"], []));
    question = questionOf(message) ?? question;
  };

  const onResult = (event: JsonObject): void => {
    texts.close();
    resultEvent = event;
    resultUsage = usageOf(event) ?? resultUsage;
    costUsd = costOf(event) ?? costUsd;
  };

  const onStepFinish = (event: JsonObject): void => {
    const part = isJsonObject(event["part"]) ? event["part"] : event;
    stepUsage = addUsage(stepUsage, usageOf(part) ?? usageOf(event));
    const cost = costOf(part) ?? costOf(event);
    if (cost !== null) costUsd = (costUsd ?? 0) + cost;
  };

  return {
    onEvent(event) {
      sessionId = firstText(event, GEMINI_SESSION_KEYS) ?? sessionId;
      switch (event["type"]) {
        case "init":
          model = firstText(event, ["model"]) ?? model;
          break;
        case "message":
          onMessage(event);
          break;
        case "assistant":
          onAssistant(event);
          break;
        case "text":
          texts.add(textEventText(event));
          break;
        case "result":
          onResult(event);
          break;
        case "step_finish":
          texts.close();
          onStepFinish(event);
          break;
        case "error":
          eventError = errorText(event["error"]) ?? errorText(event) ?? eventError;
          break;
        case "system":
          if (event["subtype"] === "init") model = firstText(event, ["model"]) ?? model;
          if (event["subtype"] === "error") eventError = errorText(event["error"]) ?? errorText(event) ?? eventError;
          break;
        default:
          texts.close();
      }
    },
    output: () => ({
      sessionId,
      model,
      summary: texts.text(),
      usage: resultUsage ?? stepUsage,
      costUsd,
      resultEvent,
      errorType: firstText(asJsonObject(resultEvent?.["error"]), ["type"]),
      errorMessage: resultErrorOf(resultEvent) ?? eventError,
      question,
    }),
  };
}

/** Old form: the text beside the type or inside `part`. */
function textEventText(event: JsonObject): string {
  return nonEmptyString(asJsonObject(event["part"])["text"]) ?? nonEmptyString(event["text"]) ?? "";
}

function resultErrorOf(result: JsonObject | null): string | null {
  if (result === null) return null;
  const failed = result["status"] === "error" || result["is_error"] === true || result["subtype"] === "error";
  const text = errorText(result["error"]);
  return text ?? (failed ? firstText(result, ["message", "result"]) : null);
}

/** A question among a message's parts, or beside them (AD-207). */
function questionOf(message: JsonObject): AgentQuestion | null {
  const parts = Array.isArray(message["content"]) ? message["content"].filter(isJsonObject) : [];
  for (const holder of [message, ...parts]) {
    const asked = asJsonObject(holder["question"]);
    const prompt = firstText(asked, ["prompt"]);
    if (prompt === null) continue;
    const choices = Array.isArray(asked["choices"]) ? asked["choices"].filter(isJsonObject) : [];
    return {
      prompt,
      choices: choices.flatMap((choice) => {
        const key = firstText(choice, ["key"]);
        if (key === null) return [];
        const description = firstText(choice, ["description"]);
        return [{ key, label: firstText(choice, ["label"]) ?? key, ...(description === null ? {} : { description }) }];
      }),
    };
  }
  return null;
}

/** Counts in an event's `stats`, `usage` or `usageMetadata` (AD-206, AD-207). */
function usageOf(event: JsonObject): TokenUsage | null {
  for (const key of ["stats", "usage", "usageMetadata", "tokens"]) {
    if (!isJsonObject(event[key])) continue;
    const counts = event[key];
    const input = firstNumber(counts, ["input_tokens", "inputTokens", "promptTokenCount"]);
    const output = firstNumber(counts, ["output_tokens", "outputTokens", "candidatesTokenCount"]);
    if (input === null && output === null) continue;
    const cached = firstNumber(counts, [
      "cached",
      "cached_input_tokens",
      "cachedInputTokens",
      "cache_read_input_tokens",
      "cachedContentTokenCount",
    ]);
    return { inputTokens: input ?? 0, cachedInputTokens: cached ?? 0, outputTokens: output ?? 0 };
  }
  return null;
}

function costOf(event: JsonObject): number | null {
  return firstNumber(event, ["total_cost_usd", "cost_usd", "cost"]);
}

function addUsage(sum: TokenUsage | null, more: TokenUsage | null): TokenUsage | null {
  if (more === null) return sum;
  return {
    inputTokens: (sum?.inputTokens ?? 0) + more.inputTokens,
    cachedInputTokens: (sum?.cachedInputTokens ?? 0) + (more.cachedInputTokens ?? 0),
    outputTokens: (sum?.outputTokens ?? 0) + more.outputTokens,
  };
}
