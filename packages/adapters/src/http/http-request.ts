/** What the `http` adapter sends (AD-86, AD-90). */

import type { AdapterExecutionContext } from "../contract.js";
import type { HttpConfig } from "./http-config.js";

export interface PreparedRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | null;
}

/**
 * Builds the request.
 * @throws Error when the URL, the method or a header cannot be sent; the text never quotes a header's value.
 */
export function prepareRequest(
  config: HttpConfig,
  execution: Pick<AdapterExecutionContext, "runId" | "agent" | "context" | "claimToken">,
): PreparedRequest {
  if (config.url === "") throw new Error("HTTP adapter missing url");
  const sendsBody = config.method !== "GET" && config.method !== "HEAD";
  return {
    url: readUrl(config.url),
    method: readMethod(config.method),
    headers: readHeaders(
      {
        ...(sendsBody ? { "content-type": "application/json" } : {}),
        "x-wakefleet-run-id": execution.runId,
        "x-paperclip-run-id": execution.runId,
        ...(execution.claimToken === undefined ? {} : { "x-wakefleet-claim-token": String(execution.claimToken) }),
      },
      config.headers,
    ),
    body: sendsBody
      ? JSON.stringify({
          ...config.payloadTemplate,
          agentId: execution.agent.id,
          runId: execution.runId,
          context: execution.context,
        })
      : null,
  };
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new Error(`HTTP adapter url is not an http or https address: "${text}"`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error("HTTP adapter url must not hold a user name or password. Send them in headers.Authorization.");
  }
  return url;
}

function readMethod(method: string): string {
  if (!/^[A-Z][A-Z-]*$/.test(method) || ["CONNECT", "TRACE", "TRACK"].includes(method)) {
    throw new Error(`HTTP adapter cannot send the method "${method}"`);
  }
  return method;
}

/** Configured headers win, whatever their case. */
function readHeaders(own: Readonly<Record<string, string>>, configured: Readonly<Record<string, string>>): Headers {
  const headers = new Headers(own);
  for (const [name, value] of Object.entries(configured)) {
    try {
      headers.set(name, value);
    } catch {
      // The library's text quotes the value, which may be a credential.
      throw new Error(
        `HTTP adapter header "${name}" cannot be sent: its name or value holds characters that are not allowed`,
      );
    }
  }
  return headers;
}
