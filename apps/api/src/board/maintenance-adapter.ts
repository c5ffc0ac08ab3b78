/** The fleet's sweeps on the board: to look at, never to change. */
import type { BoardJob, BoardQueue } from "@wakefleet/queue";
import type { QueueJob } from "./bull-board.js";
import { QueueAdapter, readOnlyJob } from "./queue-adapter.js";

export class MaintenanceAdapter extends QueueAdapter {
  constructor(queue: BoardQueue) {
    super({
      queue,
      name: queue.name,
      displayName: "Maintenance (the fleet's own sweeps)",
      description: "What keeps the fleet in order; read only",
      readOnly: true,
      concurrency: null,
    });
  }

  protected override wrap(job: BoardJob): QueueJob {
    return readOnlyJob(job);
  }

  override async getJobSchedulers(): ReturnType<QueueAdapter["getJobSchedulers"]> {
    const schedulers = await this.queue.getJobSchedulers(0, -1);
    return schedulers.map((scheduler) => ({
      id: scheduler.key,
      name: scheduler.name,
      ...(scheduler.every === undefined ? {} : { every: Number(scheduler.every) }),
      ...(scheduler.next === undefined ? {} : { next: scheduler.next }),
    }));
  }
  override getJobSchedulersCount(): Promise<number> {
    return this.queue.getJobSchedulersCount();
  }
}
