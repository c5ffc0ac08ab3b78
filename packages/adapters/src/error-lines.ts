/** Readers for what a program wrote on stderr, as far as people and failure patterns want it (AD-76, AD-79). */
import { stripVTControlCharacters } from "node:util";

const LINE_CHARS = 1000;

/** Non-blank lines without colours, trimmed; lines that match one of `chatter` are left out. */
export function errorLines(text: string, chatter: readonly RegExp[] = []): string[] {
  return stripVTControlCharacters(text)
    .split(/\r?\n/)
    .map((line) => line.trim().slice(0, LINE_CHARS))
    .filter((line) => line !== "" && !chatter.some((pattern) => pattern.test(line)));
}

/** The first such line; null when there is none. */
export function firstErrorLine(text: string, chatter: readonly RegExp[] = []): string | null {
  return errorLines(text, chatter)[0] ?? null;
}
