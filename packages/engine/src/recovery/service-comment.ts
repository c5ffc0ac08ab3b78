/** What recovery says on an issue: nobody's comment, told apart from people's and agents' (LV-22). */
import { insertServiceComment, type Sql } from "@wakefleet/store";

/** Writes it. The caller's own guard makes it happen once. */
export async function commentAsService(
  tx: Sql,
  comment: { readonly companyId: string; readonly issueId: string; readonly body: string; readonly runId?: string },
): Promise<void> {
  const { companyId, issueId, body, runId } = comment;
  await insertServiceComment(tx, {
    companyId,
    issueId,
    authorAgentId: null,
    runId: runId ?? null,
    body,
    writtenByService: true,
    dedupeKey: null,
  });
}
