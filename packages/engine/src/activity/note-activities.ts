/** Activity of a use case (AC-1, AC-5): the rows in its transaction with one statement, the live events after the commit. */
import { redactObject } from "@wakefleet/domain";
import { insertActivity, type NewActivity, type Sql } from "@wakefleet/store";
import type { AfterCommit } from "../runs/after-commit.js";

/** Who does something, as its rows name them (AC-1, DM-11). */
export interface ActivityActor {
  readonly type: "user" | "agent" | "system";
  readonly id: string;
  readonly agentId: string | null;
  readonly userId: string | null;
  readonly runId: string | null;
}

/** A row before it knows who did it. `runId`: the run it tells of; absent: the one the actor acts in. */
export type ActivityNote = Pick<NewActivity, "companyId" | "action" | "entityType" | "entityId" | "details"> & {
  readonly runId?: string | undefined;
};

/** Writes the notes, their details redacted (AC-2), and leaves their events to `after`. */
export async function noteActivities(
  tx: Sql,
  after: AfterCommit,
  by: { readonly actor: ActivityActor; readonly notes: readonly ActivityNote[] },
): Promise<void> {
  const { actor } = by;
  const entries = by.notes.map((note) => ({
    ...note,
    details: note.details === null ? null : redactObject(note.details),
    actorType: actor.type,
    actorId: actor.id,
    agentId: actor.agentId,
    runId: note.runId ?? actor.runId,
  }));
  await insertActivity(tx, entries);
  for (const { companyId, ...payload } of entries) after.events.push({ companyId, type: "activity.logged", payload });
}
