-- AlterTable
ALTER TABLE "heartbeat_runs" ADD COLUMN     "process_tree" JSONB;
