/** Deleting a company with everything in it (DM-17). One transaction of the caller; nothing of another company is touched. */
import type { Sql } from "./sql.js";

/** The tables with a `company_id`, children first. A test compares them with the database's own list. */
const COMPANY_TABLES = [
  "activity_log",
  "heartbeat_run_events",
  "heartbeat_run_watchdog_decisions",
  "agent_task_sessions",
  "cost_events",
  "issue_thread_interactions",
  "issue_comments",
  "issue_approvals",
  "budget_incidents",
  "budget_policies",
  "budget_counters",
  "approvals",
  "issue_execution_decisions",
  "issue_work_products",
  "issue_documents",
  "document_revisions",
  "documents",
  "issue_tree_hold_members",
  "issue_tree_holds",
  "issue_relations",
  "environment_leases",
  "workspace_runtime_services",
  "workspace_operations",
  "execution_workspaces",
  "issues",
  "heartbeat_runs",
  "agent_wakeup_requests",
  "project_workspaces",
  "projects",
  "agent_runtime_state",
  "agent_api_keys",
  "agent_config_revisions",
  "company_secrets",
  "company_skills",
  "principal_permission_grants",
  "company_memberships",
  "agents",
  "provider_accounts",
  "environments",
  "api_keys",
  "idempotency_records",
] as const;

export interface LockedCompany {
  readonly hasRunningRun: boolean;
  readonly agentIds: readonly string[];
}

/**
 * Locks a company's agents and then itself, so that nothing new begins in it while it is deleted: wakes and claims lock the
 * agent first, too, and every new row refers to the company. Null when there is none.
 */
export async function lockCompanyForDeletion(tx: Sql, companyId: string): Promise<LockedCompany | null> {
  await lockAgentsOf(tx, companyId);
  const companies = await tx.query<object>("SELECT 1 FROM companies WHERE id = $1 FOR UPDATE", [companyId]);
  if (companies.length === 0) return null;
  // Once more: one may have been made before the company was locked.
  const agentIds = await lockAgentsOf(tx, companyId);
  const rows = await tx.query<{ running: boolean }>(
    "SELECT EXISTS (SELECT 1 FROM heartbeat_runs WHERE company_id = $1 AND status = 'running') AS running",
    [companyId],
  );
  return { hasRunningRun: rows[0]?.running === true, agentIds };
}

async function lockAgentsOf(tx: Sql, companyId: string): Promise<string[]> {
  const agents = await tx.query<{ id: string }>("SELECT id FROM agents WHERE company_id = $1 ORDER BY id FOR UPDATE", [
    companyId,
  ]);
  return agents.map(({ id }) => id);
}

/** Call with the company locked and none of its runs running. */
export async function deleteCompanyRows(tx: Sql, companyId: string): Promise<void> {
  // The names are this module's own.
  for (const table of COMPANY_TABLES) await tx.query(`DELETE FROM ${table} WHERE company_id = $1`, [companyId]);
  await tx.query("DELETE FROM companies WHERE id = $1", [companyId]);
}
