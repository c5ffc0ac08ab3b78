/** Companies over HTTP (API-60 to API-67). */
import {
  type CompanyBranding,
  type CompanyCreate,
  type CompanyPatch,
  companyPatchByCeoSchema,
  type JsonObject,
  WakefleetError,
} from "@wakefleet/contracts";
import {
  type CompanyRow,
  countCompanyContents,
  findCompany,
  insertCompany,
  listCompanies,
  mirrorMonthlyBudget,
  updateCompany,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertBoard, assertCompanyAccess, assertInstanceAdmin, insufficientScope } from "../http/guards.js";
import { validationError } from "../http/problems.js";
import { found, pathId } from "../http/query-fields.js";
import { mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";

const NOT_FOUND = "Company not found";

/** A company as it is answered: DM-20 with the fields of logos, which come later. */
export function presentCompany(company: CompanyRow): object {
  return { ...company, logoAssetId: null, logoUrl: null };
}

/** Finds a company the caller may see, in the order of API-19: 404 before 403. */
export async function requireCompany(
  deps: Pick<ApiDeps, "db">,
  access: { caller: Principal; companyId: string },
): Promise<CompanyRow> {
  const company = found(await findCompany(deps.db.sql, pathId(access.companyId, NOT_FOUND)), NOT_FOUND);
  assertCompanyAccess(access.caller, company.id);
  return company;
}

/** API-60. */
export async function listVisibleCompanies(deps: ApiDeps, caller: Principal): Promise<object[]> {
  assertBoard(caller);
  return (await listCompanies(deps.db.sql, caller.companyId)).map(presentCompany);
}

/** API-61. */
export async function createCompany(
  deps: ApiDeps,
  command: { caller: Principal; body: CompanyCreate },
): Promise<object> {
  const { caller, body } = command;
  assertInstanceAdmin(caller);
  const company = await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const created = await insertCompany(tx, body);
    if (created.budgetMonthlyCents > 0) {
      await mirrorMonthlyBudget(tx, {
        companyId: created.id,
        scopeType: "company",
        scopeId: created.id,
        amount: created.budgetMonthlyCents,
        userId: caller.userId,
      });
    }
    note({
      companyId: created.id,
      action: "company.created",
      entityType: "company",
      entityId: created.id,
      details: { name: created.name },
    });
    return created;
  });
  return presentCompany(company);
}

/** API-66: by company id. */
export async function readCompanyStats(deps: ApiDeps, caller: Principal): Promise<object> {
  assertBoard(caller);
  const stats = await countCompanyContents(deps.db.sql, caller.companyId);
  return Object.fromEntries(stats.map(({ companyId, ...counts }) => [companyId, counts]));
}

/** API-64: an archived company starts no new work (BU-15.3). Archiving twice is harmless. */
export async function archiveCompany(
  deps: ApiDeps,
  command: { caller: Principal; companyId: string },
): Promise<object> {
  const { caller } = command;
  const company = await requireCompany(deps, command);
  assertBoard(caller);
  if (company.status === "archived") return presentCompany(company);
  return await changeCompany(deps, { caller, company, changes: { status: "archived" }, action: "company.archived" });
}

/** API-65: with everything in it. */
export async function deleteCompany(
  deps: ApiDeps & { forgetKeys(): void },
  command: { caller: Principal; companyId: string },
): Promise<void> {
  const company = await requireCompany(deps, command);
  assertInstanceAdmin(command.caller);
  const { type, id } = actorOf(command.caller);
  await deps.engine.deleteCompany({ companyId: company.id, actor: { type, id } });
  deps.forgetKeys();
}

/** API-67: how a company looks, for the board and for an agent of role `ceo`. */
export async function brandCompany(
  deps: ApiDeps,
  command: { caller: Principal; companyId: string; body: CompanyBranding },
): Promise<object> {
  const { caller, body } = command;
  const company = await requireCompany(deps, command);
  assertBoardOrCeo(caller);
  const { logoAssetId: _none, ...changes } = body;
  return await changeCompany(deps, { caller, company, changes, action: "company.branding_updated" });
}

/** Writes what was sent and notes it under `action`; null in `details` is a field that was cleared. */
async function changeCompany(
  deps: ApiDeps,
  change: { caller: Principal; company: CompanyRow; changes: CompanyPatch; action: string },
): Promise<object> {
  const { company, changes, action } = change;
  const updated = await mutate(deps, actorOf(change.caller), async ({ tx, note }) => {
    const after = found(await updateCompany(tx, { id: company.id, changes }), NOT_FOUND);
    note({
      companyId: company.id,
      action,
      entityType: "company",
      entityId: company.id,
      details: changes as JsonObject,
    });
    return after;
  });
  return presentCompany(updated);
}

/** API-63: the board may change anything, an agent of role `ceo` only how the company looks. */
export async function patchCompany(
  deps: ApiDeps,
  command: { caller: Principal; companyId: string; body: CompanyPatch; sent: unknown },
): Promise<object> {
  const { caller } = command;
  const company = await requireCompany(deps, command);
  const changes = changesAllowed(caller, command);
  const updated = await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const after = found(await updateCompany(tx, { id: company.id, changes }), NOT_FOUND);
    if (changes.budgetMonthlyCents !== undefined) {
      await mirrorMonthlyBudget(tx, {
        companyId: company.id,
        scopeType: "company",
        scopeId: company.id,
        amount: changes.budgetMonthlyCents,
        userId: caller.kind === "board" ? caller.userId : null,
      });
    }
    note({
      companyId: company.id,
      action: "company.updated",
      entityType: "company",
      entityId: company.id,
      // What was sent is JSON already; undefined members are left out by the writer.
      details: changes as JsonObject,
    });
    return after;
  });
  if (changes.budgetMonthlyCents === undefined) return presentCompany(updated);
  await monthlyBudgetChanged(deps, { caller, companyId: company.id });
  return presentCompany(found(await findCompany(deps.db.sql, company.id), NOT_FOUND));
}

/** BU-6, BU-10. */
async function monthlyBudgetChanged(
  deps: Pick<ApiDeps, "engine">,
  change: { caller: Principal; companyId: string },
): Promise<void> {
  const { companyId } = change;
  const actor = actorOf(change.caller);
  await deps.engine.monthlyBudgetChanged({ companyId, scopeType: "company", scopeId: companyId, actor });
}

function changesAllowed(caller: Principal, sent: { body: CompanyPatch; sent: unknown }): CompanyPatch {
  assertBoardOrCeo(caller);
  if (caller.kind === "board") return sent.body;
  const parsed = companyPatchByCeoSchema.safeParse(sent.sent);
  if (!parsed.success) throw validationError(parsed.error);
  return parsed.data;
}

/** The board, and agents of role `ceo`. */
function assertBoardOrCeo(caller: Principal): void {
  if (caller.kind === "board") return;
  if (caller.kind === "enqueue") throw insufficientScope();
  if (caller.role !== "ceo") throw new WakefleetError("forbidden", "Board access required");
}
