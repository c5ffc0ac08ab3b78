/** Fields of query strings: everything arrives as text. */
import { isGuid, WakefleetError } from "@wakefleet/contracts";
import { z } from "zod";

/** A whole number within bounds; what is absent or unreadable takes the default, what is outside is clamped. */
export function clampedNumber(bounds: {
  min: number;
  max: number;
  fallback: number;
}): z.ZodType<number, string | undefined> {
  return z
    .string()
    .optional()
    .transform((text) => {
      const number = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
      if (!Number.isFinite(number)) return bounds.fallback;
      return Math.min(bounds.max, Math.max(bounds.min, Math.floor(number)));
    })
    .meta({ type: "integer", minimum: bounds.min, maximum: bounds.max, default: bounds.fallback });
}

/** Words separated by commas; absent when empty. */
export const commaList = z
  .string()
  .optional()
  .transform((text) => {
    const words = (text ?? "")
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== "");
    return words.length === 0 ? undefined : words;
  });

/** A text; absent when empty. */
export const textField = z
  .string()
  .optional()
  .transform((text) => (text === undefined || text === "" ? undefined : text));

export const flagField = z
  .string()
  .optional()
  .transform((text) => text === "true" || text === "1")
  .meta({ type: "boolean", default: false });

/** An instant in ISO 8601. */
export const instantQuery = z
  .string()
  .optional()
  .transform((text, context) => {
    if (text === undefined || text === "") return undefined;
    const instant = new Date(text);
    if (Number.isNaN(instant.getTime()) || Math.abs(instant.getUTCFullYear()) > 9_999) {
      context.issues.push({ code: "custom", input: text, message: "Invalid ISO datetime" });
      return z.NEVER;
    }
    return instant;
  })
  .meta({ type: "string", format: "date-time" });

/** An id, or a `cursor` as `X-Next-Cursor` gave it (API-11); anything else is a validation failure that names the parameter. */
export const guidQuery = z
  .string()
  .optional()
  .transform((text, context) => {
    if (text === undefined || text === "") return undefined;
    if (!isGuid(text)) {
      context.issues.push({ code: "custom", input: text, message: "Invalid UUID" });
      return z.NEVER;
    }
    return text.toLowerCase();
  })
  .meta({ type: "string", format: "uuid" });

/** Requires a path id to be a UUID, else the entity's 404 (API-4). */
export function pathId(id: string, notFound: string): string {
  if (!isGuid(id)) throw new WakefleetError("not_found", notFound);
  return id.toLowerCase();
}

/** Throws the entity's 404 for a row that is not there. */
export function found<Row>(row: Row | null | undefined, notFound: string): Row {
  if (row === null || row === undefined) throw new WakefleetError("not_found", notFound);
  return row;
}
