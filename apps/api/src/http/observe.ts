/** One log line and one count for each request (API-310, OP-24). The query is left out: it may hold a token (API-29). */
import type { RequestHandler } from "express";
import type { ApiDeps } from "../deps.js";
import { routePatternOf } from "./mount-routes.js";
import { requestIdOf } from "./request-id.js";

/** Methods that may stand in a label. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export function observe(deps: Pick<ApiDeps, "metrics" | "log">): RequestHandler {
  return (req, res, next) => {
    const from = performance.now();
    const { method, path } = req;
    res.on("close", () => {
      const seconds = (performance.now() - from) / 1_000;
      const labels = {
        method: METHODS.has(method) ? method : "other",
        route: routePatternOf(req) ?? "unmatched",
        status: String(res.statusCode),
      };
      deps.metrics.httpRequests.inc(labels);
      deps.metrics.httpRequestDuration.observe(labels, seconds);
      deps.log.debug(
        { requestId: requestIdOf(req), method, path, status: res.statusCode, durationMs: Math.round(seconds * 1_000) },
        "request answered",
      );
    });
    next();
  };
}
