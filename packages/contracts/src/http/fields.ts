/**
 * The fields HTTP bodies are built from. Each is representable in JSON Schema, so that the document at /openapi.json says
 * what the validation does (API-302), and none carries a default: a PATCH changes only the keys that are present (API-7).
 */
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../json.js";

/** Greatest value of PostgreSQL's `integer`: what the columns for cents and counters hold. */
export const INT32_MAX = 2_147_483_647;
export const NAME_MAX_CHARS = 120;

/** Any 8-4-4-4-12 hexadecimal form (API-4). */
export const guidField = z.guid();

/**
 * A JSON object, handed on as it came: unlike a zod record it keeps a key named `__proto__` as plain data (API-9).
 */
export const jsonObjectField = z
  .custom<JsonObject>((value) => isJsonObject(value), { message: "Invalid input: expected object" })
  .meta({ type: "object", additionalProperties: true });

/** The two-character sequences backslash-r, backslash-n become line breaks (API-8). */
export function unescapeLineBreaks(text: string): string {
  return text.replace(/\\r\\n|\\n|\\r/g, "\n");
}

/** A text of several lines (API-8). */
export const multiLineField = z.string().overwrite(unescapeLineBreaks);
/** A text of several lines with at least one character. */
export const requiredMultiLineField = z.string().min(1).overwrite(unescapeLineBreaks);

/** Integer cents that fit their column. */
export const centsField = z.int().min(0).max(INT32_MAX);

/** An instant in ISO 8601 with any offset. */
export const instantField = z.iso.datetime({ offset: true });

/** `integer` within 0..INT32_MAX. */
export const countField = z.int().min(0).max(INT32_MAX);

/** How rows answer an instant: ISO 8601 UTC with milliseconds (API-3). */
export const answeredInstant = z.iso.datetime();
