/** The agent queues, the consumer that serves all of them, and the fleet's channels in Redis. */
export * from "./agent-queues.js";
export { type AskedSweep, askForSweep } from "./ask-for-sweep.js";
export * from "./board-queue.js";
export * from "./consumer.js";
export * from "./control-channel.js";
export * from "./dispatch.js";
export * from "./epoch.js";
export * from "./keys.js";
export * from "./live/index.js";
export * from "./log.js";
export * from "./maintenance.js";
export type { Orphan, OrphanVerdict } from "./orphans.js";
export * from "./queue-control.js";
export * from "./ready-set.js";
export * from "./recovery.js";
export * from "./redis.js";
export type { Applied, Verdict } from "./verdict.js";
