/** Lets the board into pages beside the API: Bull Board and the console (API-304). */
import { WakefleetError } from "@wakefleet/contracts";
import type { Request, RequestHandler } from "express";
import type { BoardPrincipal } from "../principal.js";
import { type Authenticator, credentialOf } from "./authenticate.js";
import { assertBoard } from "./guards.js";
import { addressOf } from "./mount-routes.js";

const principals = new WeakMap<Request, BoardPrincipal>();

/** The board principal of a request that {@link boardOnly} let through. */
export function boardOf(req: Request): BoardPrincipal {
  const principal = principals.get(req);
  if (principal === undefined) throw new Error("boardOf was asked for a request that boardOnly did not see");
  return principal;
}

function wantsPage(req: Request): boolean {
  return (req.method === "GET" || req.method === "HEAD") && req.accepts(["json", "html"]) === "html";
}

/** A browser without a session is sent to `/login`; others are answered 401 or 403. */
export function boardOnly(authenticator: Authenticator): RequestHandler {
  return async (req, res, next) => {
    try {
      const credential = credentialOf(req, null);
      const caller = await authenticator.authenticate({ req, credential, address: addressOf(req) });
      if (caller === null) throw new WakefleetError("unauthenticated", "Unauthorized");
      assertBoard(caller);
      principals.set(req, caller);
    } catch (error) {
      if (error instanceof WakefleetError && error.code === "unauthenticated" && wantsPage(req)) {
        res.redirect(303, `/login?next=${encodeURIComponent(req.originalUrl)}`);
        return;
      }
      throw error;
    }
    next();
  };
}
