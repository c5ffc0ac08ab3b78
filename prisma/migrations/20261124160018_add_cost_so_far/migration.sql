-- AlterTable
ALTER TABLE "heartbeat_runs" ADD COLUMN     "cost_so_far_cents" INTEGER;
