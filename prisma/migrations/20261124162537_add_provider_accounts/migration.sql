-- AlterTable
ALTER TABLE "agents" ADD COLUMN     "provider_account_id" UUID;

-- AlterTable
ALTER TABLE "heartbeat_runs" ADD COLUMN     "provider_account_id" UUID;

-- CreateTable
CREATE TABLE "provider_accounts" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "provider" TEXT NOT NULL,
    "credential" TEXT NOT NULL,
    "max_concurrent_runs" INTEGER,
    "limited_until" TIMESTAMPTZ,
    "limited_by_run_id" UUID,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "provider_accounts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "provider_accounts_company_id_provider_credential_idx" ON "provider_accounts"("company_id", "provider", "credential");

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_provider_account_id_fkey" FOREIGN KEY ("provider_account_id") REFERENCES "provider_accounts"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_provider_account_id_fkey" FOREIGN KEY ("provider_account_id") REFERENCES "provider_accounts"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "provider_accounts" ADD CONSTRAINT "provider_accounts_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "provider_accounts" ADD CONSTRAINT "provider_accounts_limited_by_run_id_fkey" FOREIGN KEY ("limited_by_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- Who runs on an account, and whose agents are its own: partial, since most rows are over or have none.
CREATE INDEX "heartbeat_runs_account_running_idx" ON "heartbeat_runs" ("provider_account_id") WHERE status = 'running';
CREATE INDEX "agents_provider_account_idx" ON "agents" ("provider_account_id") WHERE provider_account_id IS NOT NULL;
CREATE INDEX "provider_accounts_limited_by_run_id_idx" ON "provider_accounts" ("limited_by_run_id") WHERE limited_by_run_id IS NOT NULL;
