-- Each host finds old logs on its own disk (RL-27); nobody asks for them in the order of their runs' ends any more.
DROP INDEX "heartbeat_runs_log_kept_idx";
