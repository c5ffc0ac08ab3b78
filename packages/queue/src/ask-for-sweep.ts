/**
 * Asking for one run of a sweep now and waiting for its counters (RC-83), from a process that runs none itself. Whichever
 * worker is free runs it; one that is under way already is waited for and then run again, so that the answer is about a
 * run that began after the question.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Job, Queue } from "bullmq";
import type { AgentQueues } from "./agent-queues.js";
import { errorText } from "./log.js";
import { maintenanceQueue, type SweepOutcome } from "./maintenance.js";

const LOOK_EVERY_MS = 100;

export type AskedSweep =
  | SweepOutcome
  /** It threw; `error` says what. */
  | { readonly outcome: "failed"; readonly error: string }
  /** No worker came to it in time, and the question was taken back. */
  | { readonly outcome: "not_run" };

/** Answers within about `timeoutMs`; `under_way` then means that it still runs. Rejects while Redis is away. */
export async function askForSweep(
  queues: AgentQueues,
  ask: { readonly name: string; readonly timeoutMs: number },
): Promise<AskedSweep> {
  const queue = maintenanceQueue(queues);
  const onError = (error: unknown): void =>
    queues.limitedLog.warn("maintenance", { error: errorText(error) }, "The maintenance queue has trouble");
  queue.on("error", onError);
  const deadlineMs = performance.now() + ask.timeoutMs;
  try {
    for (;;) {
      const answer = await untilFinished(queue, { job: await queue.add(ask.name, { asked: true }), deadlineMs });
      if (answer.outcome !== "under_way" || performance.now() >= deadlineMs) return answer;
      await delay(LOOK_EVERY_MS);
    }
  } finally {
    await queue.close();
  }
}

async function untilFinished(
  queue: Queue,
  { job, deadlineMs }: { readonly job: Job; readonly deadlineMs: number },
): Promise<AskedSweep> {
  const id = job.id ?? "";
  for (;;) {
    const found: Job<unknown, SweepOutcome> | undefined = await queue.getJob(id);
    if (found === undefined) return { outcome: "not_run" };
    if (typeof found.finishedOn === "number") {
      return found.failedReason ? { outcome: "failed", error: found.failedReason } : found.returnvalue;
    }
    if (performance.now() >= deadlineMs) return takeBack(found);
    await delay(LOOK_EVERY_MS);
  }
}

/** A job that a worker holds cannot be removed: it goes on. */
async function takeBack(job: Job): Promise<AskedSweep> {
  try {
    await job.remove();
    return { outcome: "not_run" };
  } catch (error) {
    if (await job.isActive()) return { outcome: "under_way", counters: null };
    throw error;
  }
}
