/**
 * Tolerant readers for adapter settings (AD-38 to AD-40). A value of the wrong type reads as the default: a run must not
 * fail for a setting nobody needs. Strictness belongs to the checks on writing an agent.
 */
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";

/** A string; the empty one and other types read as `fallback`. Not trimmed. */
export function readString(value: unknown, fallback: string): string {
  return typeof value === "string" && value.length > 0 ? value : fallback;
}

/** A finite number, else `fallback`. Numeric strings do not count. */
export function readNumber(value: unknown, fallback: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : fallback;
}

/** A real boolean, else `fallback`. */
export function readBoolean(value: unknown, fallback: boolean): boolean {
  return typeof value === "boolean" ? value : fallback;
}

/** The strings of a list; other items are dropped, anything but a list reads as empty. */
export function readStringList(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

/** An object; lists, null and other types read as `{}`. */
export function readObject(value: unknown): JsonObject {
  return asJsonObject(value);
}

/** Extra command-line arguments: `extraArgs` if it is a non-empty list, else `args` (AD-39). */
export function readExtraArgs(config: JsonObject): string[] {
  const extra = readStringList(config["extraArgs"]);
  return extra.length > 0 ? extra : readStringList(config["args"]);
}

/** Arguments as a list, or as one string that is split on blanks (AD-40). */
export function readArgs(value: unknown): string[] {
  return typeof value === "string" ? splitArguments(value) : readStringList(value);
}

/**
 * Splits one string into arguments on blanks. Single and double quotes keep blanks together and may stand inside a word;
 * a backslash takes the next quote, blank or backslash as it is, except between single quotes. No variables, no globs:
 * no shell is involved (AD-40).
 *
 * @throws Error when a quote is not closed.
 */
export function splitArguments(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: '"' | "'" | null = null;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    const next = text.charAt(index + 1);
    if (char === "\\" && quote !== "'" && next !== "" && /["'\\\s]/.test(next)) {
      word = (word ?? "") + next;
      index += 1;
    } else if (quote !== null) {
      if (char === quote) quote = null;
      else word = (word ?? "") + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      // An empty pair of quotes is an argument too.
      word = word ?? "";
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== null) {
    throw new Error(
      `The setting "args" has a ${quote} that is not closed. Close it, or give args as a list of strings.`,
    );
  }
  if (word !== null) words.push(word);
  return words;
}
