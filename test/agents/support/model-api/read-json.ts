/** Reads what CLIs send without trusting its shape. */
import { isJsonObject, type JsonObject, type JsonValue } from "@wakefleet/contracts";

/** The objects of a list; none for anything else. */
export function objectsOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** Text that is a string, or a list of parts with `text`. */
export function textOf(value: JsonValue | undefined): string {
  if (typeof value === "string") return value;
  return objectsOf(value)
    .map((part) => (typeof part["text"] === "string" ? part["text"] : ""))
    .join("\n");
}
