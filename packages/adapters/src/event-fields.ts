/**
 * Readers for the events agent CLIs print. Their field names drift from release to release, so each reader takes the
 * names in order of preference; a value of another type reads as absent and never throws.
 */
import { asJsonObject, isJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";

/** The first of `keys` that holds a non-blank string, trimmed; null when none does. */
export function firstText(source: JsonObject, keys: readonly string[]): string | null {
  for (const key of keys) {
    const value = nonEmptyString(source[key]);
    if (value !== null) return value.trim();
  }
  return null;
}

/** The first of `keys` that holds a finite number; null when none does. */
export function firstNumber(source: JsonObject, keys: readonly string[]): number | null {
  for (const key of keys) {
    const value = source[key];
    if (typeof value === "number" && Number.isFinite(value)) return value;
  }
  return null;
}

/**
 * What an error value says: a string, or an object's `message`, `data.message`, `error`, `detail`, `name` or `code`,
 * first non-blank one. Null when it says nothing.
 */
export function errorText(value: JsonValue | undefined): string | null {
  const asText = nonEmptyString(value);
  if (asText !== null) return asText.trim();
  if (!isJsonObject(value)) return null;
  return (
    firstText(value, ["message"]) ??
    firstText(asJsonObject(value["data"]), ["message"]) ??
    firstText(value, ["error"]) ??
    firstText(asJsonObject(value["error"]), ["message", "name", "code"]) ??
    firstText(value, ["detail", "name", "code"])
  );
}

/**
 * The text of a message's `content`: a string as it is, or the `text`, `content` or `output_text` of each part whose
 * type is one of `types`, joined by newlines. Empty when there is none.
 */
export function contentText(content: JsonValue | undefined, types: readonly string[]): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  const texts: string[] = [];
  for (const part of content) {
    if (!isJsonObject(part) || typeof part["type"] !== "string" || !types.includes(part["type"])) continue;
    const text = [part["text"], part["content"], part["output_text"]].find((item) => nonEmptyString(item) !== null);
    if (typeof text === "string") texts.push(text);
  }
  return texts.join("\n");
}

const KEPT_CHARS = 64 * 1024;

/**
 * Texts that are joined by an empty line, as a summary is built while output arrives. Memory is bounded: beyond
 * 64 Ki characters the oldest text goes first, because the last words of an agent are what a reader wants.
 */
export class TextBlocks {
  #done: string[] = [];
  #open = "";
  #chars = 0;

  /** Ends the open block, if there is one, and adds a whole one; blank texts are dropped. */
  add(text: string): void {
    this.close();
    this.#open = text;
    this.close();
  }

  /** Adds to the open block. */
  append(piece: string): void {
    this.#open += piece;
    if (this.#open.length > 2 * KEPT_CHARS) this.#open = this.#open.slice(-KEPT_CHARS);
  }

  /** Ends the open block; what is appended next begins a new one. */
  close(): void {
    const text = this.#open.trim().slice(-KEPT_CHARS);
    this.#open = "";
    if (text === "") return;
    this.#done.push(text);
    this.#chars += text.length;
    while (this.#chars > KEPT_CHARS && this.#done.length > 1) this.#chars -= this.#done.shift()?.length ?? 0;
  }

  /** The blocks so far, the open one included; null when there is no text. */
  text(): string | null {
    const open = this.#open.trim().slice(-KEPT_CHARS);
    const all = open === "" ? this.#done : [...this.#done, open];
    return all.length === 0 ? null : all.join("\n\n");
  }
}
