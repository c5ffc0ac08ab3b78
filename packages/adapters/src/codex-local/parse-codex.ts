/**
 * Reads what `codex exec --json` prints (AD-148), one event at a time.
 *
 * What must stay true: the thread's id is printed once, on the first line, and is kept whatever comes after it (AD-45);
 * an `item` of type `error` is a warning of the CLI and never the run's error; memory is bounded.
 */
import { asJsonObject, isGuid, type JsonObject } from "@wakefleet/contracts";
import type { TokenUsage } from "../contract.js";
import { errorText, firstNumber, firstText } from "../event-fields.js";

const SUMMARY_CHARS = 64 * 1024;

/** What is known so far. */
export interface CodexOutput {
  readonly threadId: string | null;
  /** The last message of the agent. */
  readonly summary: string | null;
  /** The running total of the whole thread; input includes the cached part (AD-64, AD-65). */
  readonly usage: TokenUsage | null;
  /** The last error, that of the failed turn included (AD-148). */
  readonly errorMessage: string | null;
  /** How the last turn ended (AD-78); null when it did not. */
  readonly turn: "completed" | "failed" | null;
}

export interface CodexParser {
  onEvent(event: JsonObject): void;
  output(): CodexOutput;
}

/** A parser for one invocation. */
export function createCodexParser(): CodexParser {
  let threadId: string | null = null;
  let summary: string | null = null;
  let usage: TokenUsage | null = null;
  let errorMessage: string | null = null;
  let turn: CodexOutput["turn"] = null;

  return {
    onEvent(event) {
      // Printed once: where the line was damaged, its type may be gone and the id still be there.
      threadId ??= firstText(event, ["thread_id"]);
      switch (event["type"]) {
        case "thread.started":
          threadId = nextThreadId(threadId, firstText(event, ["thread_id"]));
          break;
        case "turn.started":
          turn = null;
          break;
        case "item.completed": {
          const item = asJsonObject(event["item"]);
          if (item["type"] === "agent_message") summary = firstText(item, ["text"])?.slice(-SUMMARY_CHARS) ?? summary;
          break;
        }
        case "error":
          errorMessage = errorText(event) ?? errorMessage;
          break;
        case "turn.completed":
          turn = "completed";
          usage = usageOf(event) ?? usage;
          break;
        case "turn.failed":
          turn = "failed";
          errorMessage = errorText(event["error"]) ?? errorText(event) ?? errorMessage;
          break;
        default:
      }
    },
    output: () => ({ threadId, summary, usage, errorMessage, turn }),
  };
}

/** Thread ids are UUIDs: one that is not, after one that was, is a damaged one. */
function nextThreadId(known: string | null, printed: string | null): string | null {
  if (printed === null) return known;
  return known !== null && isGuid(known) && !isGuid(printed) ? known : printed;
}

function usageOf(event: JsonObject): TokenUsage | null {
  const usage = asJsonObject(event["usage"]);
  const input = firstNumber(usage, ["input_tokens"]);
  const output = firstNumber(usage, ["output_tokens"]);
  if (input === null && output === null) return null;
  return {
    inputTokens: input ?? 0,
    cachedInputTokens: firstNumber(usage, ["cached_input_tokens"]) ?? 0,
    outputTokens: output ?? 0,
  };
}
