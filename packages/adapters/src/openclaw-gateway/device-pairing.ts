/**
 * Approves this device's own pairing request (AD-318): a gateway that does not know a device yet refuses it until somebody
 * with a shared secret approves it. That somebody may be us, over a second connection without a device.
 */
import { isJsonObject, type JsonObject } from "@wakefleet/contracts";
import { firstText } from "../event-fields.js";
import { type GatewayConnection, GatewayRequestError } from "./gateway-client.js";

const PAIRING_REQUIRED = /pairing required/i;
const REQUEST_ID_IN_TEXT = /\brequest\s?id\b\s*[:=]?\s*["']?([\w-]{6,})/i;

/** True when the gateway asks for this device to be paired. */
export function isPairingRequired(error: unknown): boolean {
  return error instanceof Error && PAIRING_REQUIRED.test(error.message);
}

/** The pairing request's id as the refusal names it; null when it does not. */
export function pairingRequestId(error: unknown): string | null {
  if (error instanceof GatewayRequestError) {
    const named = firstText(error.details, ["requestId", "pairingRequestId"]);
    if (named !== null) return named;
  }
  return error instanceof Error ? (REQUEST_ID_IN_TEXT.exec(error.message)?.[1] ?? null) : null;
}

/**
 * Approves the request over a connection that has the scope `operator.pairing`. Without a known id the pending request of
 * this device is taken, else the last one. Gives the id that was approved.
 * @throws Error when none is pending; whatever the gateway answers.
 */
export async function approvePairing(input: {
  readonly connection: GatewayConnection;
  readonly requestId: string | null;
  readonly deviceId: string;
  /** Milliseconds for each of the two requests. */
  readonly timeoutMs: number;
}): Promise<string> {
  const { connection, deviceId, timeoutMs } = input;
  const requestId =
    input.requestId ??
    pendingRequestId(await connection.request({ method: "device.pair.list", params: {}, timeoutMs }), deviceId);
  if (requestId === null) throw new Error("The gateway has no pending pairing request");
  await connection.request({ method: "device.pair.approve", params: { requestId }, timeoutMs });
  return requestId;
}

function pendingRequestId(list: JsonObject, deviceId: string): string | null {
  const pending = Array.isArray(list["pending"]) ? list["pending"].filter(isJsonObject) : [];
  const own = pending.findLast((entry) => firstText(entry, ["deviceId"]) === deviceId) ?? pending.at(-1);
  return own === undefined ? null : firstText(own, ["requestId"]);
}
