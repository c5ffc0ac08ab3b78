/**
 * Queues as a dashboard reads them: BullMQ's own `Queue` over the handles that exist already. It opens no connection and
 * writes nothing by itself; whoever acts on a run goes through the engine (QU-6).
 */
import { Queue } from "bullmq";
import type { AgentQueue, AgentQueues } from "./agent-queues.js";
import { agentQueueName } from "./keys.js";
import { errorText } from "./log.js";
import { MAINTENANCE_QUEUE_NAME, maintenancePrefix } from "./maintenance.js";

export type { Job as BoardJob, Queue as BoardQueue } from "bullmq";

/** One `Queue` a handle, gone with it: the bound on handles is the bound on these. */
const opened = new WeakMap<AgentQueue, Queue>();

/** The queue of an agent. Cheap; nothing is sent. */
export function boardQueueOf(queues: AgentQueues, agentId: string): Queue {
  const handle = queues.queue(agentId);
  const known = opened.get(handle);
  if (known !== undefined) return known;
  const { backend } = handle;
  const queue = new Queue(agentQueueName(agentId), queueOptions(queues), () => backend);
  queue.on("error", (error) =>
    queues.limitedLog.warn("board-queue", { error: errorText(error) }, "A queue of the board failed"),
  );
  opened.set(handle, queue);
  return queue;
}

/** The queue of the fleet's sweeps (RL-23), on the same connection. Open it once. */
export function boardMaintenanceQueue(queues: AgentQueues): Queue {
  const prefix = maintenancePrefix(queues.prefix);
  const queue = new Queue(MAINTENANCE_QUEUE_NAME, { ...queueOptions(queues), prefix });
  queue.on("error", (error) =>
    queues.limitedLog.warn("board-queue", { error: errorText(error) }, "A queue of the board failed"),
  );
  return queue;
}

function queueOptions(queues: AgentQueues) {
  return {
    connection: queues.redis,
    skipMetasUpdate: true,
    skipVersionCheck: true,
    skipWaitingForReady: true,
  };
}
