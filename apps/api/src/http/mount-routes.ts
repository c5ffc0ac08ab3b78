/**
 * Puts the route table on an Express router, in the order of checks of API-19: rate limit, authentication, body, schema,
 * and then the handler with existence, company, guard and state.
 */

import { type JsonValue, WakefleetError } from "@wakefleet/contracts";
import { wellFormedText } from "@wakefleet/domain";
import { type Request, type Response, Router } from "express";
import type { ApiDeps } from "../deps.js";
import type { Principal } from "../principal.js";
import { type Authenticator, credentialOf, rateLimited } from "./authenticate.js";
import { readJsonBody } from "./body.js";
import { setBudgetHeader } from "./budget-header.js";
import { insufficientScope } from "./guards.js";
import { validationError } from "./problems.js";
import { answerOnce } from "./repeatable.js";
import { requestIdOf } from "./request-id.js";
import { type Answer, isRepeatable, type Route, type RouteCall } from "./route.js";

const routePatterns = new WeakMap<Request, string>();

/** The pattern of the route that took a request, for metrics; null when none did. */
export function routePatternOf(req: Request): string | null {
  return routePatterns.get(req) ?? null;
}

/** The caller's network address. */
export function addressOf(req: Request): string {
  return req.socket.remoteAddress ?? "unknown";
}

export function mountRoutes(routes: readonly Route[], deps: ServingDeps): Router {
  const router = Router();
  for (const route of routes) {
    router[route.method](route.path, async (req, res) => {
      routePatterns.set(req, route.path);
      await serve(route, { req, res, deps });
    });
  }
  return router;
}

type ServingDeps = Pick<ApiDeps, "settings" | "buckets" | "censor" | "db" | "log"> & { authenticator: Authenticator };

interface Serving {
  readonly req: Request;
  readonly res: Response;
  readonly deps: ServingDeps;
}

async function serve(route: Route, { req, res, deps }: Serving): Promise<void> {
  const queryToken = route.tokenInQuery === true && typeof req.query["token"] === "string" ? req.query["token"] : null;
  const credential = credentialOf(req, queryToken);
  const bucketOwner = credential.kind === "none" ? `address:${addressOf(req)}` : credential.id;
  const takeTokens = async (tokens: number): Promise<void> => {
    if (route.rate === "none") return;
    const rate = { read: "reads", write: "writes", wakeup: "wakeups" } as const;
    const limit = deps.settings.rateLimits[rate[route.rate]];
    const answer = await deps.buckets.take({ key: `${route.rate}:${bucketOwner}`, limit, tokens });
    if (!answer.allowed) throw rateLimited(answer.retryAfterSec, limit);
  };
  if (route.access !== "anyone") await takeTokens(1);
  const caller =
    route.access === "anyone"
      ? null
      : await deps.authenticator.authenticate({ req, credential, address: addressOf(req) });
  setBudgetHeader(res, caller);
  if (caller === null && route.access !== "anyone") throw new WakefleetError("unauthenticated", "Unauthorized");

  const { body, sent, bodyBytes } = await parsedBody(route, { req, res, deps });
  const query = route.query === undefined ? undefined : parse(route.query, cleanQuery(req.query));
  if (caller?.kind === "enqueue" && route.access === "caller") throw insufficientScope();

  const call: RouteCall<string, unknown, unknown> = {
    params: cleanParams(req.params),
    query,
    body,
    sent,
    bodyBytes,
    // Handlers of routes for anyone have no business with a caller; everywhere else there is one.
    caller: caller as Principal,
    requestId: requestIdOf(req),
    req,
    res,
    takeTokens,
  };
  const handle = async (): Promise<Answer> => {
    const answer = await route.handle(call);
    return route.masksUser === true ? await maskedAnswer(answer, deps.censor) : answer;
  };
  await send(res, isRepeatable(route) ? await answerOnce(route, { deps, call, handle }) : await handle());
}

/** API-16. */
async function maskedAnswer(answer: Answer, censor: ApiDeps["censor"]): Promise<Answer> {
  if (!("body" in answer)) return answer;
  await censor.refresh();
  return { ...answer, body: censor.maskJson(asJson(answer.body)) };
}

/** The body as its reader will see it: instants as texts, nothing undefined. */
function asJson(body: unknown): JsonValue {
  return JSON.parse(JSON.stringify(body ?? null)) as JsonValue;
}

interface ParsedBody {
  readonly body: unknown;
  readonly sent: unknown;
  readonly bodyBytes: number;
}

async function parsedBody(route: Route, { req, res, deps }: Serving): Promise<ParsedBody> {
  if (route.method === "get" || route.bodyType === "form") return { body: undefined, sent: undefined, bodyBytes: 0 };
  // Routes without a body still refuse one that is not JSON, so that a mistake is told and not ignored.
  const { value, bytes } = await readJsonBody(req, res, deps.settings.bodyLimitBytes);
  route.beforeSchema?.(value);
  return { body: route.body === undefined ? undefined : parse(route.body, value), sent: value, bodyBytes: bytes };
}

function parse(schema: NonNullable<Route["body"]>, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw validationError(parsed.error);
  return parsed.data;
}

function cleanQuery(query: Request["query"]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, typeof value === "string" ? wellFormedText(value) : value]),
  );
}

function cleanParams(params: Request["params"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      wellFormedText(Array.isArray(value) ? value.join("/") : value),
    ]),
  );
}

async function send(res: Response, answer: Answer): Promise<void> {
  if ("stream" in answer) {
    await answer.stream(res);
    return;
  }
  for (const [name, value] of Object.entries(answer.headers ?? {})) res.setHeader(name, value);
  if ("text" in answer) {
    res.status(answer.status).setHeader("Content-Type", answer.contentType).end(answer.text);
    return;
  }
  res
    .status(answer.status)
    .setHeader("Content-Type", "application/json; charset=utf-8")
    .end(JSON.stringify(answer.body));
}
