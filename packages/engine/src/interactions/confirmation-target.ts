/** Whether what a confirmation is about is still what is there (API-181, API-182). */
import type { ConfirmationTarget } from "@wakefleet/contracts";
import { documentKeyOf } from "@wakefleet/domain";
import { findDocument, type IssueRow, type Sql } from "@wakefleet/store";

/** True for a document's revision that is not its latest, or that was never one of this company. */
export async function isTargetStale(
  sql: Sql,
  asked: { readonly issue: Pick<IssueRow, "id" | "companyId">; readonly target: ConfirmationTarget | null },
): Promise<boolean> {
  const { issue, target } = asked;
  if (target?.type !== "issue_document") return false;
  const { companyId } = issue;
  const issueId = target.issueId?.toLowerCase() ?? issue.id;
  const key = documentKeyOf(target.key);
  const document = key === null ? null : await findDocument(sql, { companyId, issueId, key });
  if (document === null || document.latestRevisionId !== target.revisionId.toLowerCase()) return true;
  if (target.documentId != null && target.documentId.toLowerCase() !== document.id) return true;
  return target.revisionNumber != null && target.revisionNumber !== document.latestRevisionNumber;
}
