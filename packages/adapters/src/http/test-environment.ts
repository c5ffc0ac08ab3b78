/** Checks of the `http` adapter (AD-91): the settings, then one `HEAD` request. */
import {
  type EnvironmentCheck,
  type EnvironmentTestContext,
  type EnvironmentTestResult,
  summariseChecks,
} from "../contract.js";
import { discardBody, send } from "./http-client.js";
import { readHttpConfig } from "./http-config.js";

/** AD-91. */
const PROBE_LIMIT_MS = 3_000;
/** Answers of a server that is there but does not know HEAD. */
const NO_HEAD_STATUSES: ReadonlySet<number> = new Set([405, 501]);

export async function testHttpEnvironment(context: EnvironmentTestContext): Promise<EnvironmentTestResult> {
  return summariseChecks({
    adapterType: context.adapterType,
    checks: await runChecks(context),
    testedAt: new Date(),
  });
}

async function runChecks(context: EnvironmentTestContext): Promise<EnvironmentCheck[]> {
  const config = readHttpConfig(context.config);
  if (config.url === "") {
    return [
      {
        code: "http_url_missing",
        level: "error",
        message: "The http adapter has no url",
        hint: "Set adapterConfig.url to the address that wakes the agent.",
      },
    ];
  }
  const method: EnvironmentCheck = {
    code: "http_method_configured",
    level: "info",
    message: `Requests are sent with ${config.method}`,
  };
  if (!URL.canParse(config.url)) {
    return [
      {
        code: "http_url_invalid",
        level: "error",
        message: `Not a URL: "${config.url}"`,
        hint: "Give a full address, such as https://example.com/wake.",
      },
      method,
    ];
  }
  const url = new URL(config.url);
  const isHttp = url.protocol === "http:" || url.protocol === "https:";
  const checks: EnvironmentCheck[] = [];
  if (!isHttp) {
    checks.push({
      code: "http_url_protocol_invalid",
      level: "error",
      message: `Protocol is ${url.protocol}`,
      hint: "Use http or https.",
    });
  }
  checks.push({ code: "http_url_valid", level: "info", message: `URL is valid: ${config.url}` }, method);
  if (isHttp) checks.push(await probe(url));
  return checks;
}

async function probe(url: URL): Promise<EnvironmentCheck> {
  try {
    const response = await send(url, { method: "HEAD", signal: AbortSignal.timeout(PROBE_LIMIT_MS) });
    await discardBody(response);
    if (response.ok || NO_HEAD_STATUSES.has(response.status)) {
      return {
        code: "http_endpoint_probe_ok",
        level: "info",
        message: `The endpoint answered HEAD with ${response.status}`,
      };
    }
    return {
      code: "http_endpoint_probe_unexpected_status",
      level: "warn",
      message: `The endpoint answered HEAD with ${response.status}`,
      hint: "Check the address and its access rules; the run itself may still work.",
    };
  } catch (error) {
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return {
      code: "http_endpoint_probe_failed",
      level: "warn",
      message: "The endpoint did not answer a HEAD request",
      detail: reason instanceof Error ? reason.message : String(reason),
      hint: "Check that the server runs and that the worker can reach it.",
    };
  }
}
