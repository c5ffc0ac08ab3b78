/** The session codec of adapters that bring none: process, http, gateways (AD-37, SE-26). */
import { isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { SessionCodec } from "./contract.js";

function nonEmptyObject(value: unknown): JsonObject | null {
  return isJsonObject(value) && Object.keys(value).length > 0 ? value : null;
}

/** Any object with a key passes unchanged; the display id is a non-empty `sessionId` (SE-26). */
export const defaultSessionCodec: Required<SessionCodec> = {
  deserialize: nonEmptyObject,
  serialize: nonEmptyObject,
  getDisplayId: (params) => nonEmptyString(params?.["sessionId"]),
};
