/**
 * Mutations of the HTTP side that wake nobody: one transaction for the change and its activity rows (AC-5), and the live
 * events after the commit (API-263). What causes wakes (issues and their comments) is a use case of the engine, which
 * decides them in the change's own transaction (API-14).
 *
 * What an agent writes under a claim commits only while that claim is current (BY-8): the claim is looked at last, under a
 * lock that the run's end waits for, so that no write slips in between the end of a run and its commit.
 */
import { type JsonObject, type LiveEventDraft, staleClaim } from "@wakefleet/contracts";
import { redactObject } from "@wakefleet/domain";
import { type ActivityRow, holdClaim, insertActivity, isRetryable, type NewActivity, type Sql } from "@wakefleet/store";
import type { ApiDeps } from "./deps.js";
import type { Actor } from "./principal.js";

/** A row of activity before it knows who did it. */
export interface ActivityNote {
  readonly companyId: string;
  readonly action: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly details: JsonObject | null;
}

/** The transaction, and where to note what happens in it. */
export interface Mutation {
  readonly tx: Sql;
  note(activity: ActivityNote): void;
}

const MAX_ATTEMPTS = 4;

function entryOf(actor: Actor, note: ActivityNote, censor: ApiDeps["censor"]): NewActivity {
  return {
    ...note,
    actorType: actor.type,
    actorId: actor.id,
    agentId: actor.agentId,
    runId: actor.runId,
    // AC-2: secrets first, then the OS user.
    details: note.details === null ? null : censor.maskJson(redactObject(note.details)),
  };
}

function announcementOf(row: ActivityRow): LiveEventDraft {
  const { companyId, actorType, actorId, action, entityType, entityId, agentId, runId, details } = row;
  return {
    companyId,
    type: "activity.logged",
    payload: { actorType, actorId, action, entityType, entityId, agentId, runId, details },
  };
}

/**
 * Runs `work` in a transaction and writes what it noted in the same one. A deadlock runs it again (nothing happened), so
 * `work` must have no effects beside `tx`. Rejects with what `work` threw; then nothing was written.
 */
export async function mutate<T>(
  deps: Pick<ApiDeps, "db" | "events" | "censor">,
  actor: Actor,
  work: (mutation: Mutation) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { result, rows } = await deps.db.transaction(async (tx) => {
        const notes: ActivityNote[] = [];
        const done = await work({ tx, note: (activity) => void notes.push(activity) });
        const { runId, claimToken } = actor;
        if (runId !== null && claimToken !== null && !(await holdClaim(tx, { runId, claimToken }))) throw staleClaim();
        return {
          result: done,
          rows: await insertActivity(
            tx,
            notes.map((note) => entryOf(actor, note, deps.censor)),
          ),
        };
      });
      if (rows.length > 0) void deps.events.publish(rows.map(announcementOf));
      return result;
    } catch (error) {
      if (!isRetryable(error) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}
