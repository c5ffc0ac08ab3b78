/** The `Idempotency-Key` header (API-102 table) and the fingerprints of requests (WK-42, API-308). */
import { createHash, createHmac } from "node:crypto";
import {
  idempotencyKeySchema,
  isJsonObject,
  type JsonValue,
  WakefleetError,
  type WakeupBody,
} from "@wakefleet/contracts";
import { wellFormedText } from "@wakefleet/domain";

/**
 * Reads the header: a quoted structured string loses its quotes, a bare one is taken as it is; null without one.
 * @throws WakefleetError 400 for a key that is blank or longer than `maxChars`.
 */
export function readIdempotencyKeyHeader(header: string | undefined, maxChars: number): string | null {
  if (header === undefined) return null;
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header.trim())?.[1];
  const key = wellFormedText(quoted === undefined ? header.trim() : quoted.replace(/\\(["\\])/g, "$1"));
  if (!idempotencyKeySchema.safeParse(key).success || key.length > maxChars) {
    throw new WakefleetError("bad_request", `Idempotency-Key must have 1 to ${maxChars} characters and not be blank`);
  }
  return key;
}

function canonical(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, field]) => [key, canonical(field)]),
  );
}

/** SHA-256 (hex) of what was asked: the parsed body with its defaults but without its key, and the agent (WK-42). */
export function wakeupFingerprint(agentId: string, body: WakeupBody): string {
  const { idempotencyKey: _key, ...asked } = body;
  return createHash("sha256")
    .update(JSON.stringify(canonical({ ...asked, agentId })))
    .digest("hex");
}

/**
 * What was asked of any other route (API-308). Bodies may hold secrets, so it is no plain hash: without the instance's own
 * secret nobody can try values against it.
 */
export function requestFingerprint(asked: JsonValue, instanceSecret: string): string {
  return createHmac("sha256", instanceSecret)
    .update(`repeatable ${JSON.stringify(canonical(asked))}`)
    .digest("hex");
}
