/**
 * Checks of the `openclaw_gateway` adapter (AD-322). The probe connects without a device, so that testing never leaves a
 * pairing request behind, and asks for nothing.
 */
import {
  type EnvironmentCheck,
  type EnvironmentTestContext,
  type EnvironmentTestResult,
  summariseChecks,
} from "../contract.js";
import { connectParams } from "./connect-params.js";
import { connectGateway, GatewayRequestError } from "./gateway-client.js";
import { type OpenClawGatewayConfig, readOpenClawGatewayConfig } from "./gateway-config.js";
import { judgeGatewayUrl, shownGatewayUrl } from "./gateway-url.js";

/** AD-322. */
const PROBE_TIMEOUT_MS = 3000;

export async function testOpenClawGatewayEnvironment(context: EnvironmentTestContext): Promise<EnvironmentTestResult> {
  const config = readOpenClawGatewayConfig(context.config);
  return summariseChecks({
    adapterType: context.adapterType,
    checks: await checksOf(config),
    testedAt: new Date(),
  });
}

async function checksOf(config: OpenClawGatewayConfig): Promise<EnvironmentCheck[]> {
  const address = judgeGatewayUrl(config.url);
  if (address.kind !== "valid") {
    const code = address.kind === "protocol" ? "protocol_invalid" : address.kind;
    return [
      {
        code: `openclaw_gateway_url_${code}`,
        level: "error",
        message: address.message,
        hint: "Set adapterConfig.url to the gateway's address, such as wss://gateway.example.com.",
      },
    ];
  }
  const checks: EnvironmentCheck[] = [
    {
      code: "openclaw_gateway_url_valid",
      level: "info",
      message: `The gateway's address is valid: ${shownGatewayUrl(address.url)}`,
    },
  ];
  if (address.exposed) {
    checks.push({
      code: "openclaw_gateway_plaintext_remote_ws",
      level: "warn",
      message: "The gateway is on another machine and the connection is not encrypted",
      hint: "Use wss://, or a tunnel to a loopback address.",
    });
  }
  checks.push(authCheck(config), await probe(config, address.url));
  return checks;
}

function authCheck(config: OpenClawGatewayConfig): EnvironmentCheck {
  if (config.authToken !== null || config.password !== null || config.deviceToken !== null) {
    return { code: "openclaw_gateway_auth_present", level: "info", message: "Credentials for the gateway are set" };
  }
  return {
    code: "openclaw_gateway_auth_missing",
    level: "warn",
    message: "No token and no password for the gateway are set",
    hint: "Set adapterConfig.authToken (best as a secret) unless the gateway lets everybody in.",
  };
}

async function probe(config: OpenClawGatewayConfig, url: URL): Promise<EnvironmentCheck> {
  let challenged = false;
  try {
    const connection = await connectGateway({
      url,
      headers: config.headers,
      timeoutMs: PROBE_TIMEOUT_MS,
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      connectParams: (nonce) =>
        connectParams({
          config,
          device: null,
          scopes: config.scopes,
          nonce,
          signedAt: new Date(),
          platform: process.platform,
        }),
      onChallenge() {
        challenged = true;
      },
    });
    connection.close();
    return { code: "openclaw_gateway_probe_ok", level: "info", message: "The gateway let us in" };
  } catch (error) {
    return probeFailure(error, challenged);
  }
}

function probeFailure(error: unknown, challenged: boolean): EnvironmentCheck {
  const detail = (error instanceof Error ? error.message : String(error)).slice(0, 240);
  if (challenged) {
    return {
      code: "openclaw_gateway_probe_challenge_only",
      level: "warn",
      message:
        error instanceof GatewayRequestError
          ? "The gateway answered, but did not let us in without a device"
          : "The gateway answered, but did not finish letting us in",
      detail,
      hint: "Runs sign in with a device. If they fail too, check the token and the device's pairing.",
    };
  }
  const isTimeout =
    error instanceof Error && (error.name === "TimeoutError" || /timeout|timed out/i.test(error.message));
  return {
    code: isTimeout ? "openclaw_gateway_probe_failed" : "openclaw_gateway_probe_error",
    level: "warn",
    message: isTimeout
      ? `The gateway sent no challenge within ${PROBE_TIMEOUT_MS} ms`
      : "The gateway could not be reached",
    detail,
    hint: "Check the address, and that the worker's machine reaches the gateway.",
  };
}
