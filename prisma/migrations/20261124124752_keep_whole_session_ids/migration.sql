-- The whole id of a session beside the one that is cut for display (SE-17), and the mark of a reset while a run runs
-- (SE-63).
-- AlterTable
ALTER TABLE "heartbeat_runs" ADD COLUMN "resumable_session_id" TEXT,
ADD COLUMN     "session_reset_at" TIMESTAMPTZ;
