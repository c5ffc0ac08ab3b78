/**
 * The closed sets of 01 ("Closed sets"): the words that code, database, HTTP and dashboards share.
 * The database checks the same values (DM-5).
 */

export const COMPANY_STATUSES = ["active", "paused", "archived"] as const;
export type CompanyStatus = (typeof COMPANY_STATUSES)[number];

export const AGENT_STATUSES = [
  "active",
  "paused",
  "idle",
  "running",
  "error",
  "pending_approval",
  "terminated",
] as const;
export type AgentStatus = (typeof AGENT_STATUSES)[number];

export const AGENT_ROLES = [
  "ceo",
  "cto",
  "cmo",
  "cfo",
  "security",
  "engineer",
  "designer",
  "pm",
  "qa",
  "devops",
  "researcher",
  "general",
] as const;
export type AgentRole = (typeof AGENT_ROLES)[number];

export const PAUSE_REASONS = ["manual", "budget", "system"] as const;
export type PauseReason = (typeof PAUSE_REASONS)[number];

/** Where a wakeup came from (wakeup `source`, run `invocation_source`). */
export const INVOCATION_SOURCES = ["timer", "assignment", "on_demand", "automation"] as const;
export type InvocationSource = (typeof INVOCATION_SOURCES)[number];

export const TRIGGER_DETAILS = ["manual", "ping", "callback", "system"] as const;
export type TriggerDetail = (typeof TRIGGER_DETAILS)[number];

export const WAKEUP_STATUSES = [
  "queued",
  "deferred_issue_execution",
  "claimed",
  "coalesced",
  "skipped",
  "completed",
  "failed",
  "cancelled",
  "timed_out",
] as const;
export type WakeupStatus = (typeof WAKEUP_STATUSES)[number];

export const ACTOR_TYPES = ["user", "agent", "system"] as const;
export type ActorType = (typeof ACTOR_TYPES)[number];

export const RUN_STATUSES = [
  "queued",
  "scheduled_retry",
  "running",
  "succeeded",
  "failed",
  "cancelled",
  "timed_out",
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Statuses that are in the way of another run. */
export const ACTIVE_RUN_STATUSES = ["queued", "scheduled_retry", "running"] as const;
/** Statuses a run never leaves. */
export const TERMINAL_RUN_STATUSES = ["succeeded", "failed", "cancelled", "timed_out"] as const;
export type ActiveRunStatus = (typeof ACTIVE_RUN_STATUSES)[number];
export type TerminalRunStatus = (typeof TERMINAL_RUN_STATUSES)[number];

export function isTerminalRunStatus(status: RunStatus): status is TerminalRunStatus {
  return (TERMINAL_RUN_STATUSES as readonly string[]).includes(status);
}

export const ISSUE_STATUSES = ["backlog", "todo", "in_progress", "in_review", "done", "blocked", "cancelled"] as const;
export type IssueStatus = (typeof ISSUE_STATUSES)[number];

export const ISSUE_PRIORITIES = ["critical", "high", "medium", "low"] as const;
export type IssuePriority = (typeof ISSUE_PRIORITIES)[number];

export const API_KEY_SCOPES = ["admin", "operator", "enqueue"] as const;
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

/** The fleet's sweeps by name (RC-83), each a job of the maintenance queue. */
export const SWEEP_NAMES = [
  "timers",
  "orphans",
  "dead-workers",
  "finish-ends",
  "stranded-work",
  "issue-graph",
  "silent-runs",
  "kept-answers",
  "budget-counters",
  "retention",
] as const;
export type SweepName = (typeof SWEEP_NAMES)[number];

export const OUTPUT_STREAMS = ["stdout", "stderr"] as const;
export type OutputStream = (typeof OUTPUT_STREAMS)[number];

export const EVENT_LEVELS = ["info", "warn", "error"] as const;
export type EventLevel = (typeof EVENT_LEVELS)[number];

/** Who or what cancelled a run (DM-30 `cancel_kind`); rules read this, never a text. */
export const CANCEL_KINDS = ["person", "pause", "budget", "hold", "gate", "issue", "system"] as const;
export type CancelKind = (typeof CANCEL_KINDS)[number];

/** What a subtree hold does (TH-1 to TH-4). */
export const TREE_HOLD_MODES = ["pause", "resume", "cancel", "restore"] as const;
export type TreeHoldMode = (typeof TREE_HOLD_MODES)[number];

export const TREE_HOLD_STATUSES = ["active", "released"] as const;
export type TreeHoldStatus = (typeof TREE_HOLD_STATUSES)[number];

export const TREE_HOLD_RELEASE_STRATEGIES = ["manual", "after_active_runs_finish"] as const;

export const BUDGET_SCOPE_TYPES = ["company", "agent", "project"] as const;
export type BudgetScopeType = (typeof BUDGET_SCOPE_TYPES)[number];

export const BUDGET_METRICS = ["billed_cents"] as const;
export type BudgetMetric = (typeof BUDGET_METRICS)[number];

export const BUDGET_WINDOW_KINDS = ["calendar_month_utc", "lifetime"] as const;
export type BudgetWindowKind = (typeof BUDGET_WINDOW_KINDS)[number];

export const BUDGET_STATUSES = ["ok", "warning", "hard_stop"] as const;
export type BudgetStatus = (typeof BUDGET_STATUSES)[number];

export const BUDGET_THRESHOLD_TYPES = ["soft", "hard"] as const;
export type BudgetThresholdType = (typeof BUDGET_THRESHOLD_TYPES)[number];

export const BUDGET_INCIDENT_STATUSES = ["open", "resolved", "dismissed"] as const;
export type BudgetIncidentStatus = (typeof BUDGET_INCIDENT_STATUSES)[number];

export const PROJECT_STATUSES = ["backlog", "planned", "in_progress", "completed", "cancelled"] as const;

export const PROJECT_WORKSPACE_SOURCES = ["local_path", "git_repo", "remote_managed", "non_git_path"] as const;

export const PROJECT_WORKSPACE_VISIBILITIES = ["default", "advanced"] as const;

export const APPROVAL_TYPES = [
  "hire_agent",
  "approve_ceo_strategy",
  "budget_override_required",
  "request_board_approval",
] as const;
export type ApprovalType = (typeof APPROVAL_TYPES)[number];

export const APPROVAL_STATUSES = ["pending", "revision_requested", "approved", "rejected", "cancelled"] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

export const INTERACTION_KINDS = ["suggest_tasks", "ask_user_questions", "request_confirmation"] as const;
export type InteractionKind = (typeof INTERACTION_KINDS)[number];

export const INTERACTION_STATUSES = ["pending", "accepted", "rejected", "answered", "expired", "failed"] as const;
export type InteractionStatus = (typeof INTERACTION_STATUSES)[number];

/** Whether the assignee goes on when an interaction is resolved (W15). */
export const INTERACTION_CONTINUATIONS = ["none", "wake_assignee", "wake_assignee_on_accept"] as const;
export type InteractionContinuation = (typeof INTERACTION_CONTINUATIONS)[number];

export const WORK_PRODUCT_TYPES = [
  "preview_url",
  "runtime_service",
  "pull_request",
  "branch",
  "commit",
  "artifact",
  "document",
] as const;

export const WORK_PRODUCT_STATUSES = [
  "active",
  "ready_for_review",
  "approved",
  "changes_requested",
  "merged",
  "closed",
  "failed",
  "archived",
  "draft",
] as const;

export const WORK_PRODUCT_REVIEW_STATES = ["none", "needs_board_review", "approved", "changes_requested"] as const;

export const WORK_PRODUCT_HEALTH = ["unknown", "healthy", "unhealthy"] as const;

/** How a cost was paid for (BU-40). */
export const BILLING_TYPES = [
  "metered_api",
  "subscription_included",
  "subscription_overage",
  "credits",
  "fixed",
  "unknown",
] as const;
export type BillingType = (typeof BILLING_TYPES)[number];

/** Where the values of secrets are kept (SC-12). */
export const SECRET_PROVIDERS = ["local_encrypted", "aws_secrets_manager", "gcp_secret_manager", "vault"] as const;
export type SecretProvider = (typeof SECRET_PROVIDERS)[number];

/** Adapter types that ship (AD-3). The set is open: others may be registered. */
export const BUILT_IN_ADAPTER_TYPES = [
  "claude_local",
  "codex_local",
  "cursor",
  "gemini_local",
  "openclaw_gateway",
  "opencode_local",
  "pi_local",
  "hermes_local",
  "process",
  "http",
] as const;

/** What became of a run's lease on an environment (DM-75). */
export const ENVIRONMENT_LEASE_STATUSES = ["active", "released", "expired", "failed", "retained"] as const;
export type EnvironmentLeaseStatus = (typeof ENVIRONMENT_LEASE_STATUSES)[number];
