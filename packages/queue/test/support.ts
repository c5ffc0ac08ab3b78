/** What the tests of this package share: a corner of the run's Redis, jobs, and consumers that are stopped at the end. */
import type { RunJobData } from "@wakefleet/contracts";
import { testRedisPrefix, testRedisUrl } from "@wakefleet/testkit";
import { afterEach } from "vitest";
import { AgentQueues } from "../src/agent-queues.js";
import { createFleetConsumer, type FleetConsumer, type FleetConsumerOptions } from "../src/consumer.js";
import { type Dispatched, dispatch, type RunJob } from "../src/dispatch.js";
import { silentLog } from "../src/log.js";
import { QueueControl } from "../src/queue-control.js";
import { ReadySet } from "../src/ready-set.js";
import { closeRedis, connectRedis, waitUntilReady } from "../src/redis.js";

export interface Corner {
  readonly queues: AgentQueues;
  readonly ready: ReadySet;
  readonly control: QueueControl;
  /** Adds jobs; all must be taken. */
  add(jobs: readonly RunJob[]): Promise<void>;
  /** Adds jobs; answers what became of each. */
  tryAdd(jobs: readonly RunJob[]): Promise<Dispatched[]>;
  /** A started consumer that is stopped after the test. */
  consume(options: Pick<FleetConsumerOptions, "onJob"> & Partial<FleetConsumerOptions>): Promise<FleetConsumer>;
}

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Run at the end of the test, last added first. */
export function atEnd(end: () => Promise<void>): void {
  ends.push(end);
}

let consumers = 0;

/** A key prefix of its own in Redis, with everything that works on it. */
export async function openCorner(input: { url?: string; prefix?: string } = {}): Promise<Corner> {
  const redis = connectRedis({ url: input.url ?? testRedisUrl(), name: "test", log: silentLog });
  atEnd(() => closeRedis(redis));
  await waitUntilReady(redis, 10_000);
  const queues = new AgentQueues({ redis, prefix: input.prefix ?? testRedisPrefix(), log: silentLog });
  const ready = new ReadySet(queues);
  const tryAdd = (jobs: readonly RunJob[]): Promise<Dispatched[]> => dispatch({ queues, ready, jobs });
  return {
    queues,
    ready,
    control: new QueueControl(queues, ready),
    tryAdd,
    async add(jobs) {
      for (const result of await tryAdd(jobs)) if (!result.ok) throw new Error(result.error);
    },
    async consume(options) {
      consumers += 1;
      const consumer = createFleetConsumer({
        queues,
        consumerId: `consumer-${process.pid}-${consumers}`,
        capacity: 10,
        log: silentLog,
        ...options,
      });
      atEnd(() => consumer.stop());
      await consumer.start();
      return consumer;
    },
  };
}

/** Data of a run's job. */
export function jobData(agentId: string, runId: string): RunJobData {
  return {
    runId,
    companyId: "company",
    agentId,
    agentName: `Agent ${agentId}`,
    issueIdentifier: null,
    wakeReason: null,
    source: "on_demand",
    attempt: 0,
  };
}

/** A run's job; the agent's limit is 1 unless given. */
export function runJob(agentId: string, runId: string, rest: Partial<Omit<RunJob, "data">> = {}): RunJob {
  return { data: jobData(agentId, runId), concurrency: 1, ...rest };
}

/** A promise that is resolved from outside. */
export function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}
