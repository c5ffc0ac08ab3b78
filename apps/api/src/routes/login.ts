/** `/login` and `/logout` (API-304, API-33): a form that takes a key and opens a browser session. */
import type { Request } from "express";
import { z } from "zod";
import { readFormBody } from "../http/body.js";
import { loginPage } from "../http/login-page.js";
import { addressOf } from "../http/mount-routes.js";
import { assertTrustedOrigin } from "../http/origin.js";
import { textField } from "../http/query-fields.js";
import { type Route, route, type TextAnswer } from "../http/route.js";
import { endedSessionCookie, sessionCookie } from "../http/session-cookie.js";
import type { RouteDeps } from "./route-deps.js";

const FORM_LIMIT_BYTES = 16 * 1024;
const HTML = "text/html; charset=utf-8";

/** A way back that stays on this host. */
function safeNext(next: string | null | undefined): string {
  return next !== null && next !== undefined && /^\/(?![/\\])/.test(next) && !/[\r\n\t]/.test(next) ? next : "/";
}

function isSecure(deps: RouteDeps, req: Request): boolean {
  return req.secure || deps.settings.publicUrl?.startsWith("https:") === true;
}

function page(status: number, options: { next: string; error: string | null }): TextAnswer {
  return { status, text: loginPage(options), contentType: HTML, headers: { "Cache-Control": "no-store" } };
}

function redirect(to: string, cookie: string): TextAnswer {
  return {
    status: 303,
    text: "",
    contentType: "text/plain; charset=utf-8",
    headers: { Location: to, "Set-Cookie": cookie, "Cache-Control": "no-store" },
  };
}

export function loginRoutes(deps: RouteDeps): Route[] {
  const common = {
    tag: "session",
    rule: "API-304",
    access: "anyone",
    who: "anyone",
    rate: "none",
    errors: [],
  } as const;
  const logout = (method: "get" | "post"): Route =>
    route({
      ...common,
      method,
      path: "/logout",
      summary: "Ends the browser session",
      bodyType: "form",
      responses: { 303: { description: "To the login form" } },
      handle: ({ req }) => Promise.resolve(redirect("/login", endedSessionCookie(isSecure(deps, req)))),
    });
  return [
    route({
      ...common,
      method: "get",
      path: "/login",
      summary: "The login form",
      query: z.object({ next: textField }),
      responses: { 200: { description: "The form", contentType: "text/html" } },
      handle: ({ query }) => Promise.resolve(page(200, { next: safeNext(query.next), error: null })),
    }),
    route({
      ...common,
      method: "post",
      path: "/login",
      summary: "Opens a browser session with a board key",
      bodyType: "form",
      responses: {
        303: { description: "Back to where the browser came from" },
        401: { description: "The form again: the key does not work", contentType: "text/html" },
      },
      errors: ["forbidden", "unsupported_media_type", "rate_limited"],
      handle: async ({ req, res }) => {
        assertTrustedOrigin(req, { publicUrl: deps.settings.publicUrl, required: false });
        const form = await readFormBody(req, res, FORM_LIMIT_BYTES);
        const next = safeNext(form.get("next"));
        const token = (form.get("key") ?? "").trim();
        const board = await deps.authenticator.openSession({ token, address: addressOf(req) });
        if (board?.keyId === null || board?.keyId === undefined) {
          return page(401, { next, error: "This key does not open the board. Use an admin or operator key." });
        }
        const secure = isSecure(deps, req);
        const { authSecret: secret } = deps.settings;
        return redirect(next, await sessionCookie({ keyId: board.keyId, secret, now: deps.now(), secure }));
      },
    }),
    logout("get"),
    logout("post"),
  ];
}
