/** Writing an issue's continuation summary (LV-90): a document, its link and a revision, in one statement. */
import { CONTINUATION_SUMMARY_KEY, CONTINUATION_SUMMARY_TITLE } from "@wakefleet/domain";
import type { Sql } from "../sql.js";
import { type SummaryDocument, summaryDocumentOf } from "./end-facts.js";

export interface SummaryRevision {
  readonly companyId: string;
  readonly issueId: string;
  readonly agentId: string;
  readonly runId: string;
  readonly body: string;
  /** The document it rests on; null: there is none yet. */
  readonly base: Pick<SummaryDocument, "documentId" | "revisionNumber"> | null;
}

/** Writes a revision. False: the document is not the one it was read as. */
export async function writeContinuationSummary(tx: Sql, revision: SummaryRevision): Promise<boolean> {
  const { companyId, issueId, agentId, runId, body, base } = revision;
  const rows = await tx.query<{ id: string }>(
    `WITH ids AS (SELECT gen_random_uuid() AS revision_id),
     made AS (
       INSERT INTO documents (company_id, title, format, latest_body, latest_revision_id, latest_revision_number,
           created_by_agent_id, updated_by_agent_id)
       SELECT $1, '${CONTINUATION_SUMMARY_TITLE}', 'markdown', $5, ids.revision_id, 1, $3::uuid, $3::uuid FROM ids
        WHERE $6::uuid IS NULL
       RETURNING id, latest_revision_number
     ),
     link AS (
       INSERT INTO issue_documents (company_id, issue_id, document_id, key)
       SELECT $1, $2, made.id, '${CONTINUATION_SUMMARY_KEY}' FROM made
     ),
     moved AS (
       UPDATE documents d SET latest_body = $5, latest_revision_number = d.latest_revision_number + 1,
              latest_revision_id = ids.revision_id, updated_by_agent_id = $3, updated_by_user_id = NULL, updated_at = now()
         FROM ids WHERE d.id = $6 AND d.company_id = $1 AND d.latest_revision_number = $7
       RETURNING d.id, d.latest_revision_number
     ),
     touched AS (
       UPDATE issue_documents l SET updated_at = now() FROM moved WHERE l.document_id = moved.id
     )
     INSERT INTO document_revisions (id, company_id, document_id, revision_number, title, change_summary, format, body,
         created_by_agent_id, created_by_run_id)
     SELECT ids.revision_id, $1, d.id, d.latest_revision_number, '${CONTINUATION_SUMMARY_TITLE}',
            'Refresh continuation summary after run ' || $4::text, 'markdown', $5, $3, $4::uuid
       FROM ids, (SELECT * FROM made UNION ALL SELECT * FROM moved) d
     RETURNING id`,
    [companyId, issueId, agentId, runId, body, base?.documentId ?? null, base?.revisionNumber ?? null],
    "write_continuation_summary",
  );
  return rows.length > 0;
}

/** The summary as it now is; null: there is none. */
export async function readSummaryDocument(
  sql: Sql,
  issue: { readonly companyId: string; readonly issueId: string },
): Promise<SummaryDocument | null> {
  const rows = await sql.query<{ summary: SummaryDocument | null }>(
    `SELECT ${summaryDocumentOf("$1::uuid", "$2::uuid")} AS summary`,
    [issue.issueId, issue.companyId],
    "read_summary_document",
  );
  return rows[0]?.summary ?? null;
}
