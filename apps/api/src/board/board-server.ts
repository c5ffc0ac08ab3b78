/**
 * Bull Board's Express adapter with two differences: each request gets its own shelf of queues instead of one list for
 * everybody, and a request that changes something is let through only when it is one of Wakefleet's actions, by an admin.
 *
 * What must stay true: a route that a newer Bull Board brings changes nothing until it is named here; nothing on the
 * page is fetched from another host.
 */
import type { AppControllerRoute, AppViewRoute } from "@bull-board/api/typings/app";
import { ExpressAdapter } from "@bull-board/express";
import { isJsonObject, type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { wellFormedText } from "@wakefleet/domain";
import express, { type Request, type Response } from "express";
import type { ApiLog } from "../deps.js";
import { boardOf } from "../http/board-only.js";
import { readJsonBody } from "../http/body.js";
import { toWakefleetError } from "../http/problems.js";
import type { BoardPrincipal } from "../principal.js";
import { isBoardQueueName, mayAct } from "./board-shelf.js";
import type { BullBoardQueues, UIConfig } from "./bull-board.js";
import { FIND_BAR } from "./find-page.js";

export type ShelfOf = (request: {
  board: BoardPrincipal;
  /** The queue in the path; null for requests about all queues. */
  queueName: string | null;
  /** The queue that is open in the browser. */
  openQueue: string | null;
}) => Promise<BullBoardQueues>;

/** Routes that change something and are Wakefleet's own actions; what each does is said in `board-actions.ts`. */
const ACTIONS = new Set([
  "put /api/queues/:queueName/retry/:queueStatus",
  "put /api/queues/:queueName/promote",
  "put /api/queues/:queueName/pause",
  "put /api/queues/:queueName/resume",
  "put /api/queues/:queueName/:jobId/retry",
  "put /api/queues/:queueName/:jobId/clean",
  "put /api/queues/:queueName/:jobId/promote",
]);

/** What to do instead of the others. */
const INSTEAD = new Map([
  ["put /api/queues/pause", "Agents are paused one by one: pausing cancels their runs."],
  ["put /api/queues/resume", "Agents are resumed one by one."],
  ["post /api/queues/:queueName/add", "Runs come of wakeups: wake the agent over the API or on its page."],
  [
    "put /api/queues/:queueName/clean/:queueStatus",
    "Jobs are not removed in bulk: finished ones leave by themselves, and a waiting run is cancelled by removing its job.",
  ],
  ["put /api/queues/:queueName/empty", "A queue is not emptied: pause the agent, which cancels its runs."],
  ["put /api/queues/:queueName/obliterate", "A queue goes with its agent: terminate the agent to remove it."],
  [
    "put /api/queues/:queueName/concurrency",
    "The limit follows the agent: change maxConcurrentRuns in its heartbeat policy.",
  ],
  [
    "patch /api/queues/:queueName/:jobId/update-data",
    "A job only shows its run; what the run is about does not change.",
  ],
  ["patch /api/queues/:queueName/:jobId/delay", "A scheduled retry keeps its time, or is run now by promoting it."],
  ["patch /api/queues/:queueName/:jobId/priority", "The order follows the issues: change the issue's priority."],
]);
const NOT_HERE = "Wakefleet does not take this from the board.";

const BODY_LIMIT_BYTES = 64 * 1024;

const READ_ONLY = "An operator may look at the queues; changing jobs needs an admin key.";

export interface BoardServerParts {
  readonly shelfOf: ShelfOf;
  /** What stands behind a failure, when that is known: answered instead of it. */
  readonly explain: (error: unknown) => unknown;
  readonly log: Pick<ApiLog, "error">;
}

export class BoardServer extends ExpressAdapter {
  constructor(private readonly parts: BoardServerParts) {
    super();
    this.app.disable("x-powered-by");
  }

  override setApiRoutes(routes: AppControllerRoute[]): this {
    const router = express.Router();
    for (const route of routes) {
      for (const path of [route.route].flat()) {
        for (const method of [route.method].flat()) {
          router[method](path, async (req, res) => {
            try {
              await this.answer(route, { req, res, action: method === "get" ? null : `${method} ${path}` });
            } catch (error) {
              this.sendProblem({ req, res }, error);
            }
          });
        }
      }
    }
    this.app.use(router);
    return this;
  }

  override setEntryRoute(route: AppViewRoute): this {
    for (const path of [route.route].flat()) {
      this.app.get(path, (req, res, next) => {
        const { name, params } = route.handler({ basePath: this.basePath, uiConfig: this.uiConfigFor(boardOf(req)) });
        res.render(name, params, (error: Error | null, html: string) => {
          if (error !== null) return next(error);
          res.setHeader("Cache-Control", "no-store");
          res.type("html").send(withFindBar(withoutForeignFonts(html)));
        });
      });
    }
    return this;
  }

  private uiConfigFor(board: BoardPrincipal): UIConfig {
    return { ...this.uiConfig, hideRedisDetails: board.companyId !== null };
  }

  private async answer(
    route: AppControllerRoute,
    { req, res, action }: { req: Request; res: Response; action: string | null },
  ): Promise<void> {
    const board = boardOf(req);
    if (action !== null) {
      if (!mayAct(board)) throw new WakefleetError("forbidden", READ_ONLY);
      if (!ACTIONS.has(action)) throw new WakefleetError("conflict", INSTEAD.get(action) ?? NOT_HERE);
    }
    const { activeQueue, ...query } = req.query;
    const openQueue = openQueueOf(activeQueue);
    const queueName = typeof req.params["queueName"] === "string" ? req.params["queueName"] : null;
    const answer = await route.handler({
      queues: await this.parts.shelfOf({ board, queueName, openQueue }),
      uiConfig: this.uiConfigFor(board),
      query: { ...query, ...(openQueue === null ? {} : { activeQueue: encodeURIComponent(openQueue) }) },
      params: req.params,
      body: action === null ? {} : await bodyOf(req, res),
      headers: {},
    });
    res.setHeader("Cache-Control", "no-store");
    res.status(answer.status ?? 200).json(answer.body);
  }

  /** An error as Bull Board shows it: a headline it knows, and our sentence under it. */
  private sendProblem({ req, res }: { req: Request; res: Response }, thrown: unknown): void {
    const error = toWakefleetError(this.parts.explain(thrown));
    if (error.status >= 500) this.parts.log.error({ path: req.path, err: error.cause ?? error }, "the board failed");
    const key = error.status >= 500 ? "ERRORS.INTERNAL_SERVER_ERROR" : "ERRORS.FORBIDDEN";
    res.status(error.status).json({ error: { key }, message: error.message });
  }
}

/** The body of an action as an object; the page sends none with most of them. */
async function bodyOf(req: Request, res: Response): Promise<JsonObject> {
  const { value } = await readJsonBody(req, res, BODY_LIMIT_BYTES);
  return isJsonObject(value) ? value : {};
}

/** The name in `activeQueue`, which Bull Board's page encodes twice; null when it is no queue's. */
function openQueueOf(value: unknown): string | null {
  if (typeof value !== "string" || !isBoardQueueName(value)) return null;
  try {
    return wellFormedText(decodeURIComponent(value));
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

/** The page asks a font service of another host for its typeface; the policy forbids that, and it has others. */
function withoutForeignFonts(html: string): string {
  return html.replace(/<link href="https?:[^>]*>/g, "");
}

function withFindBar(html: string): string {
  return html.replace(/<body[^>]*>/, (body) => `${body}${FIND_BAR}`);
}
