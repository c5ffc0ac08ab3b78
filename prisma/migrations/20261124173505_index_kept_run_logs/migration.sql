-- Logs that may have to go, the oldest end first (RL-27). Written once, at a run's end; a run that lost its log leaves it.
CREATE INDEX "heartbeat_runs_log_kept_idx" ON "heartbeat_runs" ("finished_at", "id") WHERE log_ref IS NOT NULL AND finished_at IS NOT NULL;
