-- AlterTable
ALTER TABLE "agent_wakeup_requests" ADD COLUMN     "receipts" JSONB NOT NULL DEFAULT '[]';

-- AlterTable
ALTER TABLE "heartbeat_runs" ADD COLUMN     "receipts" JSONB NOT NULL DEFAULT '[]';
