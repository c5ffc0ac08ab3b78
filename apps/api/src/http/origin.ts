/** Where a request says it comes from: the checks of API-17, API-27 and API-33. */
import type { IncomingMessage } from "node:http";
import { isLoopbackHost } from "@wakefleet/config";
import { WakefleetError } from "@wakefleet/contracts";
import type { RequestHandler } from "express";

function hostOf(url: string | undefined): string | null {
  return url !== undefined && URL.canParse(url) ? new URL(url).host : null;
}

function isOwnHost(host: string, own: { req: IncomingMessage; publicUrl: string | null }): boolean {
  return host === own.req.headers.host || (own.publicUrl !== null && host === new URL(own.publicUrl).host);
}

/**
 * Refuses a mutation that a page of another site may have caused (API-33). `required`: a browser session must name its
 * origin; otherwise only a foreign one is refused.
 */
export function assertTrustedOrigin(
  req: IncomingMessage,
  options: { publicUrl: string | null; required: boolean },
): void {
  const given = req.headers.origin ?? req.headers.referer;
  const host = hostOf(given);
  const trusted = given === undefined ? !options.required : host !== null && isOwnHost(host, { req, ...options });
  if (!trusted) throw new WakefleetError("forbidden", "Board mutation requires trusted browser origin");
}

/** True when a `Host` header names this machine only. */
function isLoopbackHostHeader(host: string | undefined): boolean {
  return host !== undefined && URL.canParse(`http://${host}`) && isLoopbackHost(new URL(`http://${host}`).hostname);
}

/** `local_trusted` answers only requests whose `Host` is a loopback name (API-27): a page elsewhere cannot rebind to us. */
export const loopbackHostOnly: RequestHandler = (req, _res, next) => {
  if (!isLoopbackHostHeader(req.headers.host)) {
    throw new WakefleetError("forbidden", "This server answers only requests to a loopback host name");
  }
  next();
};

/** CORS for the configured origins only (API-17); without any, `OPTIONS` is like any unknown verb. */
export function corsMiddleware(origins: readonly string[]): RequestHandler {
  return (req, res, next) => {
    const { origin } = req.headers;
    if (origins.length === 0 || origin === undefined) return next();
    res.vary("Origin");
    if (!origins.includes(origin)) return next();
    res.setHeader("Access-Control-Allow-Origin", origin);
    res.setHeader(
      "Access-Control-Expose-Headers",
      "X-Request-Id, X-Wakeup-Id, X-Wakeup-Outcome, Location, Link, X-Next-Cursor, Idempotency-Replayed, Retry-After",
    );
    if (req.method !== "OPTIONS") return next();
    res.setHeader("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    res.setHeader(
      "Access-Control-Allow-Headers",
      "Authorization, Content-Type, Idempotency-Key, X-Request-Id, X-Wakefleet-Run-Id, X-Paperclip-Run-Id, Last-Event-ID",
    );
    res.setHeader("Access-Control-Max-Age", "600");
    res.status(204).end();
  };
}
