/** Where a run belongs (WS-10): what its issue says, else its context. */
import { isGuid, type JsonValue } from "@wakefleet/contracts";
import { type RunProject, type RunRow, readRunProject, type Sql } from "@wakefleet/store";

const guidOrNull = (value: JsonValue | undefined): string | null => (isGuid(value) ? value.toLowerCase() : null);

/** The run's project; null when it names none, or none of its company. */
export async function projectOfRun(
  sql: Sql,
  run: Pick<RunRow, "companyId" | "issueId" | "contextSnapshot">,
): Promise<RunProject | null> {
  const context = run.contextSnapshot ?? {};
  const place = {
    companyId: run.companyId,
    issueId: guidOrNull(run.issueId),
    projectId: guidOrNull(context["projectId"]),
    projectWorkspaceId: guidOrNull(context["projectWorkspaceId"]),
  };
  return place.issueId === null && place.projectId === null ? null : readRunProject(sql, place);
}
