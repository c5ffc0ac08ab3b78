/** The activity of an interaction that is over (API-15): who resolved it, how, and what came of it. */
import type { InteractionStatus, JsonObject, JsonValue } from "@wakefleet/contracts";
import type { InteractionRow, IssueRow } from "@wakefleet/store";
import type { IssueChange } from "../issues/issue-change.js";

/** Leaves the note to the change's transaction. */
export function noteResolution(
  change: Pick<IssueChange, "note">,
  resolved: { readonly issue: Pick<IssueRow, "identifier">; readonly interaction: InteractionRow },
): void {
  const { issue, interaction } = resolved;
  const status: InteractionStatus = interaction.status;
  change.note({
    companyId: interaction.companyId,
    action: `issue.thread_interaction_${status}`,
    entityType: "issue",
    entityId: interaction.issueId,
    details: {
      interactionId: interaction.id,
      interactionKind: interaction.kind,
      interactionStatus: status,
      identifier: issue.identifier,
      ...outcome(interaction.result ?? {}),
    },
  });
}

function outcome({ outcome: word, createdTasks, skippedClientKeys }: JsonObject): JsonObject {
  const count = (list: JsonValue | undefined): number => (Array.isArray(list) ? list.length : 0);
  return {
    ...(typeof word === "string" && { outcome: word }),
    ...(createdTasks !== undefined && {
      createdTaskCount: count(createdTasks),
      skippedTaskCount: count(skippedClientKeys),
    }),
  };
}
