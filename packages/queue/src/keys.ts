/**
 * Names in Redis. An agent's queue is the BullMQ queue `agent-<id>` under the prefix `<prefix>:{<id>}`: the braces
 * are a Cluster hash tag, so all keys of one queue live in one slot (OP-12) and queues spread over the slots.
 * The ready set and its neighbours share the tag `{ready}`, because one script touches them together.
 * Whoever opens an agent's queue with BullMQ's own classes (Bull Board does) must use these two functions.
 */

/** BullMQ queue name of an agent; holds no colon (QU-1). */
export function agentQueueName(agentId: string): string {
  return `agent-${agentId}`;
}

/** BullMQ `prefix` option of an agent's queue. */
export function agentQueuePrefix(prefix: string, agentId: string): string {
  return `${prefix}:{${agentId}}`;
}

export interface FleetKeys {
  /** Sorted set: agent id by the millisecond from which its queue may have something to fetch. */
  readonly ready: string;
  /** List with at most one element: an idle consumer waits on it. */
  readonly bell: string;
  /** Sorted set: agent id by the millisecond until which hints are held back after a refused claim. */
  readonly hold: string;
  /** Counter that makes every take's token its own. */
  readonly sequence: string;
  /** String: the epoch id (RL-21). */
  readonly epoch: string;
  /** The same in a Cluster: so many that whatever holds a fair share of the slots holds some. */
  readonly epochOfCluster: readonly string[];
  /** Publish/subscribe channel of the control messages. */
  readonly control: string;
  /** String with a time to live: the consumer of this id lives. */
  alive(consumerId: string): string;
  /** String with a time to live: one run of a sweep is under way. */
  sweepLock(sweep: string): string;
}

const CLUSTER_EPOCH_KEYS = 48;

/** All keys of the fleet that belong to no single queue. */
export function fleetKeys(prefix: string): FleetKeys {
  const ready = `${prefix}:{ready}`;
  return {
    ready: `${ready}:set`,
    bell: `${ready}:bell`,
    hold: `${ready}:hold`,
    sequence: `${ready}:sequence`,
    epoch: `${prefix}:epoch`,
    epochOfCluster: Array.from({ length: CLUSTER_EPOCH_KEYS }, (_, index) => `${prefix}:epoch:{epoch-${index}}`),
    control: `${prefix}:control`,
    alive: (consumerId) => `${prefix}:alive:${consumerId}`,
    sweepLock: (sweep) => `${prefix}:sweep:${sweep}`,
  };
}

/** Where a worker leaves its figures for `/metrics` (API-301). */
export function workerMetricsKey(prefix: string, workerId: string): string {
  return `${prefix}:worker-metrics:${workerId}`;
}
