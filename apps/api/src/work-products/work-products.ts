/** Work products of issues over HTTP (API-167, API-168). They wake nobody (API-176). */
import { WakefleetError, type WorkProductCreate, type WorkProductPatch } from "@wakefleet/contracts";
import type { IssuePart } from "@wakefleet/engine";
import {
  deleteWorkProduct,
  findWorkProduct,
  foreignWorkProductReferences,
  insertWorkProduct,
  listWorkProducts,
  unsetPrimary,
  updateWorkProduct,
  type WorkProductChanges,
  type WorkProductRow,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertCompanyAccess } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { changeIssuePart } from "../issues/change-issue-part.js";
import { requireIssue } from "../issues/find-issue.js";
import type { Principal } from "../principal.js";

const NOT_FOUND = "Work product not found";

interface Call {
  readonly caller: Principal;
  readonly id: string;
}

/** API-167. */
export async function readWorkProducts(deps: ApiDeps, call: Call & { limit: number }): Promise<WorkProductRow[]> {
  const { id: issueId, companyId } = await requireIssue(deps, { caller: call.caller, ref: call.id });
  return listWorkProducts(deps.db.sql, { companyId, issueId, limit: call.limit });
}

/** API-167. */
export async function createWorkProduct(
  deps: ApiDeps,
  call: Call & { body: WorkProductCreate },
): Promise<WorkProductRow> {
  const { caller, id: ref, body } = call;
  return changeIssuePart(deps, { caller, ref }, async (change) => {
    const { tx, issue, actor } = change;
    const { projectId = issue.projectId, createdByRunId = actor.runId } = body;
    await assertReferences(change, { ...body, projectId, createdByRunId });
    if (body.isPrimary) await unsetPrimary(tx, { issueId: issue.id, type: body.type });
    const { companyId, id: issueId } = issue;
    const product = await insertWorkProduct(tx, { ...body, companyId, issueId, projectId, createdByRunId });
    noteProduct(change, product, "issue.work_product_created");
    return product;
  });
}

/** API-168. */
export async function patchWorkProduct(
  deps: ApiDeps,
  call: Call & { body: WorkProductPatch },
): Promise<WorkProductRow> {
  const { caller, body } = call;
  const { id, issueId } = await requireWorkProduct(deps, call);
  return changeIssuePart(deps, { caller, ref: issueId }, async (change) => {
    const { tx } = change;
    const before = found(await findWorkProduct(tx, id), NOT_FOUND);
    await assertReferences(change, body);
    const type = body.type ?? before.type;
    // Whatever is or becomes the primary of a type is the only one.
    if (body.isPrimary ?? before.isPrimary) await unsetPrimary(tx, { issueId, type });
    const isPrimary = body.isPrimary ?? before.isPrimary;
    const product = found(await updateWorkProduct(tx, { id, changes: { ...body, isPrimary } }), NOT_FOUND);
    noteProduct(change, product, "issue.work_product_updated");
    return product;
  });
}

/** API-168. */
export async function removeWorkProduct(deps: ApiDeps, call: Call): Promise<WorkProductRow> {
  const { id, issueId } = await requireWorkProduct(deps, call);
  return changeIssuePart(deps, { caller: call.caller, ref: issueId }, async (change) => {
    const product = found(await findWorkProduct(change.tx, id), NOT_FOUND);
    await deleteWorkProduct(change.tx, id);
    noteProduct(change, product, "issue.work_product_deleted");
    return product;
  });
}

async function requireWorkProduct(deps: ApiDeps, call: Call): Promise<WorkProductRow> {
  const product = found(await findWorkProduct(deps.db.sql, pathId(call.id, NOT_FOUND)), NOT_FOUND);
  assertCompanyAccess(call.caller, product.companyId);
  return product;
}

/** Every reference is of the issue's company; an agent names no run but the one it acts in (API-30). */
async function assertReferences({ tx, issue, actor }: IssuePart, references: WorkProductChanges): Promise<void> {
  const fields = await foreignWorkProductReferences(tx, { ...references, companyId: issue.companyId });
  const { createdByRunId = null } = references;
  if (actor.type === "agent" && createdByRunId !== null && createdByRunId.toLowerCase() !== actor.runId) {
    fields.push("createdByRunId");
  }
  if (fields.length > 0) throw new WakefleetError("unprocessable", "Invalid work product payload", { fields });
}

function noteProduct({ note, issue }: IssuePart, product: WorkProductRow, action: string): void {
  const { id: workProductId, type, provider, title } = product;
  note({
    companyId: issue.companyId,
    action,
    entityType: "issue",
    entityId: issue.id,
    details: { workProductId, type, provider, title },
  });
}
