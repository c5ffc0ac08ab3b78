/**
 * Reads what Claude Code prints with `--output-format stream-json` (AD-115 to AD-117), one event at a time.
 *
 * What must stay true: the state is right after every event, because money and session are wanted while the run goes on;
 * what tools print is never taken for a text of the agent or for an error (AD-76); memory is bounded.
 */
import { asJsonObject, isGuid, isJsonObject, type JsonObject } from "@wakefleet/contracts";
import type { TokenUsage } from "../contract.js";
import { contentText, errorText, firstNumber, firstText, TextBlocks } from "../event-fields.js";
import { MessageUsage, type ModelUse } from "./message-usage.js";

/** A limit that the provider turned this account away for (AD-125). */
export interface ClaudeRejection {
  /** When the window starts anew; null when the CLI did not say. */
  readonly resetsAt: Date | null;
}

/** What is known so far. */
export interface ClaudeOutput {
  readonly sessionId: string | null;
  readonly model: string | null;
  /** The result's text, else the agent's texts (AD-117). */
  readonly summary: string | null;
  /**
   * Of the result; before one came, what the answers so far cost, which the result replaces. Input counts what went into
   * the cache and not what came out of it (AD-64, AD-116). Null when nothing was said.
   */
  readonly usage: TokenUsage | null;
  readonly costUsd: number | null;
  /** What the messages so far used, model by model, for a price before there is a result (BY-6). */
  readonly uses: readonly ModelUse[];
  /** The last result event (AD-78, AD-115); null when none came. */
  readonly resultEvent: JsonObject | null;
  /** Texts of `error` events. */
  readonly eventErrors: readonly string[];
  /** The `error` of the last message of the agent, such as `authentication_failed` (AD-123). */
  readonly messageError: string | null;
  /** The last `rate_limit_event` that said `rejected` (AD-125). */
  readonly rejection: ClaudeRejection | null;
  /** Something was printed in the expected form (AD-122). */
  readonly hasEvents: boolean;
}

export interface ClaudeParser {
  onEvent(event: JsonObject): void;
  output(): ClaudeOutput;
}

const ERRORS_KEPT = 20;

/** A parser for one invocation. */
export function createClaudeParser(): ClaudeParser {
  const texts = new TextBlocks();
  const spent = new MessageUsage();
  let sessionId: string | null = null;
  let model: string | null = null;
  let resultEvent: JsonObject | null = null;
  const eventErrors: string[] = [];
  let messageError: string | null = null;
  let rejection: ClaudeRejection | null = null;
  let hasEvents = false;

  const onAssistant = (event: JsonObject): void => {
    const message = asJsonObject(event["message"]);
    texts.add(contentText(message["content"], ["text"]));
    messageError = firstText(event, ["error"]);
    spent.add(message);
  };

  return {
    onEvent(event) {
      sessionId = nextSessionId(sessionId, event);
      if (event["type"] === "") return;
      hasEvents = true;
      switch (event["type"]) {
        case "system":
          if (event["subtype"] === "init") model = firstText(event, ["model"]) ?? model;
          break;
        case "assistant":
          onAssistant(event);
          break;
        case "rate_limit_event":
          rejection = rejectionOf(event) ?? rejection;
          break;
        case "result":
        // With `--output-format json` the CLI prints one object, and older releases gave it no type.
        case undefined:
          resultEvent = event;
          break;
        case "error":
          eventErrors.push(errorText(event["error"]) ?? errorText(event) ?? "");
          if (eventErrors.length > ERRORS_KEPT) eventErrors.shift();
          break;
        default:
      }
    },
    output: () => ({
      sessionId,
      model: model ?? (resultEvent === null ? null : firstText(resultEvent, ["model"])),
      summary: resultEvent === null ? texts.text() : (firstText(resultEvent, ["result"]) ?? texts.text()),
      usage: (resultEvent === null ? null : resultUsage(resultEvent)) ?? spent.total(),
      uses: spent.byModel(),
      costUsd: resultEvent === null ? null : firstNumber(resultEvent, ["total_cost_usd"]),
      resultEvent,
      eventErrors: [...eventErrors],
      messageError,
      rejection,
      hasEvents,
    }),
  };
}

/** Session ids are UUIDs: one that is not, after one that was, is a damaged one. An event without a type was rescued. */
function nextSessionId(known: string | null, event: JsonObject): string | null {
  const printed = firstText(event, ["session_id"]);
  if (printed === null) return known;
  if (known !== null && (event["type"] === "" || (isGuid(known) && !isGuid(printed)))) return known;
  return printed;
}

function rejectionOf(event: JsonObject): ClaudeRejection | null {
  const info = asJsonObject(event["rate_limit_info"]);
  if (info["status"] !== "rejected") return null;
  const seconds = firstNumber(info, ["resetsAt"]);
  const at = seconds === null ? null : new Date(seconds * 1000);
  return { resetsAt: at !== null && Number.isNaN(at.getTime()) ? null : at };
}

/** AD-116: what the models used, sub-agents included, else the result's own counts. */
function resultUsage(result: JsonObject): TokenUsage | null {
  const models = Object.values(asJsonObject(result["modelUsage"])).filter(isJsonObject);
  if (models.length > 0) {
    const sum = (...keys: string[]): number =>
      models.reduce((total, model) => total + keys.reduce((part, key) => part + count(model, key), 0), 0);
    return {
      inputTokens: sum("inputTokens", "cacheCreationInputTokens"),
      cachedInputTokens: sum("cacheReadInputTokens"),
      outputTokens: sum("outputTokens"),
    };
  }
  if (!isJsonObject(result["usage"])) return null;
  const usage = result["usage"];
  return {
    inputTokens: count(usage, "input_tokens"),
    cachedInputTokens: count(usage, "cache_read_input_tokens"),
    outputTokens: count(usage, "output_tokens"),
  };
}

function count(source: JsonObject, key: string): number {
  return firstNumber(source, [key]) ?? 0;
}
