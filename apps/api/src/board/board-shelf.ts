/**
 * Which queues one request of the board is about. The board never holds the fleet's queues: each request gets a shelf
 * of its own, with what its caller may see and no more than it needs (OP-20, API-304).
 *
 * What must stay true: the list is bounded and costs one statement and one pipeline whatever the number of agents; a
 * queue of another company is not there.
 */
import {
  type AgentQueues,
  type BoardQueue,
  boardQueueOf,
  MAINTENANCE_QUEUE_NAME,
  type QueueControl,
  type QueueCounts,
} from "@wakefleet/queue";
import { type BoardAgent, type Database, findBoardAgent, listBusiestAgents } from "@wakefleet/store";
import type { BoardPrincipal } from "../principal.js";
import { AgentQueueAdapter } from "./agent-queue-adapter.js";
import { type BoardEngine, boardActionsOf } from "./board-actions.js";
import type { BullBoardQueues } from "./bull-board.js";
import { MaintenanceAdapter } from "./maintenance-adapter.js";

export interface ShelfDeps {
  readonly db: Pick<Database, "sql">;
  readonly engine: BoardEngine;
  readonly queues: AgentQueues;
  readonly control: Pick<QueueControl, "counts">;
  readonly maintenance: BoardQueue;
}

/** Queues that the list shows besides the one that is open. */
export const LISTED_QUEUES = 50;

/** A queue's name on the board ends with its agent's id, whatever stands before it: a renamed agent keeps its links. */
const AGENT_ID_AT_END = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The queue's name on the board: Bull Board sorts, filters and lists by it, so it begins with the agent's name. */
export function boardQueueName(agent: Pick<BoardAgent, "id" | "name">): string {
  return `${agent.name.replace(/[/\\%?#]+/g, " ").trim()} ${agent.id}`.trim();
}

/** True for names that may be a queue of the board; others are not looked up. */
export function isBoardQueueName(name: string): boolean {
  return name === MAINTENANCE_QUEUE_NAME || AGENT_ID_AT_END.test(name);
}

/** True for who may change something from the board: admins; operators look (API-304). */
export function mayAct(board: BoardPrincipal): boolean {
  return board.scope === "admin";
}

function seesMaintenance(board: BoardPrincipal): boolean {
  return board.companyId === null && board.scope === "admin";
}

/** The busiest queues, and the open one wherever it stands. `openQueue`: the name of a queue, or anything else. */
export async function listShelf(
  deps: ShelfDeps,
  request: { board: BoardPrincipal; openQueue: string | null },
): Promise<BullBoardQueues> {
  const { board } = request;
  const busiest = await listBusiestAgents(deps.db.sql, { companyId: board.companyId, limit: LISTED_QUEUES });
  const openName = request.openQueue ?? "";
  const openId = agentIdOf(openName);
  const isListed = busiest.some((agent) => agent.id === openId);
  const open = isListed ? null : await findAgentOf(deps, { board, queueName: openName });
  const agents = open === null ? busiest : [open, ...busiest];
  const counts = await deps.control.counts(agents.map((agent) => agent.id));
  const shelf: BullBoardQueues = new Map();
  agents.forEach((agent, index) => {
    const isOpen = agent.id === openId;
    const name = isOpen ? openName : boardQueueName(agent);
    // The open queue is asked by itself: it tells waiting from prioritized, and its pages follow.
    shelf.set(name, adapterOf(deps, { agent, board, name, counts: isOpen ? undefined : counts[index] }));
  });
  if (seesMaintenance(board)) shelf.set(MAINTENANCE_QUEUE_NAME, new MaintenanceAdapter(deps.maintenance));
  return shelf;
}

/** The one queue a request names; empty when it is not there for this caller. */
export async function singleShelf(
  deps: ShelfDeps,
  request: { board: BoardPrincipal; queueName: string },
): Promise<BullBoardQueues> {
  const { board, queueName } = request;
  if (queueName === MAINTENANCE_QUEUE_NAME && seesMaintenance(board)) {
    return new Map([[queueName, new MaintenanceAdapter(deps.maintenance)]]);
  }
  const agent = await findAgentOf(deps, request);
  if (agent === null) return new Map();
  return new Map([[queueName, adapterOf(deps, { agent, board, name: queueName, counts: undefined })]]);
}

function agentIdOf(queueName: string): string | null {
  return AGENT_ID_AT_END.exec(queueName)?.[0].toLowerCase() ?? null;
}

async function findAgentOf(
  deps: ShelfDeps,
  request: { board: BoardPrincipal; queueName: string },
): Promise<BoardAgent | null> {
  const agentId = agentIdOf(request.queueName);
  if (agentId === null) return null;
  return await findBoardAgent(deps.db.sql, { companyId: request.board.companyId, agentId });
}

function adapterOf(
  deps: ShelfDeps,
  input: { agent: BoardAgent; board: BoardPrincipal; name: string; counts: QueueCounts | undefined },
): AgentQueueAdapter {
  const { agent, board, name, counts } = input;
  return new AgentQueueAdapter({
    agent,
    name,
    queue: boardQueueOf(deps.queues, agent.id),
    actions: boardActionsOf(deps.engine, board.userId),
    readOnly: !mayAct(board),
    counts,
  });
}
