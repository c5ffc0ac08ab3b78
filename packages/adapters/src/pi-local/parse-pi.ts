/**
 * Reads what the Pi coding agent prints with `--mode json` (AD-267 to AD-269), one event at a time.
 *
 * What must stay true: an error that is still pending at the end makes the run a failure although the CLI exits with 0
 * (AD-268); a later turn without error clears it. `message_update` repeats the whole message on every line, so the
 * stream grows with the square of a message: such lines are passed over before they are parsed.
 */
import { asJsonObject, isJsonObject, type JsonObject, type JsonValue } from "@wakefleet/contracts";
import type { TokenUsage } from "../contract.js";
import { contentText, errorText, firstNumber, firstText } from "../event-fields.js";

/** Lines that begin like this say nothing that a later, shorter event does not say again. */
export const PI_SKIPPED_PREFIXES: readonly string[] = [
  '{"type":"message_update"',
  '{"type":"tool_execution_update"',
  '{"type":"message_start"',
  '{"type":"message_end"',
];

const SUMMARY_CHARS = 64 * 1024;

/** What is known so far. */
export interface PiOutput {
  /** The id in the stream, for information: the session file is the session (AD-262, AD-267). */
  readonly streamSessionId: string | null;
  readonly model: string | null;
  readonly summary: string | null;
  /** Summed over turns; input without cache reads (AD-64). Null before the first turn ended. */
  readonly usage: TokenUsage | null;
  readonly costUsd: number | null;
  /** The first error event, else an error that no later turn cleared (AD-268, AD-270). */
  readonly errorMessage: string | null;
  /** `agent_end` or an error event came (AD-78). */
  readonly ended: boolean;
}

export interface PiParser {
  onEvent(event: JsonObject): void;
  /** A line too long to be kept: only its beginning is known. The last event repeats a whole conversation. */
  onCutLine(beginning: string): void;
  output(): PiOutput;
}

/** A parser for one invocation. */
export function createPiParser(): PiParser {
  let streamSessionId: string | null = null;
  let model: string | null = null;
  let finalText: string | null = null;
  let usage: TokenUsage | null = null;
  let costUsd: number | null = null;
  let firstError: string | null = null;
  let pendingError: string | null = null;
  let ended = false;

  const onAssistantMessage = (message: JsonObject): void => {
    const text = contentText(message["content"], ["text"]).trim();
    if (text !== "") finalText = text.slice(-SUMMARY_CHARS);
    model = firstText(message, ["model"]) ?? model;
    pendingError =
      message["stopReason"] === "error" ? (firstText(message, ["errorMessage"]) ?? "Pi reported an error") : null;
  };

  const onTurnEnd = (message: JsonObject): void => {
    onAssistantMessage(message);
    const counts = asJsonObject(message["usage"]);
    usage = addTokens(usage, counts);
    const cost = firstNumber(asJsonObject(counts["cost"]), ["total"]);
    if (cost !== null) costUsd = (costUsd ?? 0) + cost;
  };

  const onAgentEnd = (messages: JsonValue | undefined): void => {
    ended = true;
    const assistant = (Array.isArray(messages) ? messages : [])
      .filter(isJsonObject)
      .findLast((message) => message["role"] === "assistant");
    if (assistant !== undefined) onAssistantMessage(assistant);
  };

  const onError = (text: string): void => {
    ended = true;
    firstError ??= text;
  };

  return {
    onEvent(event) {
      switch (event["type"]) {
        case "session":
          streamSessionId = firstText(event, ["id"]) ?? streamSessionId;
          break;
        case "turn_end":
          onTurnEnd(asJsonObject(event["message"]));
          break;
        case "agent_end":
          onAgentEnd(event["messages"]);
          break;
        case "auto_retry_end":
          if (event["success"] === false) {
            onError(errorText(event["finalError"]) ?? "Pi exhausted automatic retries without producing a response.");
          }
          break;
        case "error":
          onError(errorText(event["message"]) ?? errorText(event["error"]) ?? "Unknown Pi error");
          break;
        default:
          // Everything else is progress (AD-267).
          break;
      }
    },
    onCutLine(beginning) {
      if (beginning.startsWith('{"type":"agent_end"')) ended = true;
    },
    output: () => ({
      streamSessionId,
      model,
      summary: finalText,
      usage,
      costUsd: costUsd === null ? null : Number(costUsd.toFixed(9)),
      errorMessage: firstError ?? pendingError,
      ended,
    }),
  };
}

function addTokens(sum: TokenUsage | null, counts: JsonObject): TokenUsage {
  const count = (key: string): number => firstNumber(counts, [key]) ?? 0;
  return {
    inputTokens: (sum?.inputTokens ?? 0) + count("input"),
    cachedInputTokens: (sum?.cachedInputTokens ?? 0) + count("cacheRead"),
    outputTokens: (sum?.outputTokens ?? 0) + count("output"),
  };
}
