/**
 * What the use cases need of the world beside PostgreSQL: narrow interfaces, so that a use case sees the slice it uses
 * (STY-21) and composition stays in the apps.
 */
import type { LiveEventPublisher, RunJobData } from "@wakefleet/contracts";

/** One run on its way to its agent's queue (QU-2). */
export interface RunJob {
  readonly data: RunJobData;
  /** The agent's `maxConcurrentRuns`, written to the queue with the job so that a lost Redis is rebuilt right (QU-1). */
  readonly concurrency: number;
  /** QU-3; smaller goes first. */
  readonly priority: number;
  /** Set for a scheduled retry: ms since the epoch (QU-4). */
  readonly delayUntilMs?: number;
  /** The run must come again although a finished job of its id may be kept (QU-2). */
  readonly renew?: boolean;
}

/** The queues, as the use cases steer them. Every call rejects quickly when Redis is away; nothing is lost by that. */
export interface RunQueue {
  /** Adds jobs; adding one twice is harmless. Answers, in order, whether each is in its queue. */
  dispatch(jobs: readonly RunJob[]): Promise<readonly boolean[]>;
  /** Takes a waiting or delayed job of a run that was cancelled out of its queue. */
  removeJob(job: { agentId: string; runId: string }): Promise<void>;
  /** Gives the job of a waiting run another place in its agent's order (QU-3); false: there is no such job. */
  setPriority(job: { agentId: string; runId: string; priority: number }): Promise<boolean>;
  /** Ends the job of a run whose worker is gone, so that its slot is free, and signals the agent. */
  releaseJob(job: { agentId: string; runId: string; outcome: "completed" | "failed"; reason: string }): Promise<void>;
  setConcurrency(agentId: string, concurrency: number): Promise<void>;
  pause(agentId: string): Promise<void>;
  resume(agentId: string): Promise<void>;
  removeQueue(agentId: string): Promise<void>;
}

/** Messages between processes that must arrive at once and may be lost (CN-2). */
export interface ControlChannel {
  publishCancel(message: { runId: string; workerId: string | null }): Promise<void>;
  /** Something was resumed: workers start what waits at a pace (BY-13). */
  publishResumed(): Promise<void>;
}

/** Named points where a build for tests may stop or delay the process (RL-28). */
export interface FaultPoints {
  hit(name: FaultPointName): Promise<void>;
}
export const FAULT_POINTS = [
  "after-commit-before-enqueue",
  "after-enqueue-before-mark",
  "after-fetch-before-claim",
  "after-claim-before-execute",
  "after-start-before-spawn",
  "before-child-start",
  "after-spawn-before-record",
  "after-child-exit-before-finish",
  // Hit after each step of an end, all of them in its one transaction: `between-finish-steps:kill:3`.
  "between-finish-steps",
  "after-finish-before-job-end",
  "after-adoption-before-execute",
  "after-orphan-held-before-end",
  "after-orphan-end-before-job-release",
  "before-recovery-issue",
  "before-lease-renewal",
  "after-cancel-before-job-removal",
  "between-secret-batches",
] as const;
export type FaultPointName = (typeof FAULT_POINTS)[number];

/** The log, object first (STY-48). */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type { LiveEventPublisher };
