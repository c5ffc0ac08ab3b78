/**
 * The one place where an error becomes an answer (API-40 to API-59). What must stay true: nothing internal leaves (no
 * stack, SQL, path or token), and whatever a caller sends, the answer is not a 5xx.
 */
import { ERRORS, type ErrorCode, WakefleetError } from "@wakefleet/contracts";
import { isStoreUnavailable } from "@wakefleet/store";
import type { ErrorRequestHandler, Request, Response } from "express";
import { z } from "zod";
import type { ApiLog } from "../deps.js";
import { requestIdOf } from "./request-id.js";

/** Seconds in `Retry-After` while PostgreSQL is away (API-57). */
const STORE_RETRY_AFTER_SEC = 5;

export interface Problem {
  readonly error: string;
  readonly details?: unknown;
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly requestId: string;
}

/** A `WakefleetError` with answer headers of its own. */
export class HttpError extends WakefleetError {
  constructor(
    code: ErrorCode,
    message: string,
    details: unknown,
    readonly headers: Readonly<Record<string, string>>,
  ) {
    super(code, message, details);
  }
}

/** Zod's findings as they are answered (API-44). */
export function validationError(error: z.ZodError): WakefleetError {
  const details = error.issues.map((issue) => ({
    path: issue.path.map((part) => (typeof part === "symbol" ? String(part) : part)),
    message: issue.message,
    code: issue.code,
  }));
  return new WakefleetError("validation_failed", "Validation error", details);
}

/** The body of an error (API-40); also what a batch answers for one of its items (API-112). */
export function problemOf(error: WakefleetError, at: { path: string; requestId: string }): Problem {
  return {
    error: error.message,
    ...(error.details === undefined ? {} : { details: error.details }),
    type: `/docs/problems#${error.code}`,
    title: ERRORS[error.code].title,
    status: error.status,
    detail: error.message,
    instance: at.path,
    code: error.code,
    requestId: at.requestId,
  };
}

/** PostgreSQL's refusals that a caller's values can cause and no schema caught: data exceptions and broken references. */
function refusedByDatabase(error: unknown): WakefleetError | null {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  if (typeof code !== "string") return null;
  if (/^22/.test(code)) return new WakefleetError("bad_request", "A value cannot be stored; check its size and form");
  if (code === "23503")
    return new WakefleetError("conflict", "The request refers to something that is not there any more");
  if (code === "23505")
    return new WakefleetError("conflict", "Another request changed the same thing at the same time");
  return null;
}

/** Every error as one of the catalogue. */
export function toWakefleetError(error: unknown): WakefleetError {
  if (error instanceof WakefleetError) return error;
  if (error instanceof z.ZodError) return validationError(error);
  if (error instanceof URIError) return new WakefleetError("bad_request", "The path is not valid percent-encoding");
  if (isStoreUnavailable(error)) {
    return new WakefleetError("store_unavailable", "The database is not reachable", undefined, { cause: error });
  }
  return (
    refusedByDatabase(error) ?? new WakefleetError("internal", "Internal server error", undefined, { cause: error })
  );
}

/** Answers an error. The type follows `Accept`, the body is the same (API-40). */
export function sendProblem(req: Request, res: Response, error: WakefleetError): void {
  const requestId = requestIdOf(req);
  if (error.code === "unauthenticated") res.setHeader("WWW-Authenticate", "Bearer");
  if (error.code === "store_unavailable") res.setHeader("Retry-After", String(STORE_RETRY_AFTER_SEC));
  if (error instanceof HttpError) {
    for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  }
  const wantsProblem = /application\/problem\+json/i.test(req.headers.accept ?? "");
  res
    .status(error.status)
    .setHeader("Cache-Control", "no-store")
    .setHeader("Content-Type", `${wantsProblem ? "application/problem+json" : "application/json"}; charset=utf-8`)
    .end(JSON.stringify(problemOf(error, { path: req.path, requestId })));
}

/** The last middleware. */
export function problemMiddleware(log: ApiLog): ErrorRequestHandler {
  return (thrown, req, res, _next) => {
    const error = toWakefleetError(thrown);
    if (error.status >= 500) {
      log.error(
        { requestId: requestIdOf(req), method: req.method, path: req.path, err: error.cause ?? error },
        error.code === "internal" ? "request failed unexpectedly" : "request failed",
      );
    }
    if (res.headersSent) {
      // A stream that already began cannot turn into an error answer; its client sees it end.
      res.destroy();
      return;
    }
    sendProblem(req, res, error);
  };
}
