/**
 * A real browser for tests: Chromium without a head, one for a file, a fresh profile for a test.
 *
 * What must stay true: a page under test talks to its own server only and reports nothing as broken: errors of scripts
 * and requests to other hosts are collected, and `expectCleanPage` fails with them.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { Fleet } from "../../support/fleet.js";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Quiet, and nothing of the browser's own business on the network. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const DEADLINE_MS = 30_000;

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The browser's program: `CHROMIUM_PATH`, or the first that is on the `PATH`. Throws with the mend when there is none. */
export function chromiumPath(env: NodeJS.ProcessEnv = process.env): string {
  const named = env["CHROMIUM_PATH"];
  if (named !== undefined && named !== "") {
    if (isExecutable(named)) return named;
    throw new Error(`CHROMIUM_PATH names ${named}, which is no program. Set it to Chromium's, or unset it.`);
  }
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    for (const name of NAMES) {
      const file = join(folder, name);
      if (isExecutable(file)) return file;
    }
  }
  throw new Error("The browser tests need Chromium: apt-get install -y chromium, or set CHROMIUM_PATH to its program.");
}

/** Starts the browser. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: FLAGS });
}

export interface OpenOptions {
  /** Logs in with this key; absent: no session. */
  readonly key?: string;
  readonly width?: number;
  readonly height?: number;
}

/** A page with what it complained about. */
export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Everything the page asked a server for. */
  readonly requests: string[];
  readonly complaints: string[];
}

/** Opens a page in a profile of its own, logged in when a key is given. Nothing but the fleet's API is visited. */
export async function openPage(browser: Browser, fleet: Fleet, options: OpenOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({
    baseURL: fleet.apiUrl,
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(DEADLINE_MS);
  const page = await context.newPage();
  const watched: WatchedPage = { page, context, requests: [], complaints: [] };
  page.on("pageerror", (error) => watched.complaints.push(`script: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") watched.complaints.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    watched.requests.push(request.url());
    if (!request.url().startsWith(fleet.apiUrl)) watched.complaints.push(`asked another host: ${request.url()}`);
  });
  if (options.key !== undefined) await logIn(page, options.key);
  return watched;
}

/** Fills the login form and waits until it has led somewhere else. */
export async function logIn(page: Page, key: string): Promise<void> {
  if (!page.url().includes("/login")) await page.goto("/login");
  await page.getByLabel("Key").fill(key);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL((url) => url.pathname !== "/login");
}

/** Fails with everything the page complained about. */
export function expectCleanPage(watched: WatchedPage): void {
  if (watched.complaints.length > 0) throw new Error(`the page complained:\n${watched.complaints.join("\n")}`);
}
