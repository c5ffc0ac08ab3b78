/** Activity that recovery writes (AC-43): the row in the transaction, the live event after it. */
import type { JsonObject } from "@wakefleet/contracts";
import { redactObject } from "@wakefleet/domain";
import { insertActivity, type Sql } from "@wakefleet/store";
import type { AfterCommit } from "../runs/after-commit.js";

export interface RecoveryActivity {
  readonly companyId: string;
  readonly action: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly agentId?: string | null;
  readonly runId?: string | null;
  readonly details: JsonObject;
  /** Absent: `system`/`system`. */
  readonly actor?: { readonly type: "user" | "agent" | "system"; readonly id: string };
}

/** Writes one row, its details redacted (AC-2). */
export async function noteRecovery(tx: Sql, activity: RecoveryActivity, after: AfterCommit): Promise<void> {
  const { companyId, action, entityType, entityId, actor } = activity;
  const entry = {
    actorType: actor?.type ?? ("system" as const),
    actorId: actor?.id ?? "system",
    action,
    entityType,
    entityId,
    agentId: activity.agentId ?? null,
    runId: activity.runId ?? null,
    details: redactObject(activity.details),
  };
  await insertActivity(tx, [{ companyId, ...entry }]);
  after.events.push({ companyId, type: "activity.logged", payload: entry });
}
