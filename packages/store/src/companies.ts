/** Companies (DM-20): plain reads and writes. Spending is computed for the current UTC month, never taken from the cache. */
import { issuePrefixCandidate } from "@wakefleet/domain";
import { Conditions } from "./conditions.js";
import { camelRow } from "./rows.js";
import { ensureLocalEnvironment } from "./runs/environment-lease.js";
import type { Sql } from "./sql.js";

/** `companies` as they are answered (DM-20). */
export interface CompanyRow {
  id: string;
  name: string;
  description: string | null;
  status: "active" | "paused" | "archived";
  pauseReason: string | null;
  pausedAt: Date | null;
  issuePrefix: string;
  issueCounter: number;
  budgetMonthlyCents: number;
  spentMonthlyCents: number;
  attachmentMaxBytes: number;
  requireBoardApprovalForNewAgents: boolean;
  brandColor: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** First instant of the current UTC month, by the database's clock. */
export const CURRENT_MONTH_START = `date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'`;

const COMPUTED = `coalesce((SELECT sum(e.cost_cents) FROM cost_events e
   WHERE e.company_id = c.id AND e.occurred_at >= ${CURRENT_MONTH_START}), 0)::bigint AS spent_monthly_cents_now`;

function companyOf(row: object): CompanyRow {
  const { spentMonthlyCentsNow, ...company } = camelRow<CompanyRow & { spentMonthlyCentsNow: number }>(row);
  return { ...company, spentMonthlyCents: spentMonthlyCentsNow };
}

/** All companies, or the one a bound key may see (API-60). */
export async function listCompanies(sql: Sql, onlyId: string | null): Promise<CompanyRow[]> {
  const rows = await sql.query<object>(
    `SELECT c.*, ${COMPUTED} FROM companies c WHERE $1::uuid IS NULL OR c.id = $1 ORDER BY c.created_at, c.id`,
    [onlyId],
  );
  return rows.map(companyOf);
}

export async function findCompany(sql: Sql, id: string): Promise<CompanyRow | null> {
  const rows = await sql.query<object>(
    `SELECT c.*, ${COMPUTED} FROM companies c WHERE c.id = $1`,
    [id],
    "find_company",
  );
  return rows[0] === undefined ? null : companyOf(rows[0]);
}

export interface NewCompany {
  readonly name: string;
  readonly description: string | null;
  readonly budgetMonthlyCents: number;
  readonly attachmentMaxBytes?: number | undefined;
}

/** Creates a company with a free prefix (CO-1), its local environment (DM-75) and nothing else. Runs in a transaction. */
export async function insertCompany(tx: Sql, company: NewCompany): Promise<CompanyRow> {
  for (let attempt = 0; ; attempt += 1) {
    const rows = await tx.query<{ id: string }>(
      `INSERT INTO companies (name, description, issue_prefix, budget_monthly_cents, attachment_max_bytes)
       VALUES ($1, $2, $3, $4, coalesce($5, 10485760)) ON CONFLICT (issue_prefix) DO NOTHING RETURNING id`,
      [
        company.name,
        company.description,
        issuePrefixCandidate(company.name, attempt),
        company.budgetMonthlyCents,
        company.attachmentMaxBytes ?? null,
      ],
    );
    const id = rows[0]?.id;
    if (id === undefined) continue;
    await ensureLocalEnvironment(tx, id);
    const created = await findCompany(tx, id);
    if (created === null) throw new Error(`company ${id} vanished inside its own transaction`);
    return created;
  }
}

const PATCHABLE = {
  name: "name",
  description: "description",
  status: "status",
  budgetMonthlyCents: "budget_monthly_cents",
  spentMonthlyCents: "spent_monthly_cents",
  attachmentMaxBytes: "attachment_max_bytes",
  requireBoardApprovalForNewAgents: "require_board_approval_for_new_agents",
  brandColor: "brand_color",
} as const;

export type CompanyChanges = { [Field in keyof typeof PATCHABLE]?: CompanyRow[Field] | undefined };

/**
 * Changes the fields that are present (API-7). A status of `paused` stamps the pause (reason `manual`), any other clears
 * it. Null when the company is gone.
 */
export async function updateCompany(
  tx: Sql,
  change: { id: string; changes: CompanyChanges },
): Promise<CompanyRow | null> {
  const set = new Conditions();
  const assignments = Object.entries(change.changes)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => `${PATCHABLE[field as keyof typeof PATCHABLE]} = ${set.bind(value)}`);
  const { status } = change.changes;
  if (status === "paused") {
    assignments.push(
      "pause_reason = CASE WHEN status = 'paused' THEN pause_reason ELSE 'manual' END",
      "paused_at = CASE WHEN status = 'paused' THEN paused_at ELSE now() END",
    );
  } else if (status !== undefined) {
    assignments.push("pause_reason = NULL", "paused_at = NULL");
  }
  await tx.query(
    `UPDATE companies SET ${[...assignments, "updated_at = now()"].join(", ")} WHERE id = ${set.bind(change.id)}`,
    set.values,
  );
  return await findCompany(tx, change.id);
}

export interface CompanyStats {
  readonly companyId: string;
  readonly agentCount: number;
  readonly issueCount: number;
}

/** API-66: how much there is of each company, or of the one a bound key may see. Terminated agents and hidden issues count. */
export async function countCompanyContents(sql: Sql, onlyId: string | null): Promise<CompanyStats[]> {
  return await sql.query<CompanyStats>(
    `SELECT c.id AS "companyId",
            (SELECT count(*)::int FROM agents a WHERE a.company_id = c.id) AS "agentCount",
            (SELECT count(*)::int FROM issues i WHERE i.company_id = c.id) AS "issueCount"
       FROM companies c WHERE $1::uuid IS NULL OR c.id = $1 ORDER BY c.created_at, c.id`,
    [onlyId],
  );
}
