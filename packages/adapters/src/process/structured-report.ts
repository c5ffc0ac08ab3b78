/**
 * What a program reports about itself on its last line (AD-83): `{"wakefleetResult": {...}}`.
 * A field of the wrong type is ignored; the others still count.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "@wakefleet/contracts";
import { z } from "zod";
import type { AdapterExecutionResult } from "../contract.js";

const tokens = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const FIELDS = {
  summary: z.string().min(1),
  usage: z.object({ inputTokens: tokens, outputTokens: tokens, cachedInputTokens: tokens.optional() }),
  costUsd: z.number().nonnegative(),
  errorCode: z.string().min(1).max(200),
  errorFamily: z.literal("transient_upstream"),
  retryNotBefore: z.iso.datetime({ offset: true }),
  sessionParams: z.custom<JsonObject>(isJsonObject).nullable(),
} as const;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
export type StructuredReport = Pick<AdapterExecutionResult, keyof typeof FIELDS>;

/**
 * Reads the report out of captured output; empty when the last non-empty line is none.
 * The error fields are left out for a run that did not fail (AD-77).
 */
export function readStructuredReport(input: { readonly stdout: string; readonly failed: boolean }): StructuredReport {
  const given = lastLineReport(input.stdout);
  if (given === null) return {};
  const report: Mutable<StructuredReport> = {};
  const take = <Key extends keyof StructuredReport>(key: Key): void => {
    const parsed = FIELDS[key].safeParse(given[key]);
    // The schema of a key produces that key's type; the compiler cannot see it through the table.
    if (parsed.success) report[key] = parsed.data as StructuredReport[Key];
  };
  for (const key of ["summary", "usage", "costUsd", "sessionParams"] as const) take(key);
  if (input.failed) for (const key of ["errorCode", "errorFamily", "retryNotBefore"] as const) take(key);
  return report;
}

function lastLineReport(stdout: string): JsonObject | null {
  const text = stdout.trimEnd();
  const line = text.slice(text.lastIndexOf("\n") + 1).trim();
  if (!line.startsWith("{")) return null;
  let parsed: JsonValue;
  try {
    parsed = JSON.parse(line) as JsonValue;
  } catch {
    // An ordinary line that happens to begin with a brace.
    return null;
  }
  const report = isJsonObject(parsed) ? parsed["wakefleetResult"] : undefined;
  return isJsonObject(report) ? report : null;
}
