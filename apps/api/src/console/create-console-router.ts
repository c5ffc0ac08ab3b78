/**
 * The console at `/` (OP-21): one page for every address of it, and its assets. The page is for the board; the assets are
 * anybody's, since the login page may use them and they hold nothing.
 *
 * What must stay true: the page runs scripts from here only and none inline, whatever text an agent prints into it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import express, { type RequestHandler, Router } from "express";

export interface ConsoleDeps {
  /** Where the console was built to. */
  readonly folder: string;
  /** Lets the board through and sends a browser without a session to the login. */
  readonly boardOnly: RequestHandler;
}

/** Beside this app; seen from `dist/console` and from `src/console` alike. */
export const CONSOLE_FOLDER = fileURLToPath(new URL("../../../console/dist/public", import.meta.url));

/** Addresses of the console; the page itself tells them apart. */
const PAGES = ["/", "/agents", "/agents/:id", "/runs", "/runs/:id", "/issues/:id"];

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0f766e"/><path d="M6 11l4 11 6-9 6 9 4-11" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>`;

const YEAR_MS = 365 * 24 * 3_600_000;

/** The router of the console's pages and `/assets`. */
export function createConsoleRouter(deps: ConsoleDeps): Router {
  const router = Router();
  const assets = express.static(join(deps.folder, "assets"), { immutable: true, maxAge: YEAR_MS, index: false });
  router.use("/assets", assets);
  // Browsers ask for it on every page, with and without a session.
  router.get("/favicon.ico", (_req, res) => {
    res.setHeader("Cache-Control", "public, max-age=86400");
    res.type("image/svg+xml").send(ICON);
  });
  router.get(PAGES, deps.boardOnly, async (_req, res) => {
    res.setHeader("Content-Security-Policy", POLICY);
    res.setHeader("Cache-Control", "no-store");
    res.type("html").send(await readPage(deps.folder));
  });
  return router;
}

async function readPage(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, "index.html"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return NOT_BUILT;
  }
}

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Wakefleet</title></head>
<body><h1>The console is not built yet</h1>
<p>Run <code>npm run build</code> in the project's folder and load this page again.
Meanwhile there are the <a href="/queues">queues</a> and the <a href="/docs">API</a>.</p></body></html>
`;
