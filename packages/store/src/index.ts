export * from "./accounts/provider-accounts.js";
export * from "./activity.js";
export * from "./agent-deletion.js";
export * from "./agent-overviews.js";
export * from "./agent-permissions.js";
export * from "./agent-revisions.js";
export * from "./agent-sessions.js";
export * from "./agent-status.js";
export * from "./agents-admin.js";
export * from "./api-keys.js";
export * from "./approvals.js";
export * from "./board-reading.js";
export * from "./budget/cost-events.js";
export * from "./budget/counters.js";
export * from "./budget/incidents.js";
export * from "./budget/monthly-budget.js";
export * from "./budget/policies.js";
export * from "./budget/reading.js";
export * from "./budget/scope-pause.js";
export * from "./budget/scope-work.js";
export type { SoftLimit } from "./budget/soft-limits.js";
export * from "./comments.js";
export * from "./companies.js";
export * from "./company-deletion.js";
export type { Page } from "./conditions.js";
export * from "./database.js";
export * from "./database-json.js";
export * from "./documents.js";
export * from "./environments.js";
export * from "./execution-decisions.js";
export * from "./fleet/fleet-state.js";
export * from "./fleet/timers.js";
export * from "./fleet/workers.js";
export * from "./fleet-reading.js";
export * from "./holds/index.js";
export * from "./idempotency-records.js";
export * from "./instance-settings.js";
export * from "./interactions.js";
export * from "./issue-context.js";
export * from "./issue-neighbours.js";
export * from "./issue-relations.js";
export * from "./issues.js";
export * from "./liveness/index.js";
export { type ApplyMigrationsOptions, applyMigrations, MigrationRefusedError } from "./migrate/apply-migrations.js";
export { type CheckDriftOptions, checkDrift, type DriftReport, explainDrift } from "./migrate/check-drift.js";
export { type CreateMigrationOptions, createMigration } from "./migrate/create-migration.js";
export { explainMigrationStatus, type MigrationStatus, migrationStatus } from "./migrate/migration-status.js";
export * from "./projects.js";
export * from "./reading.js";
export * from "./rows.js";
export * from "./runs/auto-checkout.js";
export * from "./runs/cancel-run.js";
export * from "./runs/claim-run.js";
export * from "./runs/context-facts.js";
export * from "./runs/end-run.js";
export * from "./runs/environment-lease.js";
export * from "./runs/fence.js";
export {
  listPausedAgentsWithWork,
  makeRetryDue,
  markDispatched,
  markPutBack,
  readRunsForJobs,
  sliceWaitingRuns,
  takeUndispatched,
  type UndispatchedRun,
} from "./runs/outbox.js";
export * from "./runs/release-issue.js";
export * from "./runs/run-events.js";
export * from "./runs/run-project.js";
export * from "./runs/run-retention.js";
export * from "./runs/running-run.js";
export * from "./runs/session-history.js";
export * from "./runs/session-totals.js";
export * from "./savepoint.js";
export * from "./secrets/secrets.js";
export * from "./secrets/secrets-key.js";
export * from "./server-encoding.js";
export * from "./skills/company-skills.js";
export * from "./skills/local-skills.js";
export * from "./skills/run-skills.js";
export type { Sql } from "./sql.js";
export { withoutTransactionMark, withTransactionMark } from "./transaction-mark.js";
export * from "./wakeups/lock-wake-targets.js";
export * from "./wakeups/read-wake-facts.js";
export * from "./wakeups/record-wakeups.js";
export * from "./why-reading.js";
export * from "./work-products.js";
