/** What an agent may do beside its own work (API-83, DM-83): its `permissions`, and the grant to assign tasks. */
import { toDatabaseJson } from "./database-json.js";
import type { Sql } from "./sql.js";

/** Sets both rights of an agent; call with its row locked. */
export async function setAgentPermissions(
  tx: Sql,
  rights: {
    agentId: string;
    companyId: string;
    canCreateAgents: boolean;
    canAssignTasks: boolean;
    userId: string | null;
  },
): Promise<void> {
  await tx.query(`UPDATE agents SET permissions = permissions || $2::jsonb, updated_at = now() WHERE id = $1`, [
    rights.agentId,
    toDatabaseJson({ canCreateAgents: rights.canCreateAgents }),
  ]);
  const principal = [rights.companyId, rights.agentId];
  if (rights.canAssignTasks) {
    await tx.query(
      `INSERT INTO principal_permission_grants (company_id, principal_type, principal_id, permission_key, granted_by_user_id)
       VALUES ($1, 'agent', $2, 'tasks:assign', $3)
       ON CONFLICT (company_id, principal_type, principal_id, permission_key) DO NOTHING`,
      [...principal, rights.userId],
    );
  } else {
    await tx.query(
      `DELETE FROM principal_permission_grants
        WHERE company_id = $1 AND principal_type = 'agent' AND principal_id = $2 AND permission_key = 'tasks:assign'`,
      principal,
    );
  }
}
