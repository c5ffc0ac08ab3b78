/** The `connect` request (AD-313). */
import type { JsonObject } from "@wakefleet/contracts";
import type { OpenClawGatewayConfig } from "./gateway-config.js";
import type { GatewayDevice } from "./gateway-device.js";

/** AD-313. */
export const GATEWAY_PROTOCOL = 3;

export interface ConnectParamsInput {
  readonly config: OpenClawGatewayConfig;
  /** Null connects without a device. */
  readonly device: GatewayDevice | null;
  readonly scopes: readonly string[];
  /** From the server's challenge. */
  readonly nonce: string;
  readonly signedAt: Date;
  /** As `process.platform`. */
  readonly platform: string;
}

/** Who connects, with which rights, and the proof that it holds the device's key. */
export function connectParams(input: ConnectParamsInput): JsonObject {
  const { config, device, scopes, platform } = input;
  const auth: JsonObject = {
    ...(config.authToken === null ? {} : { token: config.authToken }),
    ...(config.deviceToken === null ? {} : { deviceToken: config.deviceToken }),
    ...(config.password === null ? {} : { password: config.password }),
  };
  return {
    minProtocol: GATEWAY_PROTOCOL,
    maxProtocol: GATEWAY_PROTOCOL,
    client: {
      id: config.clientId,
      version: config.clientVersion,
      platform,
      mode: config.clientMode,
      ...(config.deviceFamily === null ? {} : { deviceFamily: config.deviceFamily }),
    },
    role: config.role,
    scopes: [...scopes],
    ...(Object.keys(auth).length === 0 ? {} : { auth }),
    ...(device === null ? {} : { device: signedDevice({ ...input, device }) }),
  };
}

function signedDevice(input: ConnectParamsInput & { readonly device: GatewayDevice }): JsonObject {
  const { config, device } = input;
  const signedAt = input.signedAt.getTime();
  const text = [
    "v3",
    device.id,
    config.clientId,
    config.clientMode,
    config.role,
    input.scopes.join(","),
    String(signedAt),
    config.authToken ?? config.deviceToken ?? "",
    input.nonce,
    input.platform,
    config.deviceFamily ?? "",
  ].join("|");
  return {
    id: device.id,
    publicKey: device.publicKey,
    signature: device.sign(text),
    signedAt,
    nonce: input.nonce,
  };
}
