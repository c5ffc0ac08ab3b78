/** `X-Request-Id` (API-12): the caller's if it is 1..128 visible characters, else ours; answered always. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { RequestHandler } from "express";

const VISIBLE = /^[\x21-\x7e]{1,128}$/;
const ids = new WeakMap<IncomingMessage, string>();

/** The request's id. */
export function requestIdOf(req: IncomingMessage): string {
  let id = ids.get(req);
  if (id === undefined) {
    const given = req.headers["x-request-id"];
    id = typeof given === "string" && VISIBLE.test(given) ? given : randomUUID();
    ids.set(req, id);
  }
  return id;
}

export const requestIdMiddleware: RequestHandler = (req, res, next) => {
  res.setHeader("X-Request-Id", requestIdOf(req));
  next();
};
