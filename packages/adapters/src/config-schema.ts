/** The settings of an adapter as a form and a document show them (AD-2). */
import type { JsonObject } from "@wakefleet/contracts";
import { z } from "zod";

/** JSON Schema of what a person may write: fields with a default are not required. */
export function configSchemaOf(schema: z.ZodType): JsonObject {
  // A JSON Schema is a JSON object; zod types it more loosely.
  return z.toJSONSchema(schema, { io: "input" }) as JsonObject;
}
