/**
 * Bull Board at `/queues` (OP-20, API-304): behind the keys, bounded whatever the fleet's size, and with actions that go
 * through the engine.
 */
import { createBullBoard } from "@bull-board/api";
import { WakefleetError } from "@wakefleet/contracts";
import { wellFormedText } from "@wakefleet/domain";
import { type AgentQueues, boardMaintenanceQueue, QueueControl, ReadySet } from "@wakefleet/queue";
import { type BoardAgent, type Database, searchBoardAgents } from "@wakefleet/store";
import { type Request, type RequestHandler, type Response, Router } from "express";
import type { ApiLog } from "../deps.js";
import { boardOf } from "../http/board-only.js";
import type { BoardEngine } from "./board-actions.js";
import { BoardServer } from "./board-server.js";
import { listShelf, type ShelfDeps, singleShelf } from "./board-shelf.js";
import { FIND_MAX_CHARS, FIND_PATH, type FoundQueue, findPage } from "./find-page.js";

export interface BoardDeps {
  readonly db: Pick<Database, "sql">;
  readonly engine: BoardEngine;
  readonly queues: AgentQueues;
  readonly log: ApiLog;
  /** Lets the board through and sends a browser without a session to the login. */
  readonly boardOnly: RequestHandler;
}

const BASE_PATH = "/queues";
const FOUND_QUEUES = 50;

/** The router of `/queues` and everything below it. Opens no connection of its own. */
export function createBoardRouter(deps: BoardDeps): Router {
  const control = new QueueControl(deps.queues, new ReadySet(deps.queues));
  const maintenance = boardMaintenanceQueue(deps.queues);
  const shelfDeps: ShelfDeps = { ...deps, control, maintenance };
  const server = new BoardServer({
    log: deps.log,
    shelfOf: ({ board, queueName, openQueue }) =>
      queueName === null ? listShelf(shelfDeps, { board, openQueue }) : singleShelf(shelfDeps, { board, queueName }),
    explain: (error) => (isExpected(error) || isRedisThere(deps.queues) ? error : redisIsAway()),
  });
  server.setBasePath(BASE_PATH);
  createBullBoard({ queues: [], serverAdapter: server, options: { uiConfig: UI_CONFIG } });

  const router = Router();
  router.use(BASE_PATH, deps.boardOnly);
  router.get(FIND_PATH, async (req, res) => await sendFindPage(shelfDeps, { req, res }));
  router.get(BASE_PATH, (req, res, next) => {
    const { q } = req.query;
    if (typeof q === "string") res.redirect(303, `${FIND_PATH}?q=${encodeURIComponent(wellFormedText(q))}`);
    else next();
  });
  router.use(BASE_PATH, server.getRouter());
  return router;
}

const UI_CONFIG = {
  boardTitle: "Wakefleet queues",
  hideDocsLink: true,
  miscLinks: [
    { text: "Console", url: "/" },
    { text: "Find an agent's queue", url: FIND_PATH },
    { text: "API", url: "/docs" },
    { text: "Log out", url: "/logout" },
  ],
  // The server's order: most work first.
  sortQueues: false,
  // One consumer serves all queues: a client list says nothing of a single one.
  showWorkers: false,
  showMetrics: false,
};

function isExpected(error: unknown): boolean {
  return error instanceof WakefleetError;
}

function isRedisThere(queues: AgentQueues): boolean {
  return queues.redis.status === "ready";
}

function redisIsAway(): WakefleetError {
  return new WakefleetError(
    "store_unavailable",
    "Redis is away, and the queues are in it. Wakeups are still accepted; the runs are on the console.",
  );
}

async function sendFindPage(deps: ShelfDeps, { req, res }: { req: Request; res: Response }): Promise<void> {
  const asked = typeof req.query["q"] === "string" ? wellFormedText(req.query["q"]) : "";
  const text = asked.trim().slice(0, FIND_MAX_CHARS);
  const { companyId } = boardOf(req);
  const agents =
    text === "" ? null : await searchBoardAgents(deps.db.sql, { companyId, text, limit: FOUND_QUEUES + 1 });
  const found = agents === null ? null : await withCounts(deps, agents.slice(0, FOUND_QUEUES));
  res.setHeader("Cache-Control", "no-store");
  res.type("html").send(findPage({ text, found, isMore: (agents?.length ?? 0) > FOUND_QUEUES }));
}

/** The figures are left out while Redis is away: the names are what was asked for. */
async function withCounts(deps: ShelfDeps, agents: readonly BoardAgent[]): Promise<FoundQueue[]> {
  const counts = isRedisThere(deps.queues) ? await deps.control.counts(agents.map((agent) => agent.id)) : [];
  return agents.map((agent, index) => ({ agent, counts: counts[index] }));
}
