/** The parts of Bull Board this room is built on, named in one place. */
export type {
  BullBoardQueues,
  JobCounts,
  JobState,
  JobStatus,
  QueueJob,
  QueueJobJson,
  QueueMetrics,
  Status,
  UIConfig,
} from "@bull-board/api/typings/app";
