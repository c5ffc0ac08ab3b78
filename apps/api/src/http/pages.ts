/** Answers one page of a list (API-11): the array as the body, the way on in headers. */
import type { Page } from "@wakefleet/store";
import type { Request } from "express";
import type { JsonAnswer } from "./route.js";

/** `rows` is what the page's rows look like outside. */
export function pageAnswer<Row>(req: Request, page: Page<Row>, rows: unknown[]): JsonAnswer {
  if (page.nextCursor === null) return { status: 200, body: rows };
  const next = new URL(req.originalUrl, "http://local");
  next.searchParams.delete("token");
  next.searchParams.set("cursor", page.nextCursor);
  return {
    status: 200,
    body: rows,
    headers: { "X-Next-Cursor": page.nextCursor, Link: `<${next.pathname}${next.search}>; rel="next"` },
  };
}
