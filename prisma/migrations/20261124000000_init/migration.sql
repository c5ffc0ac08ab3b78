-- The data model of the first version (spec 01).
-- The first part was made by Prisma's schema engine from schema.prisma; what its language cannot say follows under
-- "By hand" (DM-12). Once applied anywhere this file never changes: the migrator compares its checksum.

-- CreateTable
CREATE TABLE "companies" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "name" TEXT NOT NULL,
    "description" TEXT,
    "status" TEXT NOT NULL DEFAULT 'active',
    "pause_reason" TEXT,
    "paused_at" TIMESTAMPTZ,
    "issue_prefix" TEXT NOT NULL DEFAULT 'PAP',
    "issue_counter" INTEGER NOT NULL DEFAULT 0,
    "budget_monthly_cents" INTEGER NOT NULL DEFAULT 0,
    "spent_monthly_cents" INTEGER NOT NULL DEFAULT 0,
    "attachment_max_bytes" INTEGER NOT NULL DEFAULT 10485760,
    "require_board_approval_for_new_agents" BOOLEAN NOT NULL DEFAULT false,
    "brand_color" TEXT,
    "feedback_data_sharing_enabled" BOOLEAN NOT NULL DEFAULT false,
    "feedback_data_sharing_consent_at" TIMESTAMPTZ,
    "feedback_data_sharing_consent_by_user_id" TEXT,
    "feedback_data_sharing_terms_version" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "companies_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "agents" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL DEFAULT 'general',
    "title" TEXT,
    "icon" TEXT,
    "capabilities" TEXT,
    "status" TEXT NOT NULL DEFAULT 'idle',
    "reports_to" UUID,
    "adapter_type" TEXT NOT NULL DEFAULT 'process',
    "adapter_config" JSONB NOT NULL DEFAULT '{}',
    "runtime_config" JSONB NOT NULL DEFAULT '{}',
    "default_environment_id" UUID,
    "budget_monthly_cents" INTEGER NOT NULL DEFAULT 0,
    "spent_monthly_cents" INTEGER NOT NULL DEFAULT 0,
    "pause_reason" TEXT,
    "paused_at" TIMESTAMPTZ,
    "permissions" JSONB NOT NULL DEFAULT '{}',
    "last_heartbeat_at" TIMESTAMPTZ,
    "metadata" JSONB,
    "max_concurrent_runs" INTEGER NOT NULL DEFAULT 5,
    "next_timer_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "agents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "agent_runtime_state" (
    "agent_id" UUID NOT NULL,
    "company_id" UUID NOT NULL,
    "adapter_type" TEXT NOT NULL,
    "session_id" TEXT,
    "state_json" JSONB NOT NULL DEFAULT '{}',
    "last_run_id" UUID,
    "last_run_status" TEXT,
    "total_input_tokens" BIGINT NOT NULL DEFAULT 0,
    "total_output_tokens" BIGINT NOT NULL DEFAULT 0,
    "total_cached_input_tokens" BIGINT NOT NULL DEFAULT 0,
    "total_cost_cents" BIGINT NOT NULL DEFAULT 0,
    "last_error" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "agent_runtime_state_pkey" PRIMARY KEY ("agent_id")
);

-- CreateTable
CREATE TABLE "agent_task_sessions" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "adapter_type" TEXT NOT NULL,
    "task_key" TEXT NOT NULL,
    "session_params_json" JSONB,
    "session_display_id" TEXT,
    "last_run_id" UUID,
    "last_error" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "agent_task_sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "agent_wakeup_requests" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "source" TEXT NOT NULL,
    "trigger_detail" TEXT,
    "reason" TEXT,
    "payload" JSONB,
    "status" TEXT NOT NULL DEFAULT 'queued',
    "coalesced_count" INTEGER NOT NULL DEFAULT 0,
    "requested_by_actor_type" TEXT,
    "requested_by_actor_id" TEXT,
    "idempotency_key" TEXT,
    "run_id" UUID,
    "requested_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "claimed_at" TIMESTAMPTZ,
    "finished_at" TIMESTAMPTZ,
    "error" TEXT,
    "issue_id" TEXT,
    "idempotency_fingerprint" TEXT,
    "response_status" INTEGER,
    "response_json" JSONB,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "agent_wakeup_requests_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "heartbeat_runs" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "invocation_source" TEXT NOT NULL DEFAULT 'on_demand',
    "trigger_detail" TEXT,
    "status" TEXT NOT NULL DEFAULT 'queued',
    "wakeup_request_id" UUID,
    "context_snapshot" JSONB,
    "started_at" TIMESTAMPTZ,
    "finished_at" TIMESTAMPTZ,
    "error" TEXT,
    "error_code" TEXT,
    "exit_code" INTEGER,
    "signal" TEXT,
    "usage_json" JSONB,
    "result_json" JSONB,
    "session_id_before" TEXT,
    "session_id_after" TEXT,
    "log_store" TEXT,
    "log_ref" TEXT,
    "log_bytes" BIGINT,
    "log_sha256" TEXT,
    "log_compressed" BOOLEAN NOT NULL DEFAULT false,
    "stdout_excerpt" TEXT,
    "stderr_excerpt" TEXT,
    "external_run_id" TEXT,
    "process_pid" INTEGER,
    "process_group_id" INTEGER,
    "process_started_at" TIMESTAMPTZ,
    "last_output_at" TIMESTAMPTZ,
    "last_output_seq" INTEGER NOT NULL DEFAULT 0,
    "last_output_stream" TEXT,
    "last_output_bytes" BIGINT,
    "retry_of_run_id" UUID,
    "process_loss_retry_count" INTEGER NOT NULL DEFAULT 0,
    "scheduled_retry_at" TIMESTAMPTZ,
    "scheduled_retry_attempt" INTEGER NOT NULL DEFAULT 0,
    "scheduled_retry_reason" TEXT,
    "issue_comment_status" TEXT NOT NULL DEFAULT 'not_applicable',
    "issue_comment_satisfied_by_comment_id" UUID,
    "issue_comment_retry_queued_at" TIMESTAMPTZ,
    "liveness_state" TEXT,
    "liveness_reason" TEXT,
    "continuation_attempt" INTEGER NOT NULL DEFAULT 0,
    "last_useful_action_at" TIMESTAMPTZ,
    "next_action" TEXT,
    "worker_id" UUID,
    "claim_token" BIGINT NOT NULL DEFAULT 0,
    "start_token" BIGINT,
    "lease_expires_at" TIMESTAMPTZ,
    "dispatched_at" TIMESTAMPTZ,
    "cancel_requested_at" TIMESTAMPTZ,
    "cancel_reason" TEXT,
    "cancel_kind" TEXT,
    "cancel_recover" BOOLEAN,
    "issue_id" TEXT,
    "task_key" TEXT,
    "lock_issue_id" UUID,
    "run_slot" SMALLINT,
    "event_seq" INTEGER NOT NULL DEFAULT 0,
    "finalized_at" TIMESTAMPTZ,
    "end_state" JSONB,
    "trace_id" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "heartbeat_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "heartbeat_run_events" (
    "id" BIGSERIAL NOT NULL,
    "company_id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "seq" INTEGER NOT NULL,
    "event_type" TEXT NOT NULL,
    "stream" TEXT,
    "level" TEXT,
    "color" TEXT,
    "message" TEXT,
    "payload" JSONB,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "heartbeat_run_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "heartbeat_run_watchdog_decisions" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "evaluation_issue_id" UUID,
    "decision" TEXT NOT NULL,
    "snoozed_until" TIMESTAMPTZ,
    "reason" TEXT,
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "created_by_run_id" UUID,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "heartbeat_run_watchdog_decisions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workers" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "hostname" TEXT NOT NULL,
    "boot_id" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "version" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "last_seen_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "draining" BOOLEAN NOT NULL DEFAULT false,
    "capacity" INTEGER NOT NULL,
    "stopped_at" TIMESTAMPTZ,
    "labels" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "workers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issues" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "project_id" UUID,
    "project_workspace_id" UUID,
    "goal_id" UUID,
    "parent_id" UUID,
    "title" TEXT NOT NULL,
    "description" TEXT,
    "status" TEXT NOT NULL DEFAULT 'backlog',
    "priority" TEXT NOT NULL DEFAULT 'medium',
    "assignee_agent_id" UUID,
    "assignee_user_id" TEXT,
    "checkout_run_id" UUID,
    "execution_run_id" UUID,
    "execution_agent_name_key" TEXT,
    "execution_locked_at" TIMESTAMPTZ,
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "issue_number" INTEGER,
    "identifier" TEXT,
    "origin_kind" TEXT NOT NULL DEFAULT 'manual',
    "origin_id" TEXT,
    "origin_run_id" TEXT,
    "origin_fingerprint" TEXT NOT NULL DEFAULT 'default',
    "request_depth" INTEGER NOT NULL DEFAULT 0,
    "billing_code" TEXT,
    "assignee_adapter_overrides" JSONB,
    "execution_policy" JSONB,
    "execution_state" JSONB,
    "execution_workspace_id" UUID,
    "execution_workspace_preference" TEXT,
    "execution_workspace_settings" JSONB,
    "started_at" TIMESTAMPTZ,
    "completed_at" TIMESTAMPTZ,
    "cancelled_at" TIMESTAMPTZ,
    "hidden_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issues_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issue_relations" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "issue_id" UUID NOT NULL,
    "related_issue_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issue_relations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issue_comments" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "issue_id" UUID NOT NULL,
    "author_agent_id" UUID,
    "author_user_id" TEXT,
    "created_by_run_id" UUID,
    "body" TEXT NOT NULL,
    "written_by_service" BOOLEAN NOT NULL DEFAULT false,
    "dedupe_key" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issue_comments_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "documents" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "title" TEXT,
    "format" TEXT NOT NULL DEFAULT 'markdown',
    "latest_body" TEXT NOT NULL,
    "latest_revision_id" UUID,
    "latest_revision_number" INTEGER NOT NULL DEFAULT 1,
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "updated_by_agent_id" UUID,
    "updated_by_user_id" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "documents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "document_revisions" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "document_id" UUID NOT NULL,
    "revision_number" INTEGER NOT NULL,
    "title" TEXT,
    "change_summary" TEXT,
    "format" TEXT NOT NULL DEFAULT 'markdown',
    "body" TEXT NOT NULL,
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "created_by_run_id" UUID,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "document_revisions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issue_documents" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "issue_id" UUID NOT NULL,
    "document_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issue_documents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issue_work_products" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "project_id" UUID,
    "issue_id" UUID NOT NULL,
    "execution_workspace_id" UUID,
    "runtime_service_id" UUID,
    "type" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "external_id" TEXT,
    "url" TEXT,
    "summary" TEXT,
    "review_state" TEXT NOT NULL DEFAULT 'none',
    "is_primary" BOOLEAN NOT NULL DEFAULT false,
    "health_status" TEXT NOT NULL DEFAULT 'unknown',
    "metadata" JSONB,
    "created_by_run_id" UUID,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issue_work_products_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issue_tree_holds" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "root_issue_id" UUID NOT NULL,
    "mode" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'active',
    "reason" TEXT,
    "release_policy" JSONB,
    "created_by_actor_type" TEXT NOT NULL DEFAULT 'system',
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "created_by_run_id" UUID,
    "released_at" TIMESTAMPTZ,
    "released_by_actor_type" TEXT,
    "released_by_agent_id" UUID,
    "released_by_user_id" TEXT,
    "released_by_run_id" UUID,
    "release_reason" TEXT,
    "release_metadata" JSONB,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issue_tree_holds_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issue_tree_hold_members" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "hold_id" UUID NOT NULL,
    "issue_id" UUID NOT NULL,
    "parent_issue_id" UUID,
    "depth" INTEGER NOT NULL DEFAULT 0,
    "issue_identifier" TEXT,
    "issue_title" TEXT NOT NULL,
    "issue_status" TEXT NOT NULL,
    "assignee_agent_id" UUID,
    "assignee_user_id" TEXT,
    "active_run_id" UUID,
    "active_run_status" TEXT,
    "skipped" BOOLEAN NOT NULL DEFAULT false,
    "skip_reason" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issue_tree_hold_members_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issue_execution_decisions" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "issue_id" UUID NOT NULL,
    "stage_id" UUID NOT NULL,
    "stage_type" TEXT NOT NULL,
    "actor_agent_id" UUID,
    "actor_user_id" TEXT,
    "outcome" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "created_by_run_id" UUID,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issue_execution_decisions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issue_thread_interactions" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "issue_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'pending',
    "continuation_policy" TEXT NOT NULL DEFAULT 'wake_assignee',
    "idempotency_key" TEXT,
    "source_comment_id" UUID,
    "source_run_id" UUID,
    "title" TEXT,
    "summary" TEXT,
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "resolved_by_agent_id" UUID,
    "resolved_by_user_id" TEXT,
    "payload" JSONB NOT NULL,
    "result" JSONB,
    "resolved_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issue_thread_interactions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "projects" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "goal_id" UUID,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "status" TEXT NOT NULL DEFAULT 'backlog',
    "lead_agent_id" UUID,
    "target_date" DATE,
    "color" TEXT,
    "env" JSONB,
    "execution_workspace_policy" JSONB,
    "pause_reason" TEXT,
    "paused_at" TIMESTAMPTZ,
    "archived_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "projects_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "project_workspaces" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "source_type" TEXT NOT NULL DEFAULT 'local_path',
    "cwd" TEXT,
    "repo_url" TEXT,
    "repo_ref" TEXT,
    "default_ref" TEXT,
    "visibility" TEXT NOT NULL DEFAULT 'default',
    "setup_command" TEXT,
    "cleanup_command" TEXT,
    "remote_provider" TEXT,
    "remote_workspace_ref" TEXT,
    "shared_workspace_key" TEXT,
    "metadata" JSONB,
    "is_primary" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "project_workspaces_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "execution_workspaces" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "project_id" UUID NOT NULL,
    "project_workspace_id" UUID,
    "source_issue_id" UUID,
    "mode" TEXT NOT NULL,
    "strategy_type" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'active',
    "cwd" TEXT,
    "repo_url" TEXT,
    "base_ref" TEXT,
    "branch_name" TEXT,
    "provider_type" TEXT NOT NULL DEFAULT 'local_fs',
    "provider_ref" TEXT,
    "derived_from_execution_workspace_id" UUID,
    "last_used_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "opened_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "closed_at" TIMESTAMPTZ,
    "cleanup_eligible_at" TIMESTAMPTZ,
    "cleanup_reason" TEXT,
    "metadata" JSONB,
    "hostname" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "execution_workspaces_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workspace_operations" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "execution_workspace_id" UUID,
    "heartbeat_run_id" UUID,
    "phase" TEXT NOT NULL,
    "command" TEXT,
    "cwd" TEXT,
    "status" TEXT NOT NULL DEFAULT 'running',
    "exit_code" INTEGER,
    "log_store" TEXT,
    "log_ref" TEXT,
    "log_bytes" BIGINT,
    "log_sha256" TEXT,
    "log_compressed" BOOLEAN NOT NULL DEFAULT false,
    "stdout_excerpt" TEXT,
    "stderr_excerpt" TEXT,
    "metadata" JSONB,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "finished_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "workspace_operations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "workspace_runtime_services" (
    "id" UUID NOT NULL,
    "company_id" UUID NOT NULL,
    "project_id" UUID,
    "project_workspace_id" UUID,
    "execution_workspace_id" UUID,
    "issue_id" UUID,
    "scope_type" TEXT NOT NULL,
    "scope_id" TEXT,
    "service_name" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "lifecycle" TEXT NOT NULL,
    "reuse_key" TEXT,
    "command" TEXT,
    "cwd" TEXT,
    "port" INTEGER,
    "url" TEXT,
    "provider" TEXT NOT NULL,
    "provider_ref" TEXT,
    "owner_agent_id" UUID,
    "started_by_run_id" UUID,
    "last_used_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "stopped_at" TIMESTAMPTZ,
    "stop_policy" JSONB,
    "health_status" TEXT NOT NULL DEFAULT 'unknown',
    "hostname" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "workspace_runtime_services_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "environments" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "driver" TEXT NOT NULL DEFAULT 'local',
    "status" TEXT NOT NULL DEFAULT 'active',
    "config" JSONB NOT NULL DEFAULT '{}',
    "metadata" JSONB,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "environments_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "environment_leases" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "environment_id" UUID NOT NULL,
    "execution_workspace_id" UUID,
    "issue_id" UUID,
    "heartbeat_run_id" UUID,
    "status" TEXT NOT NULL DEFAULT 'active',
    "lease_policy" TEXT NOT NULL DEFAULT 'ephemeral',
    "provider" TEXT,
    "provider_lease_id" TEXT,
    "acquired_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "last_used_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "expires_at" TIMESTAMPTZ,
    "released_at" TIMESTAMPTZ,
    "failure_reason" TEXT,
    "cleanup_status" TEXT,
    "metadata" JSONB,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "environment_leases_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "company_secrets" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "provider" TEXT NOT NULL DEFAULT 'local_encrypted',
    "external_ref" TEXT,
    "description" TEXT,
    "latest_version" INTEGER NOT NULL DEFAULT 1,
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "company_secrets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "company_secret_versions" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "secret_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "material" JSONB NOT NULL,
    "value_sha256" TEXT NOT NULL,
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "revoked_at" TIMESTAMPTZ,

    CONSTRAINT "company_secret_versions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "company_skills" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "markdown" TEXT NOT NULL,
    "source_type" TEXT NOT NULL DEFAULT 'local_path',
    "source_locator" TEXT,
    "source_ref" TEXT,
    "trust_level" TEXT NOT NULL DEFAULT 'markdown_only',
    "compatibility" TEXT NOT NULL DEFAULT 'compatible',
    "file_inventory" JSONB NOT NULL DEFAULT '[]',
    "metadata" JSONB,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "company_skills_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "budget_policies" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "scope_type" TEXT NOT NULL,
    "scope_id" UUID NOT NULL,
    "metric" TEXT NOT NULL DEFAULT 'billed_cents',
    "window_kind" TEXT NOT NULL,
    "amount" INTEGER NOT NULL DEFAULT 0,
    "warn_percent" INTEGER NOT NULL DEFAULT 80,
    "hard_stop_enabled" BOOLEAN NOT NULL DEFAULT true,
    "notify_enabled" BOOLEAN NOT NULL DEFAULT true,
    "is_active" BOOLEAN NOT NULL DEFAULT true,
    "created_by_user_id" TEXT,
    "updated_by_user_id" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "budget_policies_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "budget_incidents" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "policy_id" UUID NOT NULL,
    "scope_type" TEXT NOT NULL,
    "scope_id" UUID NOT NULL,
    "metric" TEXT NOT NULL,
    "window_kind" TEXT NOT NULL,
    "window_start" TIMESTAMPTZ NOT NULL,
    "window_end" TIMESTAMPTZ NOT NULL,
    "threshold_type" TEXT NOT NULL,
    "amount_limit" INTEGER NOT NULL,
    "amount_observed" INTEGER NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'open',
    "approval_id" UUID,
    "resolved_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "budget_incidents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "cost_events" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "issue_id" UUID,
    "project_id" UUID,
    "goal_id" UUID,
    "heartbeat_run_id" UUID,
    "billing_code" TEXT,
    "provider" TEXT NOT NULL,
    "biller" TEXT NOT NULL DEFAULT 'unknown',
    "billing_type" TEXT NOT NULL DEFAULT 'unknown',
    "model" TEXT NOT NULL,
    "input_tokens" INTEGER NOT NULL DEFAULT 0,
    "cached_input_tokens" INTEGER NOT NULL DEFAULT 0,
    "output_tokens" INTEGER NOT NULL DEFAULT 0,
    "cost_cents" INTEGER NOT NULL,
    "occurred_at" TIMESTAMPTZ NOT NULL,
    "dedupe_key" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "cost_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "activity_log" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "actor_type" TEXT NOT NULL DEFAULT 'system',
    "actor_id" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "entity_type" TEXT NOT NULL,
    "entity_id" TEXT NOT NULL,
    "agent_id" UUID,
    "run_id" UUID,
    "details" JSONB,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "activity_log_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "instance_settings" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "singleton_key" TEXT NOT NULL DEFAULT 'default',
    "general" JSONB NOT NULL DEFAULT '{}',
    "experimental" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "instance_settings_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "agent_api_keys" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "agent_id" UUID NOT NULL,
    "company_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "key_hash" TEXT NOT NULL,
    "last_used_at" TIMESTAMPTZ,
    "revoked_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "agent_api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID,
    "scope" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "user_id" TEXT,
    "key_prefix" TEXT NOT NULL,
    "key_hash" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ,
    "last_used_at" TIMESTAMPTZ,
    "revoked_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "approvals" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "requested_by_agent_id" UUID,
    "requested_by_user_id" TEXT,
    "status" TEXT NOT NULL DEFAULT 'pending',
    "payload" JSONB NOT NULL,
    "decision_note" TEXT,
    "decided_by_user_id" TEXT,
    "decided_at" TIMESTAMPTZ,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "approvals_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "issue_approvals" (
    "company_id" UUID NOT NULL,
    "issue_id" UUID NOT NULL,
    "approval_id" UUID NOT NULL,
    "linked_by_agent_id" UUID,
    "linked_by_user_id" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "issue_approvals_pkey" PRIMARY KEY ("issue_id","approval_id")
);

-- CreateTable
CREATE TABLE "agent_config_revisions" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "agent_id" UUID NOT NULL,
    "created_by_agent_id" UUID,
    "created_by_user_id" TEXT,
    "source" TEXT NOT NULL DEFAULT 'patch',
    "rolled_back_from_revision_id" UUID,
    "changed_keys" JSONB NOT NULL DEFAULT '[]',
    "before_config" JSONB NOT NULL,
    "after_config" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "agent_config_revisions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "company_memberships" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "principal_type" TEXT NOT NULL,
    "principal_id" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'active',
    "membership_role" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "company_memberships_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "principal_permission_grants" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID NOT NULL,
    "principal_type" TEXT NOT NULL,
    "principal_id" TEXT NOT NULL,
    "permission_key" TEXT NOT NULL,
    "scope" JSONB,
    "granted_by_user_id" TEXT,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "principal_permission_grants_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "fleet_state" (
    "singleton_key" TEXT NOT NULL DEFAULT 'default',
    "queue_epoch" UUID NOT NULL,
    "secrets_key_fingerprint" TEXT,
    "schema_version" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "fleet_state_pkey" PRIMARY KEY ("singleton_key")
);

-- CreateTable
CREATE TABLE "budget_counters" (
    "company_id" UUID NOT NULL,
    "scope_type" TEXT NOT NULL,
    "scope_id" UUID NOT NULL,
    "window_start" TIMESTAMPTZ NOT NULL,
    "observed_cents" BIGINT NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ NOT NULL DEFAULT now(),

    CONSTRAINT "budget_counters_pkey" PRIMARY KEY ("company_id","scope_type","scope_id","window_start")
);

-- CreateTable
CREATE TABLE "idempotency_records" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "company_id" UUID,
    "principal" TEXT NOT NULL,
    "route" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "response_status" INTEGER,
    "response_json" JSONB,
    "created_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "expires_at" TIMESTAMPTZ NOT NULL,

    CONSTRAINT "idempotency_records_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "companies_issue_prefix_idx" ON "companies"("issue_prefix");

-- CreateIndex
CREATE INDEX "agents_company_status_idx" ON "agents"("company_id", "status");

-- CreateIndex
CREATE INDEX "agents_company_reports_to_idx" ON "agents"("company_id", "reports_to");

-- CreateIndex
CREATE INDEX "agents_company_default_environment_idx" ON "agents"("company_id", "default_environment_id");

-- CreateIndex
CREATE INDEX "agent_runtime_state_company_id_agent_id_idx" ON "agent_runtime_state"("company_id", "agent_id");

-- CreateIndex
CREATE INDEX "agent_runtime_state_company_id_updated_at_idx" ON "agent_runtime_state"("company_id", "updated_at");

-- CreateIndex
CREATE INDEX "agent_task_sessions_company_id_agent_id_updated_at_idx" ON "agent_task_sessions"("company_id", "agent_id", "updated_at");

-- CreateIndex
CREATE INDEX "agent_task_sessions_company_id_task_key_updated_at_idx" ON "agent_task_sessions"("company_id", "task_key", "updated_at");

-- CreateIndex
CREATE INDEX "agent_task_sessions_agent_id_idx" ON "agent_task_sessions"("agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "agent_task_sessions_company_agent_adapter_task_uniq" ON "agent_task_sessions"("company_id", "agent_id", "adapter_type", "task_key");

-- CreateIndex
CREATE INDEX "agent_wakeup_requests_company_agent_status_idx" ON "agent_wakeup_requests"("company_id", "agent_id", "status");

-- CreateIndex
CREATE INDEX "agent_wakeup_requests_company_requested_idx" ON "agent_wakeup_requests"("company_id", "requested_at");

-- CreateIndex
CREATE INDEX "agent_wakeup_requests_agent_requested_idx" ON "agent_wakeup_requests"("agent_id", "requested_at");

-- CreateIndex
CREATE INDEX "agent_wakeup_requests_company_id_issue_id_idx" ON "agent_wakeup_requests"("company_id", "issue_id");

-- CreateIndex
CREATE INDEX "heartbeat_runs_company_agent_started_idx" ON "heartbeat_runs"("company_id", "agent_id", "started_at");

-- CreateIndex
CREATE INDEX "heartbeat_runs_company_liveness_idx" ON "heartbeat_runs"("company_id", "liveness_state", "created_at");

-- CreateIndex
CREATE INDEX "heartbeat_runs_company_status_last_output_idx" ON "heartbeat_runs"("company_id", "status", "last_output_at");

-- CreateIndex
CREATE INDEX "heartbeat_runs_company_status_process_started_idx" ON "heartbeat_runs"("company_id", "status", "process_started_at");

-- CreateIndex
CREATE INDEX "heartbeat_runs_company_id_created_at_idx" ON "heartbeat_runs"("company_id", "created_at" DESC);

-- CreateIndex
CREATE INDEX "heartbeat_runs_company_id_issue_id_created_at_idx" ON "heartbeat_runs"("company_id", "issue_id", "created_at" DESC);

-- CreateIndex
CREATE INDEX "heartbeat_runs_company_page_idx" ON "heartbeat_runs"("company_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "heartbeat_runs_agent_page_idx" ON "heartbeat_runs"("company_id", "agent_id", "created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "heartbeat_runs_retry_of_run_id_idx" ON "heartbeat_runs"("retry_of_run_id");

-- CreateIndex
CREATE INDEX "heartbeat_runs_wakeup_request_id_idx" ON "heartbeat_runs"("wakeup_request_id");

-- CreateIndex
CREATE INDEX "heartbeat_run_events_company_id_run_id_idx" ON "heartbeat_run_events"("company_id", "run_id");

-- CreateIndex
CREATE INDEX "heartbeat_run_events_company_id_created_at_idx" ON "heartbeat_run_events"("company_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "heartbeat_run_events_run_seq_uq" ON "heartbeat_run_events"("run_id", "seq");

-- CreateIndex
CREATE INDEX "heartbeat_run_watchdog_decisions_company_run_created_idx" ON "heartbeat_run_watchdog_decisions"("company_id", "run_id", "created_at");

-- CreateIndex
CREATE INDEX "heartbeat_run_watchdog_decisions_company_run_snoozed_idx" ON "heartbeat_run_watchdog_decisions"("company_id", "run_id", "snoozed_until");

-- CreateIndex
CREATE INDEX "heartbeat_run_watchdog_decisions_run_id_idx" ON "heartbeat_run_watchdog_decisions"("run_id");

-- CreateIndex
CREATE INDEX "heartbeat_run_watchdog_decisions_evaluation_issue_id_idx" ON "heartbeat_run_watchdog_decisions"("evaluation_issue_id");

-- CreateIndex
CREATE INDEX "heartbeat_run_watchdog_decisions_created_by_agent_id_idx" ON "heartbeat_run_watchdog_decisions"("created_by_agent_id");

-- CreateIndex
CREATE INDEX "heartbeat_run_watchdog_decisions_created_by_run_id_idx" ON "heartbeat_run_watchdog_decisions"("created_by_run_id");

-- CreateIndex
CREATE INDEX "workers_last_seen_at_idx" ON "workers"("last_seen_at");

-- CreateIndex
CREATE INDEX "workers_hostname_boot_id_idx" ON "workers"("hostname", "boot_id");

-- CreateIndex
CREATE INDEX "issues_company_id_status_idx" ON "issues"("company_id", "status");

-- CreateIndex
CREATE INDEX "issues_company_id_assignee_agent_id_status_idx" ON "issues"("company_id", "assignee_agent_id", "status");

-- CreateIndex
CREATE INDEX "issues_company_id_assignee_user_id_status_idx" ON "issues"("company_id", "assignee_user_id", "status");

-- CreateIndex
CREATE INDEX "issues_company_id_parent_id_idx" ON "issues"("company_id", "parent_id");

-- CreateIndex
CREATE INDEX "issues_company_id_project_id_idx" ON "issues"("company_id", "project_id");

-- CreateIndex
CREATE INDEX "issues_company_id_origin_kind_origin_id_idx" ON "issues"("company_id", "origin_kind", "origin_id");

-- CreateIndex
CREATE INDEX "issues_company_id_project_workspace_id_idx" ON "issues"("company_id", "project_workspace_id");

-- CreateIndex
CREATE INDEX "issues_company_id_execution_workspace_id_idx" ON "issues"("company_id", "execution_workspace_id");

-- CreateIndex
CREATE UNIQUE INDEX "issues_identifier_idx" ON "issues"("identifier");

-- CreateIndex
CREATE INDEX "issue_relations_company_id_issue_id_idx" ON "issue_relations"("company_id", "issue_id");

-- CreateIndex
CREATE INDEX "issue_relations_company_id_related_issue_id_idx" ON "issue_relations"("company_id", "related_issue_id");

-- CreateIndex
CREATE INDEX "issue_relations_company_id_type_idx" ON "issue_relations"("company_id", "type");

-- CreateIndex
CREATE INDEX "issue_relations_issue_id_idx" ON "issue_relations"("issue_id");

-- CreateIndex
CREATE INDEX "issue_relations_related_issue_id_idx" ON "issue_relations"("related_issue_id");

-- CreateIndex
CREATE INDEX "issue_relations_created_by_agent_id_idx" ON "issue_relations"("created_by_agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "issue_relations_company_edge_uq" ON "issue_relations"("company_id", "issue_id", "related_issue_id", "type");

-- CreateIndex
CREATE INDEX "issue_comments_issue_id_idx" ON "issue_comments"("issue_id");

-- CreateIndex
CREATE INDEX "issue_comments_company_id_idx" ON "issue_comments"("company_id");

-- CreateIndex
CREATE INDEX "issue_comments_company_id_issue_id_created_at_idx" ON "issue_comments"("company_id", "issue_id", "created_at");

-- CreateIndex
CREATE INDEX "issue_comments_company_author_user_issue_created_idx" ON "issue_comments"("company_id", "author_user_id", "issue_id", "created_at");

-- CreateIndex
CREATE INDEX "documents_company_id_updated_at_idx" ON "documents"("company_id", "updated_at");

-- CreateIndex
CREATE INDEX "documents_company_id_created_at_idx" ON "documents"("company_id", "created_at");

-- CreateIndex
CREATE INDEX "documents_created_by_agent_id_idx" ON "documents"("created_by_agent_id");

-- CreateIndex
CREATE INDEX "documents_updated_by_agent_id_idx" ON "documents"("updated_by_agent_id");

-- CreateIndex
CREATE INDEX "document_revisions_company_id_document_id_created_at_idx" ON "document_revisions"("company_id", "document_id", "created_at");

-- CreateIndex
CREATE INDEX "document_revisions_created_by_run_id_idx" ON "document_revisions"("created_by_run_id");

-- CreateIndex
CREATE INDEX "document_revisions_created_by_agent_id_idx" ON "document_revisions"("created_by_agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "document_revisions_document_id_revision_number_idx" ON "document_revisions"("document_id", "revision_number");

-- CreateIndex
CREATE INDEX "issue_documents_company_id_issue_id_updated_at_idx" ON "issue_documents"("company_id", "issue_id", "updated_at");

-- CreateIndex
CREATE INDEX "issue_documents_issue_id_idx" ON "issue_documents"("issue_id");

-- CreateIndex
CREATE UNIQUE INDEX "issue_documents_document_id_idx" ON "issue_documents"("document_id");

-- CreateIndex
CREATE UNIQUE INDEX "issue_documents_company_id_issue_id_key_idx" ON "issue_documents"("company_id", "issue_id", "key");

-- CreateIndex
CREATE INDEX "issue_work_products_company_id_issue_id_type_idx" ON "issue_work_products"("company_id", "issue_id", "type");

-- CreateIndex
CREATE INDEX "issue_work_products_company_id_execution_workspace_id_type_idx" ON "issue_work_products"("company_id", "execution_workspace_id", "type");

-- CreateIndex
CREATE INDEX "issue_work_products_company_id_provider_external_id_idx" ON "issue_work_products"("company_id", "provider", "external_id");

-- CreateIndex
CREATE INDEX "issue_work_products_company_id_updated_at_idx" ON "issue_work_products"("company_id", "updated_at");

-- CreateIndex
CREATE INDEX "issue_work_products_created_by_run_id_idx" ON "issue_work_products"("created_by_run_id");

-- CreateIndex
CREATE INDEX "issue_work_products_issue_id_idx" ON "issue_work_products"("issue_id");

-- CreateIndex
CREATE INDEX "issue_work_products_project_id_idx" ON "issue_work_products"("project_id");

-- CreateIndex
CREATE INDEX "issue_work_products_execution_workspace_id_idx" ON "issue_work_products"("execution_workspace_id");

-- CreateIndex
CREATE INDEX "issue_work_products_runtime_service_id_idx" ON "issue_work_products"("runtime_service_id");

-- CreateIndex
CREATE INDEX "issue_tree_holds_company_id_root_issue_id_status_idx" ON "issue_tree_holds"("company_id", "root_issue_id", "status");

-- CreateIndex
CREATE INDEX "issue_tree_holds_company_id_status_mode_idx" ON "issue_tree_holds"("company_id", "status", "mode");

-- CreateIndex
CREATE INDEX "issue_tree_holds_root_issue_id_idx" ON "issue_tree_holds"("root_issue_id");

-- CreateIndex
CREATE INDEX "issue_tree_holds_created_by_agent_id_idx" ON "issue_tree_holds"("created_by_agent_id");

-- CreateIndex
CREATE INDEX "issue_tree_holds_created_by_run_id_idx" ON "issue_tree_holds"("created_by_run_id");

-- CreateIndex
CREATE INDEX "issue_tree_holds_released_by_agent_id_idx" ON "issue_tree_holds"("released_by_agent_id");

-- CreateIndex
CREATE INDEX "issue_tree_holds_released_by_run_id_idx" ON "issue_tree_holds"("released_by_run_id");

-- CreateIndex
CREATE INDEX "issue_tree_hold_members_company_id_issue_id_idx" ON "issue_tree_hold_members"("company_id", "issue_id");

-- CreateIndex
CREATE INDEX "issue_tree_hold_members_hold_id_depth_idx" ON "issue_tree_hold_members"("hold_id", "depth");

-- CreateIndex
CREATE INDEX "issue_tree_hold_members_issue_id_idx" ON "issue_tree_hold_members"("issue_id");

-- CreateIndex
CREATE INDEX "issue_tree_hold_members_parent_issue_id_idx" ON "issue_tree_hold_members"("parent_issue_id");

-- CreateIndex
CREATE INDEX "issue_tree_hold_members_assignee_agent_id_idx" ON "issue_tree_hold_members"("assignee_agent_id");

-- CreateIndex
CREATE INDEX "issue_tree_hold_members_active_run_id_idx" ON "issue_tree_hold_members"("active_run_id");

-- CreateIndex
CREATE UNIQUE INDEX "issue_tree_hold_members_hold_id_issue_id_idx" ON "issue_tree_hold_members"("hold_id", "issue_id");

-- CreateIndex
CREATE INDEX "issue_execution_decisions_company_id_issue_id_idx" ON "issue_execution_decisions"("company_id", "issue_id");

-- CreateIndex
CREATE INDEX "issue_execution_decisions_issue_id_stage_id_created_at_idx" ON "issue_execution_decisions"("issue_id", "stage_id", "created_at");

-- CreateIndex
CREATE INDEX "issue_execution_decisions_actor_agent_id_idx" ON "issue_execution_decisions"("actor_agent_id");

-- CreateIndex
CREATE INDEX "issue_execution_decisions_created_by_run_id_idx" ON "issue_execution_decisions"("created_by_run_id");

-- CreateIndex
CREATE INDEX "issue_thread_interactions_issue_id_idx" ON "issue_thread_interactions"("issue_id");

-- CreateIndex
CREATE INDEX "issue_thread_interactions_company_id_issue_id_created_at_idx" ON "issue_thread_interactions"("company_id", "issue_id", "created_at");

-- CreateIndex
CREATE INDEX "issue_thread_interactions_company_id_issue_id_status_idx" ON "issue_thread_interactions"("company_id", "issue_id", "status");

-- CreateIndex
CREATE INDEX "issue_thread_interactions_source_comment_id_idx" ON "issue_thread_interactions"("source_comment_id");

-- CreateIndex
CREATE INDEX "issue_thread_interactions_source_run_id_idx" ON "issue_thread_interactions"("source_run_id");

-- CreateIndex
CREATE INDEX "issue_thread_interactions_created_by_agent_id_idx" ON "issue_thread_interactions"("created_by_agent_id");

-- CreateIndex
CREATE INDEX "issue_thread_interactions_resolved_by_agent_id_idx" ON "issue_thread_interactions"("resolved_by_agent_id");

-- CreateIndex
CREATE INDEX "projects_company_id_idx" ON "projects"("company_id");

-- CreateIndex
CREATE INDEX "projects_lead_agent_id_idx" ON "projects"("lead_agent_id");

-- CreateIndex
CREATE INDEX "project_workspaces_company_id_project_id_idx" ON "project_workspaces"("company_id", "project_id");

-- CreateIndex
CREATE INDEX "project_workspaces_project_id_is_primary_idx" ON "project_workspaces"("project_id", "is_primary");

-- CreateIndex
CREATE INDEX "project_workspaces_project_id_source_type_idx" ON "project_workspaces"("project_id", "source_type");

-- CreateIndex
CREATE INDEX "project_workspaces_company_id_shared_workspace_key_idx" ON "project_workspaces"("company_id", "shared_workspace_key");

-- CreateIndex
CREATE UNIQUE INDEX "project_workspaces_project_remote_idx" ON "project_workspaces"("project_id", "remote_provider", "remote_workspace_ref");

-- CreateIndex
CREATE INDEX "execution_workspaces_company_id_project_id_status_idx" ON "execution_workspaces"("company_id", "project_id", "status");

-- CreateIndex
CREATE INDEX "execution_workspaces_company_id_project_workspace_id_status_idx" ON "execution_workspaces"("company_id", "project_workspace_id", "status");

-- CreateIndex
CREATE INDEX "execution_workspaces_company_id_source_issue_id_idx" ON "execution_workspaces"("company_id", "source_issue_id");

-- CreateIndex
CREATE INDEX "execution_workspaces_company_id_last_used_at_idx" ON "execution_workspaces"("company_id", "last_used_at");

-- CreateIndex
CREATE INDEX "execution_workspaces_company_id_branch_name_idx" ON "execution_workspaces"("company_id", "branch_name");

-- CreateIndex
CREATE INDEX "execution_workspaces_project_id_idx" ON "execution_workspaces"("project_id");

-- CreateIndex
CREATE INDEX "execution_workspaces_project_workspace_id_idx" ON "execution_workspaces"("project_workspace_id");

-- CreateIndex
CREATE INDEX "execution_workspaces_source_issue_id_idx" ON "execution_workspaces"("source_issue_id");

-- CreateIndex
CREATE INDEX "execution_workspaces_derived_from_execution_workspace_id_idx" ON "execution_workspaces"("derived_from_execution_workspace_id");

-- CreateIndex
CREATE INDEX "workspace_operations_company_id_heartbeat_run_id_started_at_idx" ON "workspace_operations"("company_id", "heartbeat_run_id", "started_at");

-- CreateIndex
CREATE INDEX "workspace_operations_company_execution_workspace_started_idx" ON "workspace_operations"("company_id", "execution_workspace_id", "started_at");

-- CreateIndex
CREATE INDEX "workspace_operations_execution_workspace_id_idx" ON "workspace_operations"("execution_workspace_id");

-- CreateIndex
CREATE INDEX "workspace_operations_heartbeat_run_id_idx" ON "workspace_operations"("heartbeat_run_id");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_company_project_workspace_status_idx" ON "workspace_runtime_services"("company_id", "project_workspace_id", "status");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_company_exec_workspace_status_idx" ON "workspace_runtime_services"("company_id", "execution_workspace_id", "status");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_company_id_project_id_status_idx" ON "workspace_runtime_services"("company_id", "project_id", "status");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_started_by_run_id_idx" ON "workspace_runtime_services"("started_by_run_id");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_company_id_updated_at_idx" ON "workspace_runtime_services"("company_id", "updated_at");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_project_id_idx" ON "workspace_runtime_services"("project_id");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_project_workspace_id_idx" ON "workspace_runtime_services"("project_workspace_id");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_execution_workspace_id_idx" ON "workspace_runtime_services"("execution_workspace_id");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_issue_id_idx" ON "workspace_runtime_services"("issue_id");

-- CreateIndex
CREATE INDEX "workspace_runtime_services_owner_agent_id_idx" ON "workspace_runtime_services"("owner_agent_id");

-- CreateIndex
CREATE INDEX "environments_company_id_status_idx" ON "environments"("company_id", "status");

-- CreateIndex
CREATE INDEX "environments_company_id_name_idx" ON "environments"("company_id", "name");

-- CreateIndex
CREATE INDEX "environment_leases_company_id_environment_id_status_idx" ON "environment_leases"("company_id", "environment_id", "status");

-- CreateIndex
CREATE INDEX "environment_leases_company_id_execution_workspace_id_idx" ON "environment_leases"("company_id", "execution_workspace_id");

-- CreateIndex
CREATE INDEX "environment_leases_company_id_issue_id_idx" ON "environment_leases"("company_id", "issue_id");

-- CreateIndex
CREATE INDEX "environment_leases_heartbeat_run_id_idx" ON "environment_leases"("heartbeat_run_id");

-- CreateIndex
CREATE INDEX "environment_leases_company_id_last_used_at_idx" ON "environment_leases"("company_id", "last_used_at");

-- CreateIndex
CREATE INDEX "environment_leases_provider_lease_id_idx" ON "environment_leases"("provider_lease_id");

-- CreateIndex
CREATE INDEX "environment_leases_environment_id_idx" ON "environment_leases"("environment_id");

-- CreateIndex
CREATE INDEX "environment_leases_execution_workspace_id_idx" ON "environment_leases"("execution_workspace_id");

-- CreateIndex
CREATE INDEX "environment_leases_issue_id_idx" ON "environment_leases"("issue_id");

-- CreateIndex
CREATE INDEX "company_secrets_company_id_idx" ON "company_secrets"("company_id");

-- CreateIndex
CREATE INDEX "company_secrets_company_id_provider_idx" ON "company_secrets"("company_id", "provider");

-- CreateIndex
CREATE INDEX "company_secrets_created_by_agent_id_idx" ON "company_secrets"("created_by_agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "company_secrets_company_id_name_idx" ON "company_secrets"("company_id", "name");

-- CreateIndex
CREATE INDEX "company_secret_versions_secret_id_created_at_idx" ON "company_secret_versions"("secret_id", "created_at");

-- CreateIndex
CREATE INDEX "company_secret_versions_value_sha256_idx" ON "company_secret_versions"("value_sha256");

-- CreateIndex
CREATE INDEX "company_secret_versions_created_by_agent_id_idx" ON "company_secret_versions"("created_by_agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "company_secret_versions_secret_id_version_idx" ON "company_secret_versions"("secret_id", "version");

-- CreateIndex
CREATE INDEX "company_skills_company_id_name_idx" ON "company_skills"("company_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "company_skills_company_id_key_idx" ON "company_skills"("company_id", "key");

-- CreateIndex
CREATE INDEX "budget_policies_company_id_scope_type_scope_id_is_active_idx" ON "budget_policies"("company_id", "scope_type", "scope_id", "is_active");

-- CreateIndex
CREATE INDEX "budget_policies_company_id_window_kind_metric_idx" ON "budget_policies"("company_id", "window_kind", "metric");

-- CreateIndex
CREATE UNIQUE INDEX "budget_policies_company_scope_metric_window_idx" ON "budget_policies"("company_id", "scope_type", "scope_id", "metric", "window_kind");

-- CreateIndex
CREATE INDEX "budget_incidents_company_id_status_idx" ON "budget_incidents"("company_id", "status");

-- CreateIndex
CREATE INDEX "budget_incidents_company_id_scope_type_scope_id_status_idx" ON "budget_incidents"("company_id", "scope_type", "scope_id", "status");

-- CreateIndex
CREATE INDEX "budget_incidents_policy_id_idx" ON "budget_incidents"("policy_id");

-- CreateIndex
CREATE INDEX "budget_incidents_approval_id_idx" ON "budget_incidents"("approval_id");

-- CreateIndex
CREATE INDEX "cost_events_company_id_occurred_at_idx" ON "cost_events"("company_id", "occurred_at");

-- CreateIndex
CREATE INDEX "cost_events_company_id_agent_id_occurred_at_idx" ON "cost_events"("company_id", "agent_id", "occurred_at");

-- CreateIndex
CREATE INDEX "cost_events_company_id_provider_occurred_at_idx" ON "cost_events"("company_id", "provider", "occurred_at");

-- CreateIndex
CREATE INDEX "cost_events_company_id_biller_occurred_at_idx" ON "cost_events"("company_id", "biller", "occurred_at");

-- CreateIndex
CREATE INDEX "cost_events_company_id_heartbeat_run_id_idx" ON "cost_events"("company_id", "heartbeat_run_id");

-- CreateIndex
CREATE INDEX "cost_events_company_id_project_id_occurred_at_idx" ON "cost_events"("company_id", "project_id", "occurred_at");

-- CreateIndex
CREATE INDEX "activity_log_company_id_created_at_idx" ON "activity_log"("company_id", "created_at");

-- CreateIndex
CREATE INDEX "activity_log_entity_type_entity_id_idx" ON "activity_log"("entity_type", "entity_id");

-- CreateIndex
CREATE INDEX "activity_log_run_id_idx" ON "activity_log"("run_id");

-- CreateIndex
CREATE INDEX "activity_log_company_id_agent_id_created_at_idx" ON "activity_log"("company_id", "agent_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "instance_settings_singleton_key_idx" ON "instance_settings"("singleton_key");

-- CreateIndex
CREATE INDEX "agent_api_keys_company_id_agent_id_idx" ON "agent_api_keys"("company_id", "agent_id");

-- CreateIndex
CREATE INDEX "agent_api_keys_agent_id_idx" ON "agent_api_keys"("agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "agent_api_keys_key_hash_idx" ON "agent_api_keys"("key_hash");

-- CreateIndex
CREATE INDEX "api_keys_company_id_idx" ON "api_keys"("company_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_key_hash_idx" ON "api_keys"("key_hash");

-- CreateIndex
CREATE INDEX "approvals_company_id_status_type_idx" ON "approvals"("company_id", "status", "type");

-- CreateIndex
CREATE INDEX "approvals_requested_by_agent_id_idx" ON "approvals"("requested_by_agent_id");

-- CreateIndex
CREATE INDEX "issue_approvals_issue_id_idx" ON "issue_approvals"("issue_id");

-- CreateIndex
CREATE INDEX "issue_approvals_approval_id_idx" ON "issue_approvals"("approval_id");

-- CreateIndex
CREATE INDEX "issue_approvals_linked_by_agent_id_idx" ON "issue_approvals"("linked_by_agent_id");

-- CreateIndex
CREATE INDEX "agent_config_revisions_company_id_agent_id_created_at_idx" ON "agent_config_revisions"("company_id", "agent_id", "created_at");

-- CreateIndex
CREATE INDEX "agent_config_revisions_agent_id_created_at_idx" ON "agent_config_revisions"("agent_id", "created_at");

-- CreateIndex
CREATE INDEX "agent_config_revisions_created_by_agent_id_idx" ON "agent_config_revisions"("created_by_agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "company_memberships_company_id_principal_type_principal_id_idx" ON "company_memberships"("company_id", "principal_type", "principal_id");

-- CreateIndex
CREATE UNIQUE INDEX "principal_permission_grants_company_principal_key_idx" ON "principal_permission_grants"("company_id", "principal_type", "principal_id", "permission_key");

-- CreateIndex
CREATE INDEX "idempotency_records_expires_at_idx" ON "idempotency_records"("expires_at");

-- CreateIndex
CREATE INDEX "idempotency_records_company_id_idx" ON "idempotency_records"("company_id");

-- CreateIndex
CREATE UNIQUE INDEX "idempotency_records_principal_route_key_idx" ON "idempotency_records"("principal", "route", "key");

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_reports_to_fkey" FOREIGN KEY ("reports_to") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_default_environment_id_fkey" FOREIGN KEY ("default_environment_id") REFERENCES "environments"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_runtime_state" ADD CONSTRAINT "agent_runtime_state_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_runtime_state" ADD CONSTRAINT "agent_runtime_state_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_task_sessions" ADD CONSTRAINT "agent_task_sessions_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_task_sessions" ADD CONSTRAINT "agent_task_sessions_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_task_sessions" ADD CONSTRAINT "agent_task_sessions_last_run_id_fkey" FOREIGN KEY ("last_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_wakeup_requests" ADD CONSTRAINT "agent_wakeup_requests_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_wakeup_requests" ADD CONSTRAINT "agent_wakeup_requests_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_wakeup_request_id_fkey" FOREIGN KEY ("wakeup_request_id") REFERENCES "agent_wakeup_requests"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_retry_of_run_id_fkey" FOREIGN KEY ("retry_of_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_run_events" ADD CONSTRAINT "heartbeat_run_events_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_run_events" ADD CONSTRAINT "heartbeat_run_events_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "heartbeat_runs"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_run_events" ADD CONSTRAINT "heartbeat_run_events_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_run_watchdog_decisions" ADD CONSTRAINT "heartbeat_run_watchdog_decisions_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_run_watchdog_decisions" ADD CONSTRAINT "heartbeat_run_watchdog_decisions_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "heartbeat_runs"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_run_watchdog_decisions" ADD CONSTRAINT "heartbeat_run_watchdog_decisions_evaluation_issue_id_fkey" FOREIGN KEY ("evaluation_issue_id") REFERENCES "issues"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_run_watchdog_decisions" ADD CONSTRAINT "heartbeat_run_watchdog_decisions_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "heartbeat_run_watchdog_decisions" ADD CONSTRAINT "heartbeat_run_watchdog_decisions_created_by_run_id_fkey" FOREIGN KEY ("created_by_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issues" ADD CONSTRAINT "issues_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issues" ADD CONSTRAINT "issues_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issues" ADD CONSTRAINT "issues_project_workspace_id_fkey" FOREIGN KEY ("project_workspace_id") REFERENCES "project_workspaces"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issues" ADD CONSTRAINT "issues_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "issues"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issues" ADD CONSTRAINT "issues_assignee_agent_id_fkey" FOREIGN KEY ("assignee_agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issues" ADD CONSTRAINT "issues_checkout_run_id_fkey" FOREIGN KEY ("checkout_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issues" ADD CONSTRAINT "issues_execution_run_id_fkey" FOREIGN KEY ("execution_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issues" ADD CONSTRAINT "issues_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issues" ADD CONSTRAINT "issues_execution_workspace_id_fkey" FOREIGN KEY ("execution_workspace_id") REFERENCES "execution_workspaces"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_relations" ADD CONSTRAINT "issue_relations_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_relations" ADD CONSTRAINT "issue_relations_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_relations" ADD CONSTRAINT "issue_relations_related_issue_id_fkey" FOREIGN KEY ("related_issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_relations" ADD CONSTRAINT "issue_relations_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_comments" ADD CONSTRAINT "issue_comments_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_comments" ADD CONSTRAINT "issue_comments_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_comments" ADD CONSTRAINT "issue_comments_author_agent_id_fkey" FOREIGN KEY ("author_agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_comments" ADD CONSTRAINT "issue_comments_created_by_run_id_fkey" FOREIGN KEY ("created_by_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "documents" ADD CONSTRAINT "documents_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "documents" ADD CONSTRAINT "documents_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "documents" ADD CONSTRAINT "documents_updated_by_agent_id_fkey" FOREIGN KEY ("updated_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "document_revisions" ADD CONSTRAINT "document_revisions_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "document_revisions" ADD CONSTRAINT "document_revisions_document_id_fkey" FOREIGN KEY ("document_id") REFERENCES "documents"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "document_revisions" ADD CONSTRAINT "document_revisions_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "document_revisions" ADD CONSTRAINT "document_revisions_created_by_run_id_fkey" FOREIGN KEY ("created_by_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_documents" ADD CONSTRAINT "issue_documents_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_documents" ADD CONSTRAINT "issue_documents_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_documents" ADD CONSTRAINT "issue_documents_document_id_fkey" FOREIGN KEY ("document_id") REFERENCES "documents"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_work_products" ADD CONSTRAINT "issue_work_products_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_work_products" ADD CONSTRAINT "issue_work_products_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_work_products" ADD CONSTRAINT "issue_work_products_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_work_products" ADD CONSTRAINT "issue_work_products_execution_workspace_id_fkey" FOREIGN KEY ("execution_workspace_id") REFERENCES "execution_workspaces"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_work_products" ADD CONSTRAINT "issue_work_products_runtime_service_id_fkey" FOREIGN KEY ("runtime_service_id") REFERENCES "workspace_runtime_services"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_work_products" ADD CONSTRAINT "issue_work_products_created_by_run_id_fkey" FOREIGN KEY ("created_by_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "issue_tree_holds_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "issue_tree_holds_root_issue_id_fkey" FOREIGN KEY ("root_issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "issue_tree_holds_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "issue_tree_holds_created_by_run_id_fkey" FOREIGN KEY ("created_by_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "issue_tree_holds_released_by_agent_id_fkey" FOREIGN KEY ("released_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "issue_tree_holds_released_by_run_id_fkey" FOREIGN KEY ("released_by_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_hold_members" ADD CONSTRAINT "issue_tree_hold_members_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_hold_members" ADD CONSTRAINT "issue_tree_hold_members_hold_id_fkey" FOREIGN KEY ("hold_id") REFERENCES "issue_tree_holds"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_hold_members" ADD CONSTRAINT "issue_tree_hold_members_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_hold_members" ADD CONSTRAINT "issue_tree_hold_members_parent_issue_id_fkey" FOREIGN KEY ("parent_issue_id") REFERENCES "issues"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_hold_members" ADD CONSTRAINT "issue_tree_hold_members_assignee_agent_id_fkey" FOREIGN KEY ("assignee_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_tree_hold_members" ADD CONSTRAINT "issue_tree_hold_members_active_run_id_fkey" FOREIGN KEY ("active_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_execution_decisions" ADD CONSTRAINT "issue_execution_decisions_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_execution_decisions" ADD CONSTRAINT "issue_execution_decisions_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_execution_decisions" ADD CONSTRAINT "issue_execution_decisions_actor_agent_id_fkey" FOREIGN KEY ("actor_agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_execution_decisions" ADD CONSTRAINT "issue_execution_decisions_created_by_run_id_fkey" FOREIGN KEY ("created_by_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_thread_interactions" ADD CONSTRAINT "issue_thread_interactions_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_thread_interactions" ADD CONSTRAINT "issue_thread_interactions_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_thread_interactions" ADD CONSTRAINT "issue_thread_interactions_source_comment_id_fkey" FOREIGN KEY ("source_comment_id") REFERENCES "issue_comments"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_thread_interactions" ADD CONSTRAINT "issue_thread_interactions_source_run_id_fkey" FOREIGN KEY ("source_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_thread_interactions" ADD CONSTRAINT "issue_thread_interactions_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_thread_interactions" ADD CONSTRAINT "issue_thread_interactions_resolved_by_agent_id_fkey" FOREIGN KEY ("resolved_by_agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "projects" ADD CONSTRAINT "projects_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "projects" ADD CONSTRAINT "projects_lead_agent_id_fkey" FOREIGN KEY ("lead_agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "project_workspaces" ADD CONSTRAINT "project_workspaces_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "project_workspaces" ADD CONSTRAINT "project_workspaces_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "execution_workspaces" ADD CONSTRAINT "execution_workspaces_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "execution_workspaces" ADD CONSTRAINT "execution_workspaces_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "execution_workspaces" ADD CONSTRAINT "execution_workspaces_project_workspace_id_fkey" FOREIGN KEY ("project_workspace_id") REFERENCES "project_workspaces"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "execution_workspaces" ADD CONSTRAINT "execution_workspaces_source_issue_id_fkey" FOREIGN KEY ("source_issue_id") REFERENCES "issues"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "execution_workspaces" ADD CONSTRAINT "execution_workspaces_derived_from_execution_workspace_id_fkey" FOREIGN KEY ("derived_from_execution_workspace_id") REFERENCES "execution_workspaces"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_operations" ADD CONSTRAINT "workspace_operations_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_operations" ADD CONSTRAINT "workspace_operations_execution_workspace_id_fkey" FOREIGN KEY ("execution_workspace_id") REFERENCES "execution_workspaces"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_operations" ADD CONSTRAINT "workspace_operations_heartbeat_run_id_fkey" FOREIGN KEY ("heartbeat_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "workspace_runtime_services_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "workspace_runtime_services_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "workspace_runtime_services_project_workspace_id_fkey" FOREIGN KEY ("project_workspace_id") REFERENCES "project_workspaces"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "workspace_runtime_services_execution_workspace_id_fkey" FOREIGN KEY ("execution_workspace_id") REFERENCES "execution_workspaces"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "workspace_runtime_services_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "workspace_runtime_services_owner_agent_id_fkey" FOREIGN KEY ("owner_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "workspace_runtime_services_started_by_run_id_fkey" FOREIGN KEY ("started_by_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "environments" ADD CONSTRAINT "environments_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "environment_leases" ADD CONSTRAINT "environment_leases_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "environment_leases" ADD CONSTRAINT "environment_leases_environment_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "environment_leases" ADD CONSTRAINT "environment_leases_execution_workspace_id_fkey" FOREIGN KEY ("execution_workspace_id") REFERENCES "execution_workspaces"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "environment_leases" ADD CONSTRAINT "environment_leases_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "environment_leases" ADD CONSTRAINT "environment_leases_heartbeat_run_id_fkey" FOREIGN KEY ("heartbeat_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "company_secrets" ADD CONSTRAINT "company_secrets_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "company_secrets" ADD CONSTRAINT "company_secrets_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "company_secret_versions" ADD CONSTRAINT "company_secret_versions_secret_id_fkey" FOREIGN KEY ("secret_id") REFERENCES "company_secrets"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "company_secret_versions" ADD CONSTRAINT "company_secret_versions_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "company_skills" ADD CONSTRAINT "company_skills_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "budget_policies" ADD CONSTRAINT "budget_policies_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "budget_incidents" ADD CONSTRAINT "budget_incidents_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "budget_incidents" ADD CONSTRAINT "budget_incidents_policy_id_fkey" FOREIGN KEY ("policy_id") REFERENCES "budget_policies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "budget_incidents" ADD CONSTRAINT "budget_incidents_approval_id_fkey" FOREIGN KEY ("approval_id") REFERENCES "approvals"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "cost_events" ADD CONSTRAINT "cost_events_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "cost_events" ADD CONSTRAINT "cost_events_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "cost_events" ADD CONSTRAINT "cost_events_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "cost_events" ADD CONSTRAINT "cost_events_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "cost_events" ADD CONSTRAINT "cost_events_heartbeat_run_id_fkey" FOREIGN KEY ("heartbeat_run_id") REFERENCES "heartbeat_runs"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "activity_log" ADD CONSTRAINT "activity_log_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "activity_log" ADD CONSTRAINT "activity_log_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "activity_log" ADD CONSTRAINT "activity_log_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "heartbeat_runs"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_api_keys" ADD CONSTRAINT "agent_api_keys_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_api_keys" ADD CONSTRAINT "agent_api_keys_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_requested_by_agent_id_fkey" FOREIGN KEY ("requested_by_agent_id") REFERENCES "agents"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_approvals" ADD CONSTRAINT "issue_approvals_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_approvals" ADD CONSTRAINT "issue_approvals_issue_id_fkey" FOREIGN KEY ("issue_id") REFERENCES "issues"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_approvals" ADD CONSTRAINT "issue_approvals_approval_id_fkey" FOREIGN KEY ("approval_id") REFERENCES "approvals"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "issue_approvals" ADD CONSTRAINT "issue_approvals_linked_by_agent_id_fkey" FOREIGN KEY ("linked_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_config_revisions" ADD CONSTRAINT "agent_config_revisions_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_config_revisions" ADD CONSTRAINT "agent_config_revisions_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "agent_config_revisions" ADD CONSTRAINT "agent_config_revisions_created_by_agent_id_fkey" FOREIGN KEY ("created_by_agent_id") REFERENCES "agents"("id") ON DELETE SET NULL ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "company_memberships" ADD CONSTRAINT "company_memberships_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "principal_permission_grants" ADD CONSTRAINT "principal_permission_grants_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "budget_counters" ADD CONSTRAINT "budget_counters_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "idempotency_records" ADD CONSTRAINT "idempotency_records_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "companies"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- By hand ------------------------------------------------------------------------------------------------------------
-- Closed sets: the constraint has the enum's name (DM-5). Partial indexes: what a hot query or a promise needs.

ALTER TABLE "companies" ADD CONSTRAINT "CompanyStatus" CHECK ("status" IN ('active', 'paused', 'archived'));
ALTER TABLE "companies" ADD CONSTRAINT "PauseReason" CHECK ("pause_reason" IN ('manual', 'budget', 'system'));

ALTER TABLE "agents" ADD CONSTRAINT "AgentRole" CHECK ("role" IN ('ceo', 'cto', 'cmo', 'cfo', 'security', 'engineer', 'designer', 'pm', 'qa', 'devops', 'researcher', 'general'));
ALTER TABLE "agents" ADD CONSTRAINT "AgentStatus" CHECK ("status" IN ('active', 'paused', 'idle', 'running', 'error', 'pending_approval', 'terminated'));
ALTER TABLE "agents" ADD CONSTRAINT "PauseReason" CHECK ("pause_reason" IN ('manual', 'budget', 'system'));
CREATE INDEX "agents_timer_due_idx" ON "agents" ("next_timer_at") WHERE next_timer_at IS NOT NULL;
CREATE INDEX "agents_reports_to_idx" ON "agents" ("reports_to") WHERE reports_to IS NOT NULL;
CREATE INDEX "agents_default_environment_id_idx" ON "agents" ("default_environment_id") WHERE default_environment_id IS NOT NULL;

CREATE INDEX "agent_task_sessions_last_run_id_idx" ON "agent_task_sessions" ("last_run_id") WHERE last_run_id IS NOT NULL;

ALTER TABLE "agent_wakeup_requests" ADD CONSTRAINT "InvocationSource" CHECK ("source" IN ('timer', 'assignment', 'on_demand', 'automation'));
ALTER TABLE "agent_wakeup_requests" ADD CONSTRAINT "WakeupTriggerDetail" CHECK ("trigger_detail" IN ('manual', 'ping', 'callback', 'system'));
ALTER TABLE "agent_wakeup_requests" ADD CONSTRAINT "WakeupRequestStatus" CHECK ("status" IN ('queued', 'deferred_issue_execution', 'claimed', 'coalesced', 'skipped', 'completed', 'failed', 'cancelled', 'timed_out'));
ALTER TABLE "agent_wakeup_requests" ADD CONSTRAINT "ActorType" CHECK ("requested_by_actor_type" IN ('user', 'agent', 'system'));
CREATE UNIQUE INDEX "agent_wakeup_requests_agent_idempotency_uq" ON "agent_wakeup_requests" ("agent_id", "idempotency_key") WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX "agent_wakeup_requests_deferred_uq" ON "agent_wakeup_requests" ("agent_id", "issue_id") WHERE status = 'deferred_issue_execution';
CREATE INDEX "agent_wakeup_requests_deferred_by_issue_idx" ON "agent_wakeup_requests" ("company_id", "issue_id", "requested_at") WHERE status = 'deferred_issue_execution';
CREATE INDEX "agent_wakeup_requests_waiting_without_run_idx" ON "agent_wakeup_requests" ("company_id", "agent_id") WHERE status IN ('queued', 'deferred_issue_execution') AND run_id IS NULL;
CREATE INDEX "agent_wakeup_requests_run_id_idx" ON "agent_wakeup_requests" ("run_id") WHERE run_id IS NOT NULL;

ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "InvocationSource" CHECK ("invocation_source" IN ('timer', 'assignment', 'on_demand', 'automation'));
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "WakeupTriggerDetail" CHECK ("trigger_detail" IN ('manual', 'ping', 'callback', 'system'));
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "HeartbeatRunStatus" CHECK ("status" IN ('queued', 'scheduled_retry', 'running', 'succeeded', 'failed', 'cancelled', 'timed_out'));
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "OutputStream" CHECK ("last_output_stream" IN ('stdout', 'stderr'));
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "IssueCommentPolicyStatus" CHECK ("issue_comment_status" IN ('not_applicable', 'satisfied', 'retry_queued', 'retry_exhausted'));
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "RunLivenessState" CHECK ("liveness_state" IN ('completed', 'advanced', 'plan_only', 'empty_response', 'blocked', 'failed', 'needs_followup'));
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "CancelKind" CHECK ("cancel_kind" IN ('person', 'pause', 'budget', 'hold', 'gate', 'issue', 'system'));
CREATE INDEX "heartbeat_runs_agent_running_idx" ON "heartbeat_runs" ("agent_id") WHERE status = 'running';
CREATE INDEX "heartbeat_runs_agent_queued_idx" ON "heartbeat_runs" ("agent_id", "created_at", "id") WHERE status = 'queued';
CREATE INDEX "heartbeat_runs_retry_due_idx" ON "heartbeat_runs" ("scheduled_retry_at") WHERE status = 'scheduled_retry';
CREATE INDEX "heartbeat_runs_lease_idx" ON "heartbeat_runs" ("lease_expires_at") WHERE status = 'running';
CREATE INDEX "heartbeat_runs_worker_running_idx" ON "heartbeat_runs" ("worker_id") WHERE status = 'running';
CREATE INDEX "heartbeat_runs_issue_active_idx" ON "heartbeat_runs" ("company_id", "issue_id") WHERE status IN ('queued', 'scheduled_retry', 'running');
CREATE INDEX "heartbeat_runs_task_active_idx" ON "heartbeat_runs" ("agent_id", "task_key") WHERE status IN ('queued', 'scheduled_retry', 'running');
CREATE INDEX "heartbeat_runs_agent_session_idx" ON "heartbeat_runs" ("agent_id", "session_id_after", "created_at" DESC) WHERE session_id_after IS NOT NULL;
CREATE INDEX "heartbeat_runs_unfinalized_idx" ON "heartbeat_runs" ("finished_at") WHERE finalized_at IS NULL AND status IN ('succeeded', 'failed', 'cancelled', 'timed_out');
CREATE INDEX "heartbeat_runs_undispatched_idx" ON "heartbeat_runs" ("created_at") WHERE dispatched_at IS NULL AND status IN ('queued', 'scheduled_retry');
CREATE UNIQUE INDEX "heartbeat_runs_agent_slot_uq" ON "heartbeat_runs" ("agent_id", "run_slot") WHERE status = 'running';
CREATE UNIQUE INDEX "heartbeat_runs_lock_issue_uq" ON "heartbeat_runs" ("lock_issue_id") WHERE status = 'running' AND lock_issue_id IS NOT NULL;

ALTER TABLE "heartbeat_run_events" ADD CONSTRAINT "OutputStream" CHECK ("stream" IN ('system', 'stdout', 'stderr'));
ALTER TABLE "heartbeat_run_events" ADD CONSTRAINT "EventLevel" CHECK ("level" IN ('info', 'warn', 'error'));

ALTER TABLE "heartbeat_run_watchdog_decisions" ADD CONSTRAINT "WatchdogDecision" CHECK ("decision" IN ('snooze', 'continue', 'dismissed_false_positive'));

ALTER TABLE "issues" ADD CONSTRAINT "IssueStatus" CHECK ("status" IN ('backlog', 'todo', 'in_progress', 'in_review', 'done', 'blocked', 'cancelled'));
ALTER TABLE "issues" ADD CONSTRAINT "IssuePriority" CHECK ("priority" IN ('critical', 'high', 'medium', 'low'));
ALTER TABLE "issues" ADD CONSTRAINT "IssueWorkspacePreference" CHECK ("execution_workspace_preference" IN ('inherit', 'shared_workspace', 'isolated_workspace', 'operator_branch', 'reuse_existing', 'agent_default'));
CREATE INDEX "issues_execution_run_id_idx" ON "issues" ("execution_run_id") WHERE execution_run_id IS NOT NULL;
CREATE INDEX "issues_checkout_run_id_idx" ON "issues" ("checkout_run_id") WHERE checkout_run_id IS NOT NULL;
CREATE INDEX "issues_parent_id_idx" ON "issues" ("parent_id") WHERE parent_id IS NOT NULL;
CREATE INDEX "issues_assignee_agent_id_idx" ON "issues" ("assignee_agent_id") WHERE assignee_agent_id IS NOT NULL;
CREATE INDEX "issues_created_by_agent_id_idx" ON "issues" ("created_by_agent_id") WHERE created_by_agent_id IS NOT NULL;
CREATE INDEX "issues_project_id_idx" ON "issues" ("project_id") WHERE project_id IS NOT NULL;
CREATE INDEX "issues_project_workspace_id_idx" ON "issues" ("project_workspace_id") WHERE project_workspace_id IS NOT NULL;
CREATE INDEX "issues_execution_workspace_id_idx" ON "issues" ("execution_workspace_id") WHERE execution_workspace_id IS NOT NULL;
CREATE UNIQUE INDEX "issues_active_liveness_recovery_incident_uq" ON "issues" ("company_id", "origin_kind", "origin_id") WHERE origin_kind = 'harness_liveness_escalation' AND origin_id IS NOT NULL AND hidden_at IS NULL AND status NOT IN ('done', 'cancelled');
CREATE UNIQUE INDEX "issues_active_liveness_recovery_leaf_uq" ON "issues" ("company_id", "origin_kind", "origin_fingerprint") WHERE origin_kind = 'harness_liveness_escalation' AND origin_fingerprint <> 'default' AND hidden_at IS NULL AND status NOT IN ('done', 'cancelled');
CREATE UNIQUE INDEX "issues_active_stale_run_evaluation_uq" ON "issues" ("company_id", "origin_kind", "origin_id") WHERE origin_kind = 'stale_active_run_evaluation' AND origin_id IS NOT NULL AND hidden_at IS NULL AND status NOT IN ('done', 'cancelled');
CREATE UNIQUE INDEX "issues_active_stranded_issue_recovery_uq" ON "issues" ("company_id", "origin_kind", "origin_id") WHERE origin_kind = 'stranded_issue_recovery' AND origin_id IS NOT NULL AND hidden_at IS NULL AND status NOT IN ('done', 'cancelled');
CREATE UNIQUE INDEX "issues_active_productivity_review_uq" ON "issues" ("company_id", "origin_kind", "origin_id") WHERE origin_kind = 'issue_productivity_review' AND origin_id IS NOT NULL AND hidden_at IS NULL AND status NOT IN ('done', 'cancelled');

ALTER TABLE "issue_relations" ADD CONSTRAINT "IssueRelationType" CHECK ("type" IN ('blocks'));

CREATE INDEX "issue_comments_created_by_run_id_idx" ON "issue_comments" ("created_by_run_id") WHERE created_by_run_id IS NOT NULL;
CREATE INDEX "issue_comments_author_agent_id_idx" ON "issue_comments" ("author_agent_id") WHERE author_agent_id IS NOT NULL;
CREATE UNIQUE INDEX "issue_comments_dedupe_key_uq" ON "issue_comments" ("dedupe_key") WHERE dedupe_key IS NOT NULL;

ALTER TABLE "documents" ADD CONSTRAINT "DocumentFormat" CHECK ("format" IN ('markdown'));

ALTER TABLE "document_revisions" ADD CONSTRAINT "DocumentFormat" CHECK ("format" IN ('markdown'));

ALTER TABLE "issue_work_products" ADD CONSTRAINT "WorkProductType" CHECK ("type" IN ('preview_url', 'runtime_service', 'pull_request', 'branch', 'commit', 'artifact', 'document'));
ALTER TABLE "issue_work_products" ADD CONSTRAINT "WorkProductStatus" CHECK ("status" IN ('active', 'ready_for_review', 'approved', 'changes_requested', 'merged', 'closed', 'failed', 'archived', 'draft'));
ALTER TABLE "issue_work_products" ADD CONSTRAINT "WorkProductReviewState" CHECK ("review_state" IN ('none', 'needs_board_review', 'approved', 'changes_requested'));
ALTER TABLE "issue_work_products" ADD CONSTRAINT "HealthStatus" CHECK ("health_status" IN ('unknown', 'healthy', 'unhealthy'));
CREATE UNIQUE INDEX "issue_work_products_primary_uq" ON "issue_work_products" ("issue_id", "type") WHERE is_primary;

ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "TreeControlMode" CHECK ("mode" IN ('pause', 'resume', 'cancel', 'restore'));
ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "TreeHoldStatus" CHECK ("status" IN ('active', 'released'));
ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "ActorType" CHECK ("created_by_actor_type" IN ('user', 'agent', 'system'));
ALTER TABLE "issue_tree_holds" ADD CONSTRAINT "ActorType_released_by" CHECK ("released_by_actor_type" IN ('user', 'agent', 'system'));
CREATE INDEX "issue_tree_holds_active_pause_idx" ON "issue_tree_holds" ("company_id", "root_issue_id") WHERE status = 'active' AND mode = 'pause';

ALTER TABLE "issue_execution_decisions" ADD CONSTRAINT "ExecutionStageType" CHECK ("stage_type" IN ('review', 'approval'));
ALTER TABLE "issue_execution_decisions" ADD CONSTRAINT "ExecutionDecisionOutcome" CHECK ("outcome" IN ('approved', 'changes_requested'));

ALTER TABLE "issue_thread_interactions" ADD CONSTRAINT "InteractionKind" CHECK ("kind" IN ('suggest_tasks', 'ask_user_questions', 'request_confirmation'));
ALTER TABLE "issue_thread_interactions" ADD CONSTRAINT "InteractionStatus" CHECK ("status" IN ('pending', 'accepted', 'rejected', 'answered', 'expired', 'failed'));
ALTER TABLE "issue_thread_interactions" ADD CONSTRAINT "InteractionContinuation" CHECK ("continuation_policy" IN ('none', 'wake_assignee', 'wake_assignee_on_accept'));
CREATE UNIQUE INDEX "issue_thread_interactions_idempotency_uq" ON "issue_thread_interactions" ("company_id", "issue_id", "idempotency_key") WHERE idempotency_key IS NOT NULL;

ALTER TABLE "projects" ADD CONSTRAINT "ProjectStatus" CHECK ("status" IN ('backlog', 'planned', 'in_progress', 'completed', 'cancelled'));
ALTER TABLE "projects" ADD CONSTRAINT "PauseReason" CHECK ("pause_reason" IN ('manual', 'budget', 'system'));

ALTER TABLE "project_workspaces" ADD CONSTRAINT "ProjectWorkspaceSourceType" CHECK ("source_type" IN ('local_path', 'git_repo', 'remote_managed', 'non_git_path'));
ALTER TABLE "project_workspaces" ADD CONSTRAINT "ProjectWorkspaceVisibility" CHECK ("visibility" IN ('default', 'advanced'));
CREATE UNIQUE INDEX "project_workspaces_primary_uq" ON "project_workspaces" ("project_id") WHERE is_primary;

ALTER TABLE "execution_workspaces" ADD CONSTRAINT "ExecutionWorkspaceMode" CHECK ("mode" IN ('shared_workspace', 'isolated_workspace', 'operator_branch', 'adapter_managed', 'cloud_sandbox'));
ALTER TABLE "execution_workspaces" ADD CONSTRAINT "ExecutionWorkspaceStrategy" CHECK ("strategy_type" IN ('project_primary', 'git_worktree', 'adapter_managed', 'cloud_sandbox'));
ALTER TABLE "execution_workspaces" ADD CONSTRAINT "ExecutionWorkspaceProvider" CHECK ("provider_type" IN ('local_fs', 'git_worktree', 'adapter_managed', 'cloud_sandbox'));
ALTER TABLE "execution_workspaces" ADD CONSTRAINT "ExecutionWorkspaceStatus" CHECK ("status" IN ('active', 'idle', 'in_review', 'archived', 'cleanup_failed'));

ALTER TABLE "workspace_operations" ADD CONSTRAINT "WorkspaceOperationPhase" CHECK ("phase" IN ('worktree_prepare', 'workspace_provision', 'workspace_teardown', 'worktree_cleanup'));
ALTER TABLE "workspace_operations" ADD CONSTRAINT "WorkspaceOperationStatus" CHECK ("status" IN ('running', 'succeeded', 'failed', 'skipped'));

ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "RuntimeServiceScope" CHECK ("scope_type" IN ('project_workspace', 'execution_workspace', 'run', 'agent'));
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "RuntimeServiceStatus" CHECK ("status" IN ('starting', 'running', 'stopped', 'failed'));
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "RuntimeServiceLifecycle" CHECK ("lifecycle" IN ('shared', 'ephemeral'));
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "RuntimeServiceProvider" CHECK ("provider" IN ('local_process', 'adapter_managed'));
ALTER TABLE "workspace_runtime_services" ADD CONSTRAINT "HealthStatus" CHECK ("health_status" IN ('unknown', 'healthy', 'unhealthy'));

ALTER TABLE "environments" ADD CONSTRAINT "EnvironmentDriver" CHECK ("driver" IN ('local', 'ssh', 'sandbox', 'plugin'));
ALTER TABLE "environments" ADD CONSTRAINT "EnvironmentStatus" CHECK ("status" IN ('active', 'archived'));
CREATE UNIQUE INDEX "environments_company_driver_idx" ON "environments" ("company_id", "driver") WHERE driver = 'local';

ALTER TABLE "environment_leases" ADD CONSTRAINT "EnvironmentLeaseStatus" CHECK ("status" IN ('active', 'released', 'expired', 'failed', 'retained'));
ALTER TABLE "environment_leases" ADD CONSTRAINT "EnvironmentLeasePolicy" CHECK ("lease_policy" IN ('ephemeral', 'reuse_by_environment', 'reuse_by_execution_workspace', 'retain_on_failure'));
ALTER TABLE "environment_leases" ADD CONSTRAINT "EnvironmentLeaseCleanup" CHECK ("cleanup_status" IN ('pending', 'success', 'failed'));

ALTER TABLE "company_secrets" ADD CONSTRAINT "SecretProvider" CHECK ("provider" IN ('local_encrypted', 'aws_secrets_manager', 'gcp_secret_manager', 'vault'));

ALTER TABLE "company_skills" ADD CONSTRAINT "SkillSourceType" CHECK ("source_type" IN ('local_path', 'github', 'url', 'catalog', 'skills_sh'));
ALTER TABLE "company_skills" ADD CONSTRAINT "SkillTrustLevel" CHECK ("trust_level" IN ('markdown_only', 'assets', 'scripts_executables'));
ALTER TABLE "company_skills" ADD CONSTRAINT "SkillCompatibility" CHECK ("compatibility" IN ('compatible', 'unknown', 'invalid'));

ALTER TABLE "budget_policies" ADD CONSTRAINT "BudgetScopeType" CHECK ("scope_type" IN ('company', 'agent', 'project'));
ALTER TABLE "budget_policies" ADD CONSTRAINT "BudgetMetric" CHECK ("metric" IN ('billed_cents'));
ALTER TABLE "budget_policies" ADD CONSTRAINT "BudgetWindowKind" CHECK ("window_kind" IN ('calendar_month_utc', 'lifetime'));

ALTER TABLE "budget_incidents" ADD CONSTRAINT "BudgetScopeType" CHECK ("scope_type" IN ('company', 'agent', 'project'));
ALTER TABLE "budget_incidents" ADD CONSTRAINT "BudgetMetric" CHECK ("metric" IN ('billed_cents'));
ALTER TABLE "budget_incidents" ADD CONSTRAINT "BudgetWindowKind" CHECK ("window_kind" IN ('calendar_month_utc', 'lifetime'));
ALTER TABLE "budget_incidents" ADD CONSTRAINT "BudgetThresholdType" CHECK ("threshold_type" IN ('soft', 'hard'));
ALTER TABLE "budget_incidents" ADD CONSTRAINT "BudgetIncidentStatus" CHECK ("status" IN ('open', 'resolved', 'dismissed'));
CREATE UNIQUE INDEX "budget_incidents_policy_window_threshold_idx" ON "budget_incidents" ("policy_id", "window_start", "threshold_type") WHERE status = 'open';

ALTER TABLE "cost_events" ADD CONSTRAINT "BillingType" CHECK ("billing_type" IN ('metered_api', 'subscription_included', 'subscription_overage', 'credits', 'fixed', 'unknown'));
CREATE INDEX "cost_events_heartbeat_run_id_idx" ON "cost_events" ("heartbeat_run_id") WHERE heartbeat_run_id IS NOT NULL;
CREATE INDEX "cost_events_issue_id_idx" ON "cost_events" ("issue_id") WHERE issue_id IS NOT NULL;
CREATE INDEX "cost_events_project_id_idx" ON "cost_events" ("project_id") WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX "cost_events_dedupe_key_uq" ON "cost_events" ("dedupe_key") WHERE dedupe_key IS NOT NULL;

ALTER TABLE "activity_log" ADD CONSTRAINT "ActivityActorType" CHECK ("actor_type" IN ('agent', 'user', 'system', 'plugin'));
CREATE INDEX "activity_log_agent_id_idx" ON "activity_log" ("agent_id") WHERE agent_id IS NOT NULL;

ALTER TABLE "api_keys" ADD CONSTRAINT "ApiKeyScope" CHECK ("scope" IN ('admin', 'operator', 'enqueue'));

ALTER TABLE "approvals" ADD CONSTRAINT "ApprovalType" CHECK ("type" IN ('hire_agent', 'approve_ceo_strategy', 'budget_override_required', 'request_board_approval'));
ALTER TABLE "approvals" ADD CONSTRAINT "ApprovalStatus" CHECK ("status" IN ('pending', 'revision_requested', 'approved', 'rejected', 'cancelled'));

ALTER TABLE "company_memberships" ADD CONSTRAINT "PrincipalType" CHECK ("principal_type" IN ('user', 'agent'));
ALTER TABLE "company_memberships" ADD CONSTRAINT "MembershipStatus" CHECK ("status" IN ('pending', 'active', 'suspended', 'archived'));
ALTER TABLE "company_memberships" ADD CONSTRAINT "MembershipRole" CHECK ("membership_role" IN ('owner', 'admin', 'operator', 'viewer', 'member'));

ALTER TABLE "principal_permission_grants" ADD CONSTRAINT "PrincipalType" CHECK ("principal_type" IN ('user', 'agent'));
ALTER TABLE "principal_permission_grants" ADD CONSTRAINT "PermissionKey" CHECK ("permission_key" IN ('agents:create', 'environments:manage', 'users:invite', 'users:manage_permissions', 'tasks:assign', 'tasks:assign_scope', 'tasks:manage_active_checkouts', 'joins:approve'));

ALTER TABLE "budget_counters" ADD CONSTRAINT "BudgetScopeType" CHECK ("scope_type" IN ('company', 'agent', 'project'));

ALTER TABLE "idempotency_records" ADD CONSTRAINT "IdempotencyState" CHECK ("state" IN ('in_progress', 'done'));

-- Ranges and pairs.
ALTER TABLE "companies" ADD CONSTRAINT "companies_attachment_max_bytes_range" CHECK ("attachment_max_bytes" BETWEEN 1 AND 1073741824);
ALTER TABLE "agents" ADD CONSTRAINT "agents_max_concurrent_runs_range" CHECK ("max_concurrent_runs" BETWEEN 1 AND 10);
ALTER TABLE "workers" ADD CONSTRAINT "workers_capacity_at_least_one" CHECK ("capacity" >= 1);
ALTER TABLE "heartbeat_run_events" ADD CONSTRAINT "heartbeat_run_events_seq_positive" CHECK ("seq" >= 1);
ALTER TABLE "issues" ADD CONSTRAINT "issues_one_assignee" CHECK ("assignee_agent_id" IS NULL OR "assignee_user_id" IS NULL);
ALTER TABLE "issue_relations" ADD CONSTRAINT "issue_relations_not_itself" CHECK ("issue_id" <> "related_issue_id");
ALTER TABLE "budget_policies" ADD CONSTRAINT "budget_policies_amount_not_negative" CHECK ("amount" >= 0);
ALTER TABLE "budget_policies" ADD CONSTRAINT "budget_policies_warn_percent_range" CHECK ("warn_percent" BETWEEN 1 AND 99);
ALTER TABLE "cost_events" ADD CONSTRAINT "cost_events_cost_cents_not_negative" CHECK ("cost_cents" >= 0);
-- A key without a company reaches every company: never a key that may only post wakeups (DM-83).
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_every_company_scope" CHECK ("company_id" IS NOT NULL OR "scope" IN ('admin', 'operator'));

-- DM-28: what a wakeup request's status says about its times.
ALTER TABLE "agent_wakeup_requests" ADD CONSTRAINT "agent_wakeup_requests_final_is_finished" CHECK (
    "status" NOT IN ('coalesced', 'skipped', 'completed', 'failed', 'cancelled', 'timed_out') OR "finished_at" IS NOT NULL);
ALTER TABLE "agent_wakeup_requests" ADD CONSTRAINT "agent_wakeup_requests_waiting_is_unfinished" CHECK (
    "status" NOT IN ('queued', 'deferred_issue_execution') OR "finished_at" IS NULL);
ALTER TABLE "agent_wakeup_requests" ADD CONSTRAINT "agent_wakeup_requests_claimed_at_when_claimed" CHECK (
    "status" <> 'claimed' OR "claimed_at" IS NOT NULL);

-- DM-37: what a run's status says about the rest of the row.
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_finished_when_terminal" CHECK (
    ("status" IN ('succeeded', 'failed', 'cancelled', 'timed_out')) = ("finished_at" IS NOT NULL));
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_running_is_claimed" CHECK (
    "status" <> 'running' OR ("worker_id" IS NOT NULL AND "lease_expires_at" IS NOT NULL AND "run_slot" IS NOT NULL));
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_idle_holds_nothing" CHECK (
    "status" = 'running' OR ("lease_expires_at" IS NULL AND "run_slot" IS NULL));
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_retry_is_due" CHECK (
    "status" <> 'scheduled_retry' OR "scheduled_retry_at" IS NOT NULL);
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_claim_token_not_negative" CHECK ("claim_token" >= 0);
ALTER TABLE "heartbeat_runs" ADD CONSTRAINT "heartbeat_runs_run_slot_range" CHECK ("run_slot" BETWEEN 1 AND 10);

-- DM-36: a slot above the agent's limit is refused when a run starts running or changes its slot. Together with the unique
-- (agent_id, run_slot) no statement, however wrong, puts more runs beside each other than the agent allows. Runs that
-- already run when the limit is lowered go on: nothing is checked again for them.
CREATE FUNCTION "heartbeat_runs_check_slot"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed integer;
BEGIN
    SELECT "max_concurrent_runs" INTO allowed FROM "agents" WHERE "id" = NEW."agent_id";
    IF NEW."run_slot" > allowed THEN
        RAISE EXCEPTION 'agent % may run % at once: slot % is refused', NEW."agent_id", allowed, NEW."run_slot"
            USING ERRCODE = 'check_violation', TABLE = 'heartbeat_runs', CONSTRAINT = 'heartbeat_runs_slot_within_limit';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER "heartbeat_runs_slot_within_limit_insert" BEFORE INSERT ON "heartbeat_runs"
    FOR EACH ROW WHEN (NEW."run_slot" IS NOT NULL) EXECUTE FUNCTION "heartbeat_runs_check_slot"();
CREATE TRIGGER "heartbeat_runs_slot_within_limit_update" BEFORE UPDATE ON "heartbeat_runs"
    FOR EACH ROW WHEN (NEW."run_slot" IS NOT NULL AND NEW."run_slot" IS DISTINCT FROM OLD."run_slot")
    EXECUTE FUNCTION "heartbeat_runs_check_slot"();

-- Rows that are updated several times in their life leave room on their page.
ALTER TABLE "agents" SET (fillfactor = 90);
ALTER TABLE "agent_runtime_state" SET (fillfactor = 80);
ALTER TABLE "agent_wakeup_requests" SET (fillfactor = 90);
ALTER TABLE "heartbeat_runs" SET (fillfactor = 80);

-- The one row all processes agree on; the migrator keeps schema_version at the newest migration.
INSERT INTO "fleet_state" ("queue_epoch", "schema_version") VALUES (gen_random_uuid(), '20261124000000_init');
