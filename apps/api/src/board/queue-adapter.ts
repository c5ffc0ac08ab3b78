/**
 * A BullMQ queue as Bull Board reads it. Everything that would change the queue behind Wakefleet's back is refused here
 * with the sentence that says what to do instead; what is allowed is added by the adapters built on this one.
 */
import { BaseAdapter } from "@bull-board/api/dist/queueAdapters/base.js";
import { WakefleetError } from "@wakefleet/contracts";
import type { BoardJob, BoardQueue } from "@wakefleet/queue";
import type { JobCounts, JobState, JobStatus, QueueJob, QueueMetrics, Status } from "./bull-board.js";

export interface QueueAdapterParts {
  readonly queue: BoardQueue;
  /** The queue's name on the board; Bull Board's addresses hold it. */
  readonly name: string;
  readonly displayName: string;
  readonly description: string;
  readonly readOnly: boolean;
  /** Counts that were read for the whole list at once; absent: they are asked of this queue. */
  readonly counts?: JobCounts;
  readonly isPaused?: boolean;
  readonly concurrency?: number | null;
  readonly linkOf?: BaseAdapter["externalJobUrl"];
}

const JOB_STATUSES = ["active", "waiting", "prioritized", "delayed", "completed", "failed"] as const;

/** Why the board does not do it, as an error the board shows. */
export function refusal(sentence: string): WakefleetError {
  return new WakefleetError("conflict", sentence);
}

export abstract class QueueAdapter extends BaseAdapter {
  protected readonly queue: BoardQueue;

  constructor(protected readonly parts: QueueAdapterParts) {
    super("bullmq", {
      readOnlyMode: parts.readOnly,
      allowRetries: true,
      allowCompletedRetries: true,
      displayName: parts.displayName,
      description: parts.description,
      ...(parts.linkOf === undefined ? {} : { externalJobUrl: parts.linkOf }),
    });
    this.queue = parts.queue;
  }

  /** How a job of this queue is shown and acted on. */
  protected abstract wrap(job: BoardJob): QueueJob;

  getName(): string {
    return this.parts.name;
  }
  /** Bull Board asks BullMQ's adapters for it when it looks for flows; there are none. */
  getQueueQualifiedName(): string {
    return this.queue.qualifiedName;
  }
  getFlowProducer(): Promise<null> {
    return Promise.resolve(null);
  }

  async getJob(id: string): Promise<QueueJob | null> {
    const job: BoardJob | undefined = await this.queue.getJob(id);
    return job === undefined ? null : this.wrap(job);
  }
  async getJobs(statuses: JobStatus[], start?: number, end?: number): Promise<QueueJob[]> {
    const known = JOB_STATUSES.filter((status) => statuses.includes(status));
    const jobs: (BoardJob | undefined)[] = await this.queue.getJobs(known, start, end);
    return jobs.filter((job) => job !== undefined && job !== null).map((job) => this.wrap(job));
  }
  async getJobCounts(): Promise<JobCounts> {
    // Bull Board's type wants every status there is; it shows those of `getStatuses`.
    return this.parts.counts ?? ((await this.queue.getJobCounts(...JOB_STATUSES)) as JobCounts);
  }
  async getJobLogs(id: string): Promise<string[]> {
    return (await this.queue.getJobLogs(id)).logs;
  }
  getMetrics(): Promise<QueueMetrics> {
    return Promise.resolve({ meta: { count: 0, prevTS: 0, prevCount: 0 }, data: [], count: 0 });
  }
  getRedisInfo(): Promise<string | null> {
    return this.queue.getBackend().connection.client.then((client) => client.info());
  }
  async isPaused(): Promise<boolean> {
    return this.parts.isPaused ?? (await this.queue.isPaused());
  }
  async getGlobalConcurrency(): Promise<number | null> {
    return this.parts.concurrency === undefined ? await this.queue.getGlobalConcurrency() : this.parts.concurrency;
  }
  getStatuses(): Status[] {
    return ["latest", ...JOB_STATUSES];
  }
  getJobStatuses(): JobStatus[] {
    return [...JOB_STATUSES];
  }
  getJobSchedulers(): ReturnType<BaseAdapter["getJobSchedulers"]> {
    return Promise.resolve([]);
  }
  getJobSchedulersCount(): Promise<number> {
    return Promise.resolve(0);
  }

  pause(): Promise<void> {
    return Promise.reject(refusal("This queue is not paused from the board."));
  }
  resume(): Promise<void> {
    return Promise.reject(refusal("This queue is not resumed from the board."));
  }
  promoteAll(): Promise<void> {
    return Promise.reject(refusal("These jobs are not promoted from the board."));
  }
  clean(): Promise<void> {
    return Promise.reject(
      refusal(
        "Jobs are not cleaned in bulk: finished ones leave by themselves, waiting runs are cancelled one by one.",
      ),
    );
  }
  empty(): Promise<void> {
    return Promise.reject(refusal("A queue is not emptied: cancel its runs, or pause the agent, which cancels them."));
  }
  obliterate(): Promise<void> {
    return Promise.reject(refusal("A queue goes with its agent: terminate the agent to remove it."));
  }
  addJob(): Promise<QueueJob> {
    return Promise.reject(refusal("Runs come of wakeups: wake the agent over the API or the console."));
  }
  setGlobalConcurrency(): Promise<void> {
    return Promise.reject(refusal("The limit follows the agent: change its heartbeat policy's maxConcurrentRuns."));
  }
  removeJobScheduler(): Promise<boolean> {
    return Promise.reject(refusal("Schedules belong to Wakefleet and are not changed from the board."));
  }
  updateJobScheduler(): ReturnType<BaseAdapter["updateJobScheduler"]> {
    return Promise.reject(refusal("Schedules belong to Wakefleet and are not changed from the board."));
  }
  runJobSchedulerNow(): ReturnType<BaseAdapter["runJobSchedulerNow"]> {
    return Promise.reject(refusal("Schedules belong to Wakefleet and are not run from the board."));
  }
}

/** A job nobody may act on. */
export function readOnlyJob(job: BoardJob): QueueJob {
  const refuse = (): Promise<never> =>
    Promise.reject(refusal("The jobs of this queue are not changed from the board."));
  return {
    opts: {},
    toJSON: () => ({
      id: job.id,
      name: job.name,
      progress: job.progress,
      attemptsMade: job.attemptsMade,
      finishedOn: job.finishedOn ?? null,
      processedOn: job.processedOn ?? null,
      delay: job.delay,
      timestamp: job.timestamp,
      failedReason: job.failedReason,
      stacktrace: null,
      data: job.data,
      returnvalue: job.returnvalue,
      opts: job.opts,
    }),
    getState: (): Promise<JobState> => job.getState(),
    retry: refuse,
    promote: refuse,
    remove: refuse,
  };
}
