/**
 * What Claude's messages have used before there is a result (AD-64, BY-6). A message is printed once for each of its blocks,
 * with the same id and counts that only grow, so the largest of each is taken; messages of sub-agents come in between, hence
 * more than one is remembered.
 *
 * What must stay true: memory is bounded, whatever is printed.
 */
import { asJsonObject, isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { TokenUsage } from "../contract.js";
import { firstNumber } from "../event-fields.js";

/** What one model has used, as far as it can be told while the run goes on. */
export interface ModelUse {
  /** Null where the messages name none. */
  readonly model: string | null;
  /** What went in: neither read from the cache nor written to it. */
  readonly inputTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheReadTokens: number;
  /** The larger of what was told and what was printed comes to: a message tells its output as it began. */
  readonly outputTokens: number;
}

const OPEN_MESSAGES = 64;
/** A run uses a handful; damaged output must not make more of them. */
const MODELS_KEPT = 16;
/** Tokens of English and of code are about this long, characters. */
const CHARS_A_TOKEN = 4;

interface Message extends Omit<ModelUse, "outputTokens"> {
  readonly toldOutput: number;
  readonly printedChars: number;
}

/** The messages of one invocation. */
export class MessageUsage {
  #closed: TokenUsage | null = null;
  readonly #closedByModel = new Map<string | null, ModelUse>();
  readonly #open = new Map<string, Message>();

  add(message: JsonObject): void {
    const id = nonEmptyString(message["id"]);
    if (id === null || !isJsonObject(message["usage"])) return;
    const before = this.#open.get(id);
    const counts = message["usage"];
    const larger = (key: string, known: number | undefined): number => Math.max(known ?? 0, count(counts, key));
    this.#open.set(id, {
      model: nonEmptyString(message["model"]) ?? before?.model ?? null,
      inputTokens: larger("input_tokens", before?.inputTokens),
      cacheWriteTokens: larger("cache_creation_input_tokens", before?.cacheWriteTokens),
      cacheReadTokens: larger("cache_read_input_tokens", before?.cacheReadTokens),
      toldOutput: larger("output_tokens", before?.toldOutput),
      printedChars: (before?.printedChars ?? 0) + printedChars(message),
    });
    if (this.#open.size <= OPEN_MESSAGES) return;
    const [oldest] = this.#open;
    if (oldest === undefined) return;
    this.#open.delete(oldest[0]);
    this.#closed = plus(this.#closed, usageOf(oldest[1]));
    addTo(this.#closedByModel, useOf(oldest[1]));
  }

  /** As it was told (AD-64); null when nothing was. */
  total(): TokenUsage | null {
    let total = this.#closed;
    for (const message of this.#open.values()) total = plus(total, usageOf(message));
    return total;
  }

  /** For a price: every model's own. */
  byModel(): ModelUse[] {
    const uses = new Map(this.#closedByModel);
    for (const message of this.#open.values()) addTo(uses, useOf(message));
    return [...uses.values()];
  }
}

function count(source: JsonObject, key: string): number {
  return Math.max(0, firstNumber(source, [key]) ?? 0);
}

/** What the agent wrote in this block: texts, thoughts, and what it gave to tools. */
function printedChars(message: JsonObject): number {
  const content = message["content"];
  if (!Array.isArray(content)) return 0;
  let chars = 0;
  for (const block of content.map(asJsonObject)) {
    for (const key of ["text", "thinking"]) chars += typeof block[key] === "string" ? block[key].length : 0;
    if (isJsonObject(block["input"])) chars += JSON.stringify(block["input"]).length;
  }
  return chars;
}

function usageOf({ inputTokens, cacheWriteTokens, cacheReadTokens, toldOutput }: Message): TokenUsage {
  return {
    inputTokens: inputTokens + cacheWriteTokens,
    cachedInputTokens: cacheReadTokens,
    outputTokens: toldOutput,
  };
}

function useOf({ toldOutput, printedChars: chars, ...use }: Message): ModelUse {
  return { ...use, outputTokens: Math.max(toldOutput, Math.ceil(chars / CHARS_A_TOKEN)) };
}

function addTo(uses: Map<string | null, ModelUse>, use: ModelUse): void {
  const model = uses.has(use.model) || uses.size < MODELS_KEPT ? use.model : null;
  const known = uses.get(model);
  uses.set(model, {
    model,
    inputTokens: (known?.inputTokens ?? 0) + use.inputTokens,
    cacheWriteTokens: (known?.cacheWriteTokens ?? 0) + use.cacheWriteTokens,
    cacheReadTokens: (known?.cacheReadTokens ?? 0) + use.cacheReadTokens,
    outputTokens: (known?.outputTokens ?? 0) + use.outputTokens,
  });
}

function plus(a: TokenUsage | null, b: TokenUsage): TokenUsage {
  return {
    inputTokens: (a?.inputTokens ?? 0) + b.inputTokens,
    cachedInputTokens: (a?.cachedInputTokens ?? 0) + (b.cachedInputTokens ?? 0),
    outputTokens: (a?.outputTokens ?? 0) + b.outputTokens,
  };
}
