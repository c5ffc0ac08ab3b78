/** An agent's queue on the board: under the agent's name, with the actions of `board-actions.ts`. */
import type { BoardJob, BoardQueue, QueueCounts } from "@wakefleet/queue";
import type { BoardAgent } from "@wakefleet/store";
import type { BoardActions } from "./board-actions.js";
import { runJobOf, runLinkOf } from "./board-job.js";
import type { JobCounts, QueueJob } from "./bull-board.js";
import { QueueAdapter } from "./queue-adapter.js";

export interface AgentQueueParts {
  readonly agent: BoardAgent;
  /** The queue's name on the board. */
  readonly name: string;
  readonly queue: BoardQueue;
  readonly actions: BoardActions;
  readonly readOnly: boolean;
  /** Figures read for the whole list at once; absent: this queue is asked, and tells its kinds of waiting apart. */
  readonly counts?: QueueCounts | undefined;
}

/** How many delayed runs one "promote all" makes due. */
const PROMOTE_LIMIT = 500;

export class AgentQueueAdapter extends QueueAdapter {
  private readonly agent: BoardAgent;
  private readonly actions: BoardActions;

  constructor(parts: AgentQueueParts) {
    const { agent, counts } = parts;
    super({
      queue: parts.queue,
      name: parts.name,
      displayName: agent.name,
      description: `${agent.companyName} · ${agent.status} · at most ${agent.maxConcurrentRuns} at once · pausing cancels its runs`,
      readOnly: parts.readOnly,
      linkOf: runLinkOf,
      concurrency: agent.maxConcurrentRuns,
      ...(counts === undefined ? {} : { counts: jobCountsOf(counts), isPaused: counts.paused }),
    });
    this.agent = agent;
    this.actions = parts.actions;
  }

  protected override wrap(job: BoardJob): QueueJob {
    return runJobOf(job, this.actions);
  }

  override pause(): Promise<void> {
    return this.actions.pause(this.agent.id);
  }
  override resume(): Promise<void> {
    return this.actions.resume(this.agent.id);
  }
  override async promoteAll(): Promise<void> {
    for (const job of await this.getJobs(["delayed"], 0, PROMOTE_LIMIT - 1)) await job.promote();
  }
}

function jobCountsOf(counts: QueueCounts): JobCounts {
  return {
    latest: 0,
    active: counts.active,
    waiting: counts.waiting,
    "waiting-children": 0,
    prioritized: 0,
    delayed: counts.delayed,
    completed: counts.completed,
    failed: counts.failed,
    paused: 0,
  };
}
