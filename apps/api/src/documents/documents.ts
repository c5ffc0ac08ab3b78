/** Documents of issues over HTTP (API-163 to API-166). They wake nobody (API-176). */
import { type DocumentPut, WakefleetError } from "@wakefleet/contracts";
import { CONTINUATION_SUMMARY_KEY, documentKeyOf, judgeDocumentWrite } from "@wakefleet/domain";
import { expireStaleConfirmations, type IssuePart } from "@wakefleet/engine";
import {
  type DocumentRevisionRow,
  type DocumentRow,
  deleteDocument,
  findDocument,
  findDocumentRevision,
  insertDocument,
  listDocumentRevisions,
  listDocuments,
  type NewRevision,
  reviseDocument,
  type Sql,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { found, pathId } from "../http/query-fields.js";
import { changeIssuePart } from "../issues/change-issue-part.js";
import { requireIssue } from "../issues/find-issue.js";
import type { Principal } from "../principal.js";

const NOT_FOUND = "Document not found";

interface IssueCall {
  readonly caller: Principal;
  readonly id: string;
}
type DocumentCall = IssueCall & { readonly key: string };

/** A document that was written, and whether it is new. */
export interface WrittenDocument {
  readonly document: DocumentRow;
  readonly isNew: boolean;
}

/** API-163. */
export async function readDocuments(
  deps: ApiDeps,
  call: IssueCall & { includeSystem: boolean },
): Promise<DocumentRow[]> {
  const { id: issueId, companyId } = await requireIssue(deps, { caller: call.caller, ref: call.id });
  const withoutKeys = call.includeSystem ? [] : [CONTINUATION_SUMMARY_KEY];
  return listDocuments(deps.db.sql, { companyId, issueId, withoutKeys });
}

/** API-164. */
export async function readDocument(deps: ApiDeps, call: DocumentCall): Promise<DocumentRow> {
  const issue = await requireIssue(deps, { caller: call.caller, ref: call.id });
  return requireDocument(deps.db.sql, { issue, key: call.key });
}

/** API-164: newest first. */
export async function readDocumentRevisions(
  deps: ApiDeps,
  call: DocumentCall & { limit: number },
): Promise<DocumentRevisionRow[]> {
  const { id: documentId } = await readDocument(deps, call);
  return listDocumentRevisions(deps.db.sql, { documentId, limit: call.limit });
}

/** API-165. */
export async function putDocument(deps: ApiDeps, call: DocumentCall & { body: DocumentPut }): Promise<WrittenDocument> {
  const { caller, id: ref, body } = call;
  const key = keyOf(call.key);
  return changeIssuePart(deps, { caller, ref }, async (change) => {
    if (key === CONTINUATION_SUMMARY_KEY) {
      throw new WakefleetError("forbidden", `The document ${key} is written by the service; use another key`);
    }
    const { tx, issue } = change;
    const current = await findDocument(tx, { companyId: issue.companyId, issueId: issue.id, key });
    const verdict = judgeDocumentWrite({ current, baseRevisionId: body.baseRevisionId });
    if (verdict.kind === "conflict") throw new WakefleetError("conflict", verdict.text, verdict.details);
    const { title = current?.title ?? null, format, changeSummary } = body;
    const revision = revisionOf(change, { key, title, format, body: body.body, changeSummary });
    if (current === null) {
      const document = await insertDocument(tx, revision);
      if (document === null) throw new WakefleetError("conflict", "Document key already exists on this issue");
      await documentChanged(change, { document, action: "issue.document_created" });
      return { document, isNew: true };
    }
    const document = await reviseDocument(tx, { document: current, revision });
    await documentChanged(change, { document, action: "issue.document_updated" });
    return { document, isNew: false };
  });
}

/** API-166: an earlier text becomes the latest again, as a revision of its own. */
export async function restoreDocumentRevision(
  deps: ApiDeps,
  call: DocumentCall & { revisionId: string },
): Promise<DocumentRow> {
  const { caller, id: ref, key } = call;
  return changeIssuePart(deps, { caller, ref }, async (change) => {
    const { tx, issue } = change;
    const current = await requireDocument(tx, { issue, key });
    const id = pathId(call.revisionId, "Document revision not found");
    const old = found(await findDocumentRevision(tx, { documentId: current.id, id }), "Document revision not found");
    if (old.id === current.latestRevisionId) {
      throw new WakefleetError("conflict", "Selected revision is already the latest revision");
    }
    const { title, format, body, revisionNumber } = old;
    const changeSummary = `Restored from revision ${revisionNumber}`;
    const revision = revisionOf(change, { key: current.key, title, format, body, changeSummary });
    const document = await reviseDocument(tx, { document: current, revision });
    await documentChanged(change, { document, action: "issue.document_restored", restoredRevisionId: old.id });
    return document;
  });
}

/** API-166: only the board. */
export async function removeDocument(deps: ApiDeps, call: DocumentCall): Promise<void> {
  const { caller, id: ref, key } = call;
  const issue = await requireIssue(deps, { caller, ref });
  if (caller.kind !== "board") throw new WakefleetError("forbidden", "Board authentication required");
  await requireDocument(deps.db.sql, { issue, key });
  await changeIssuePart(deps, { caller, ref }, async (change) => {
    const document = await requireDocument(change.tx, { issue: change.issue, key });
    await deleteDocument(change.tx, document.id);
    await documentChanged(change, { document, action: "issue.document_deleted" });
  });
}

function keyOf(text: string): string {
  const key = documentKeyOf(text);
  if (key === null) throw new WakefleetError("bad_request", "Invalid document key");
  return key;
}

async function requireDocument(
  sql: Sql,
  query: { issue: { id: string; companyId: string }; key: string },
): Promise<DocumentRow> {
  const { id: issueId, companyId } = query.issue;
  return found(await findDocument(sql, { companyId, issueId, key: keyOf(query.key) }), NOT_FOUND);
}

function revisionOf(
  { issue, actor }: IssuePart,
  text: Pick<NewRevision, "key" | "title" | "format" | "body" | "changeSummary">,
): NewRevision {
  const { agentId, userId, runId } = actor;
  return { ...text, companyId: issue.companyId, issueId: issue.id, agentId, userId, runId };
}

/** Notes the change; confirmations that were about the text before it expire. */
async function documentChanged(
  change: IssuePart,
  what: { document: DocumentRow; action: string; restoredRevisionId?: string },
): Promise<void> {
  const { note, issue } = change;
  const { document, action, restoredRevisionId } = what;
  const { id: documentId, key, title, format, latestRevisionNumber: revisionNumber } = document;
  note({
    companyId: issue.companyId,
    action,
    entityType: "issue",
    entityId: issue.id,
    details: {
      key,
      documentId,
      title,
      format,
      revisionNumber,
      ...(restoredRevisionId === undefined ? {} : { restoredRevisionId }),
    },
  });
  await expireStaleConfirmations(change);
}
