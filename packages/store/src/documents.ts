/**
 * Documents of issues and their revisions (DM-66, API-163 to API-166). Every text that was ever the latest stays as a
 * revision. Writers hold the issue's row, so that a judgement on the latest revision is still true when it is written.
 */
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** A document as it is answered. */
export interface DocumentRow {
  id: string;
  companyId: string;
  issueId: string;
  key: string;
  title: string | null;
  format: string;
  body: string;
  latestRevisionId: string | null;
  latestRevisionNumber: number;
  createdByAgentId: string | null;
  createdByUserId: string | null;
  updatedByAgentId: string | null;
  updatedByUserId: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface DocumentRevisionRow {
  id: string;
  companyId: string;
  documentId: string;
  issueId: string;
  key: string;
  revisionNumber: number;
  title: string | null;
  format: string;
  body: string;
  changeSummary: string | null;
  createdByAgentId: string | null;
  createdByUserId: string | null;
  createdByRunId: string | null;
  createdAt: Date;
}

const COLUMNS = `d.id, d.company_id, l.issue_id, l.key, d.title, d.format, d.latest_body AS body, d.latest_revision_id,
  d.latest_revision_number, d.created_by_agent_id, d.created_by_user_id, d.updated_by_agent_id, d.updated_by_user_id,
  d.created_at, d.updated_at`;
const REVISION_COLUMNS = `v.id, v.company_id, v.document_id, l.issue_id, l.key, v.revision_number, v.title, v.format, v.body,
  v.change_summary, v.created_by_agent_id, v.created_by_user_id, v.created_by_run_id, v.created_at`;

interface OfIssue {
  readonly companyId: string;
  readonly issueId: string;
}

/** The documents of an issue by key, without those whose keys are left out. */
export async function listDocuments(
  sql: Sql,
  query: OfIssue & { readonly withoutKeys: readonly string[] },
): Promise<DocumentRow[]> {
  const rows = await sql.query<object>(
    `SELECT ${COLUMNS} FROM issue_documents l JOIN documents d ON d.id = l.document_id
      WHERE l.company_id = $1 AND l.issue_id = $2 AND NOT l.key = ANY($3::text[]) ORDER BY l.key`,
    [query.companyId, query.issueId, query.withoutKeys],
  );
  return rows.map((row) => camelRow<DocumentRow>(row));
}

export async function findDocument(sql: Sql, query: OfIssue & { readonly key: string }): Promise<DocumentRow | null> {
  const rows = await sql.query<object>(
    `SELECT ${COLUMNS} FROM issue_documents l JOIN documents d ON d.id = l.document_id
      WHERE l.company_id = $1 AND l.issue_id = $2 AND l.key = $3`,
    [query.companyId, query.issueId, query.key],
  );
  return rows[0] === undefined ? null : camelRow<DocumentRow>(rows[0]);
}

/** Revisions of a document, newest first. */
export async function listDocumentRevisions(
  sql: Sql,
  query: { readonly documentId: string; readonly limit: number },
): Promise<DocumentRevisionRow[]> {
  const rows = await sql.query<object>(
    `SELECT ${REVISION_COLUMNS} FROM document_revisions v JOIN issue_documents l ON l.document_id = v.document_id
      WHERE v.document_id = $1 ORDER BY v.revision_number DESC LIMIT $2`,
    [query.documentId, query.limit],
  );
  return rows.map((row) => camelRow<DocumentRevisionRow>(row));
}

export async function findDocumentRevision(
  sql: Sql,
  key: { readonly documentId: string; readonly id: string },
): Promise<DocumentRevisionRow | null> {
  const rows = await sql.query<object>(
    `SELECT ${REVISION_COLUMNS} FROM document_revisions v JOIN issue_documents l ON l.document_id = v.document_id
      WHERE v.id = $1 AND v.document_id = $2`,
    [key.id, key.documentId],
  );
  return rows[0] === undefined ? null : camelRow<DocumentRevisionRow>(rows[0]);
}

/** A text that becomes the latest, and who wrote it. */
export interface NewRevision extends OfIssue {
  readonly key: string;
  readonly title: string | null;
  readonly format: string;
  readonly body: string;
  readonly changeSummary: string | null;
  readonly agentId: string | null;
  readonly userId: string | null;
  readonly runId: string | null;
}

/** Makes a document with its first revision. Null: somebody else made one under this key. */
export async function insertDocument(tx: Sql, revision: NewRevision): Promise<DocumentRow | null> {
  const { companyId, issueId, key, title, format, body, agentId, userId } = revision;
  const rows = await tx.query<{ id: string }>(
    `WITH made AS (
       INSERT INTO documents (company_id, title, format, latest_body, created_by_agent_id, created_by_user_id,
                              updated_by_agent_id, updated_by_user_id)
       SELECT $1, $4, $5, $6, $7::uuid, $8::text, $7::uuid, $8::text
        WHERE NOT EXISTS (SELECT 1 FROM issue_documents t WHERE t.company_id = $1 AND t.issue_id = $2 AND t.key = $3)
       RETURNING id
     )
     INSERT INTO issue_documents (company_id, issue_id, document_id, key) SELECT $1, $2, id, $3 FROM made
     RETURNING document_id AS id`,
    [companyId, issueId, key, title, format, body, agentId, userId],
  );
  const documentId = rows[0]?.id;
  if (documentId === undefined) return null;
  await insertRevision(tx, { documentId, number: 1, revision });
  return mustFind(tx, revision);
}

/** Adds a revision that becomes the latest. Hold the issue's row. */
export async function reviseDocument(
  tx: Sql,
  change: { readonly document: DocumentRow; readonly revision: NewRevision },
): Promise<DocumentRow> {
  const { document, revision } = change;
  await tx.query(
    `WITH touched AS (UPDATE issue_documents SET updated_at = now() WHERE document_id = $1)
     UPDATE documents SET title = $2, format = $3, latest_body = $4, latest_revision_number = $5,
            updated_by_agent_id = $6, updated_by_user_id = $7, updated_at = now() WHERE id = $1`,
    [
      document.id,
      revision.title,
      revision.format,
      revision.body,
      document.latestRevisionNumber + 1,
      revision.agentId,
      revision.userId,
    ],
  );
  await insertRevision(tx, { documentId: document.id, number: document.latestRevisionNumber + 1, revision });
  return mustFind(tx, revision);
}

async function insertRevision(
  tx: Sql,
  one: { readonly documentId: string; readonly number: number; readonly revision: NewRevision },
): Promise<void> {
  const { documentId, number, revision } = one;
  await tx.query(
    `WITH made AS (
       INSERT INTO document_revisions (company_id, document_id, revision_number, title, change_summary, format, body,
                                       created_by_agent_id, created_by_user_id, created_by_run_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id
     )
     UPDATE documents SET latest_revision_id = made.id FROM made WHERE documents.id = $2`,
    [
      revision.companyId,
      documentId,
      number,
      revision.title,
      revision.changeSummary,
      revision.format,
      revision.body,
      revision.agentId,
      revision.userId,
      revision.runId,
    ],
  );
}

async function mustFind(tx: Sql, key: OfIssue & { readonly key: string }): Promise<DocumentRow> {
  const document = await findDocument(tx, key);
  if (document === null) throw new Error(`document ${key.key} vanished inside its own transaction`);
  return document;
}

/** Deletes a document with its revisions and its link. */
export async function deleteDocument(tx: Sql, documentId: string): Promise<void> {
  await tx.query("DELETE FROM documents WHERE id = $1", [documentId]);
}
