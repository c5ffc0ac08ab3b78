/**
 * A job of an agent's queue as Bull Board handles it: readable by people, and each of its buttons a Wakefleet action.
 * Whatever BullMQ's own job could do to itself is out of reach.
 */
import { isGuid, runJobDataSchema, WakefleetError } from "@wakefleet/contracts";
import type { BoardJob } from "@wakefleet/queue";
import type { BoardActions } from "./board-actions.js";
import type { JobState, QueueJob, QueueJobJson } from "./bull-board.js";

const FINISHED = new Set<JobState>(["completed", "failed"]);

/** Wraps a job of an agent's queue. */
export function runJobOf(job: BoardJob, actions: BoardActions): QueueJob {
  const runId = job.id ?? "";
  return {
    opts: { delay: job.opts.delay },
    toJSON: () => readableJson(job),
    getState: () => job.getState(),
    retry: () => actions.retry(runId),
    promote: () => actions.runNow(runId),
    async remove() {
      if (FINISHED.has(await job.getState())) {
        throw new WakefleetError(
          "conflict",
          "A finished run stays on record. Its job leaves the board by itself after a while.",
        );
      }
      await actions.cancel(runId);
    },
  };
}

function readableJson(job: BoardJob): QueueJobJson {
  const json = job.asJSON();
  const data = runJobDataSchema.safeParse(job.data);
  return {
    id: job.id,
    name: data.success ? titleOf(data.data) : job.name,
    progress: job.progress,
    attemptsMade: job.attemptsMade,
    finishedOn: job.finishedOn ?? null,
    processedOn: job.processedOn ?? null,
    processedBy: job.processedBy ?? null,
    delay: job.delay,
    timestamp: job.timestamp,
    failedReason: job.failedReason,
    stacktrace: null,
    data: data.success ? readableData(data.data) : job.data,
    returnvalue: job.returnvalue,
    opts: job.opts,
    priority: json.priority ?? 0,
  };
}

type RunJobData = ReturnType<typeof runJobDataSchema.parse>;

/** `ACM-12 · issue_assigned`, or what is known of it. */
function titleOf(data: RunJobData): string {
  const why = data.wakeReason ?? data.source;
  const what = data.issueIdentifier === null ? why : `${data.issueIdentifier} · ${why}`;
  return data.attempt > 0 ? `${what} · retry ${data.attempt}` : what;
}

function readableData(data: RunJobData): Record<string, string | number> {
  return {
    agent: data.agentName,
    issue: data.issueIdentifier ?? "none",
    wakeReason: data.wakeReason ?? "none",
    source: data.source,
    attempt: data.attempt,
    runId: data.runId,
    agentId: data.agentId,
    companyId: data.companyId,
  };
}

/** Where the board's job links to: the run's page on the console. */
export function runLinkOf(job: QueueJobJson): { displayText: string; href: string } {
  return { displayText: "Open the run", href: isGuid(job.id) ? `/runs/${job.id}` : "/runs" };
}
