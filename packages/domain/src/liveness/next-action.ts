/** What a run said it would do next (LV-37, LV-38). */
import { isNoisyLine, PLAN_PHRASE } from "./patterns.js";

const LIST_PREFIX = /^(?:[-*]|\d+\.)(?:\s+|$)/;
const LABEL_LINE = /^next(?: steps?| action)?\s*:(.*)$/i;

/** A list mark at a line's begin is no word of it. */
export function withoutListMark(line: string): string {
  return line.replace(LIST_PREFIX, "").trim();
}

/** The first candidate that names an action decides; null: none does. */
export function findNextAction(candidates: readonly string[]): string | null {
  for (const candidate of candidates) {
    const action = nextActionIn(candidate);
    if (action !== null) return action;
  }
  return null;
}

function nextActionIn(text: string): string | null {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  for (const [index, line] of lines.entries()) {
    if (isNoisyLine(line)) continue;
    const bare = withoutListMark(line);
    const label = LABEL_LINE.exec(bare);
    if (label !== null) {
      const rest = withoutListMark((label[1] ?? "").trim());
      return rest === "" ? firstWords(lines.slice(index + 1)) : rest;
    }
    if (PLAN_PHRASE.test(bare)) return bare;
  }
  return null;
}

function firstWords(lines: readonly string[]): string | null {
  for (const line of lines) {
    const bare = withoutListMark(line);
    if (!isNoisyLine(line) && bare !== "") return bare;
  }
  return null;
}
