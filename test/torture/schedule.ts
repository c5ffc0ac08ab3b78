/**
 * Which fault happens when: a pure function of seed, length and the kinds asked for, so that a run can be had again.
 *
 * Faults of one lane (one kind of victim) follow one another; lanes overlap freely, so that a worker is killed while Redis
 * is away. Each lane plays a shuffled deck of its kinds before it begins anew: even a short run has most of them.
 * Leaving kinds out moves nothing else: the plan is made whole and then thinned.
 */
import { randomOf } from "./random.js";

export const LANES = ["workers", "apis", "redis", "postgres", "disk", "agents", "operators"] as const;
export type Lane = (typeof LANES)[number];

interface FaultShape {
  readonly lane: Lane;
  /** Shortest and longest duration, milliseconds; both 0 where a fault is over at once. */
  readonly forMs: readonly [number, number];
  readonly what: string;
}

/** The lease of the fleet under test; durations below are chosen around it. */
export const LEASE_MS = 2_000;

export const FAULTS = {
  "kill-worker": { lane: "workers", forMs: [0, 0], what: "SIGKILL of a worker" },
  "kill-worker-and-agents": { lane: "workers", forMs: [0, 0], what: "SIGKILL of a worker and its agents' processes" },
  "stop-worker": { lane: "workers", forMs: [0, 0], what: "SIGTERM of a worker, another beside it at once" },
  "stop-worker-twice": { lane: "workers", forMs: [0, 0], what: "SIGTERM of a worker, and again before it has drained" },
  "pause-worker": {
    lane: "workers",
    forMs: [1.2 * LEASE_MS, 3 * LEASE_MS],
    what: "SIGSTOP of a worker past its lease",
  },
  "stumble-worker": {
    lane: "workers",
    forMs: [0, 0],
    what: "a worker that dies, waits or stands still at fault points",
  },
  "block-worker": { lane: "workers", forMs: [0, 0], what: "an event loop blocked for longer than the lease" },
  "rolling-restart": { lane: "workers", forMs: [0, 0], what: "every worker replaced, one after the other" },
  "kill-api": { lane: "apis", forMs: [0, 0], what: "SIGKILL of an API" },
  "stop-api": { lane: "apis", forMs: [0, 0], what: "SIGTERM of an API" },
  "pause-api": { lane: "apis", forMs: [1_000, 4_000], what: "SIGSTOP of an API" },
  "stumble-api": { lane: "apis", forMs: [0, 0], what: "an API that dies or waits between commit, queue and mark" },
  "redis-crash": { lane: "redis", forMs: [300, 4_000], what: "Redis killed, started again with its data" },
  "redis-lost": { lane: "redis", forMs: [300, 4_000], what: "Redis killed, started again empty" },
  "redis-flush": { lane: "redis", forMs: [0, 0], what: "FLUSHALL" },
  "redis-full": { lane: "redis", forMs: [1_000, 5_000], what: "Redis out of memory under noeviction" },
  "redis-cut": { lane: "redis", forMs: [0, 0], what: "all connections to Redis cut" },
  "redis-stall": { lane: "redis", forMs: [500, 5_000], what: "nothing passes to or from Redis, then all of it does" },
  "redis-blackhole": { lane: "redis", forMs: [1_000, 6_000], what: "connections to Redis dead without a word" },
  "postgres-crash": { lane: "postgres", forMs: [300, 3_000], what: "PostgreSQL stopped at once, then started" },
  "postgres-terminate": { lane: "postgres", forMs: [0, 0], what: "all backends terminated" },
  "postgres-cut": { lane: "postgres", forMs: [0, 0], what: "all connections to PostgreSQL cut" },
  "postgres-stall": {
    lane: "postgres",
    forMs: [500, 4_000],
    what: "nothing passes to or from PostgreSQL, then all does",
  },
  "postgres-blackhole": {
    lane: "postgres",
    forMs: [1_000, 4_000],
    what: "connections to PostgreSQL dead without a word",
  },
  "disk-full": { lane: "disk", forMs: [2_000, 6_000], what: "no room left for logs" },
  "kill-agent": { lane: "agents", forMs: [0, 0], what: "SIGKILL of an agent's process" },
  "change-limit": { lane: "operators", forMs: [0, 0], what: "maxConcurrentRuns changed" },
  "pause-agent": { lane: "operators", forMs: [500, 3_000], what: "an agent paused and resumed" },
  "cancel-run": { lane: "operators", forMs: [0, 0], what: "a run cancelled" },
  "reassign-issue": { lane: "operators", forMs: [0, 0], what: "an issue given to another agent" },
} as const satisfies Record<string, FaultShape>;

export type FaultKind = keyof typeof FAULTS;
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

/** Shortest and longest rest between two faults of a lane, milliseconds. */
const RESTS: Readonly<Record<Lane, readonly [number, number]>> = {
  workers: [1_500, 6_000],
  apis: [5_000, 15_000],
  redis: [3_000, 10_000],
  postgres: [6_000, 16_000],
  disk: [15_000, 40_000],
  agents: [3_000, 9_000],
  operators: [300, 2_000],
};

export interface PlannedFault {
  /** After the start of the load, milliseconds. */
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly forMs: number;
  /** In [0, 1): chooses the victim and whatever else the fault has to choose. */
  readonly dice: readonly [number, number];
}

export interface Plan {
  readonly seed: number;
  readonly minutes: number;
  readonly kinds: readonly FaultKind[];
}

/** The faults of each lane, in order. */
export function planFaults({ seed, minutes, kinds }: Plan): Record<Lane, PlannedFault[]> {
  const lengthMs = minutes * 60_000;
  const plan = LANES.map((lane) => {
    const random = randomOf(seed, lane);
    const kindsOfLane = FAULT_KINDS.filter((kind) => FAULTS[kind].lane === lane);
    const faults: PlannedFault[] = [];
    let deck: FaultKind[] = [];
    for (let atMs = random.between(...RESTS[lane]); atMs < lengthMs; atMs += random.between(...RESTS[lane])) {
      if (deck.length === 0) deck = random.shuffled(kindsOfLane);
      const kind = deck.pop();
      if (kind === undefined) break;
      const [shortest, longest] = FAULTS[kind].forMs;
      const forMs = random.between(shortest, longest);
      const dice = [random.next(), random.next()] as const;
      faults.push({ atMs, kind, forMs, dice });
      atMs += forMs;
    }
    return [lane, faults.filter((fault) => kinds.includes(fault.kind))] as const;
  });
  return Object.fromEntries(plan) as Record<Lane, PlannedFault[]>;
}
