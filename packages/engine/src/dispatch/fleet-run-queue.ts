/** The queues of `@wakefleet/queue` as the use cases steer them, and the control channel beside them. */
import {
  type AgentQueues,
  dispatch,
  publishControl,
  QueueControl,
  ReadySet,
  releaseJob,
  removeJob,
} from "@wakefleet/queue";
import type { ControlChannel, RunQueue } from "../ports.js";

/** One door to Redis for the use cases of a process. */
export function createFleetRunQueue(queues: AgentQueues): RunQueue & ControlChannel {
  const ready = new ReadySet(queues);
  const control = new QueueControl(queues, ready);
  return {
    async dispatch(jobs) {
      const dispatched = await dispatch({ queues, ready, jobs });
      return dispatched.map((one) => one.ok);
    },
    async removeJob(job) {
      await removeJob({ queues, ...job });
    },
    async releaseJob({ agentId, runId, outcome, reason }) {
      await releaseJob({
        queues,
        ready,
        agentId,
        runId,
        outcome:
          outcome === "failed"
            ? { kind: "failed", error: reason }
            : { kind: "finished", returnValue: { runId, reason } },
      });
    },
    setPriority: (job) => control.setPriority(job),
    setConcurrency: (agentId, concurrency) => control.setConcurrency({ agentId, concurrency }),
    pause: (agentId) => control.pause(agentId),
    resume: (agentId) => control.resume(agentId),
    removeQueue: (agentId) => control.removeQueue(agentId),
    publishResumed: () => publishControl(queues, { kind: "resumed" }),
    publishCancel: ({ runId, workerId }) => publishControl(queues, { kind: "cancel-run", runId, workerId }),
  };
}
