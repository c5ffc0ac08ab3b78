/** Deleting a company (API-65, DM-17): its rows in one transaction, then its agents' queues. */
import { WakefleetError } from "@wakefleet/contracts";
import { type Database, deleteCompanyRows, isRetryable, lockCompanyForDeletion, type Sql } from "@wakefleet/store";
import type { Log, RunQueue } from "../ports.js";
import { inTurns } from "../runs/cancelled-work.js";

export interface DeleteCompanyDeps {
  readonly db: Database;
  readonly queue: Pick<RunQueue, "removeQueue">;
  readonly log: Log;
}

export interface DeleteCompanyCommand {
  readonly companyId: string;
  readonly actor: { readonly type: string; readonly id: string };
}

const MAX_ATTEMPTS = 4;

/**
 * Waiting runs go with their company; while one runs it is a `conflict`. Its activity log goes too, so that who deleted it
 * stands in the process's log alone. Throws `not_found`.
 */
export async function deleteCompany(deps: DeleteCompanyDeps, command: DeleteCompanyCommand): Promise<void> {
  const agentIds = await deleted(deps, command.companyId);
  deps.log.info({ event: "company.deleted", ...command, agents: agentIds.length }, "a company was deleted");
  await inTurns(agentIds, async (agentId) => {
    try {
      await deps.queue.removeQueue(agentId);
    } catch (error) {
      deps.log.warn(
        { event: "queue.not_told", what: "remove", agentId, err: error },
        "the queue of a deleted agent stays",
      );
    }
  });
}

async function deleted(deps: DeleteCompanyDeps, companyId: string): Promise<readonly string[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await deps.db.transaction((tx) => deleteIn(tx, companyId));
    } catch (error) {
      if (!isRetryable(error) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

async function deleteIn(tx: Sql, companyId: string): Promise<readonly string[]> {
  const company = await lockCompanyForDeletion(tx, companyId);
  if (company === null) throw new WakefleetError("not_found", "Company not found");
  if (company.hasRunningRun) {
    throw new WakefleetError("conflict", "Company has running runs; cancel them or wait for their end, then delete it");
  }
  await deleteCompanyRows(tx, companyId);
  return company.agentIds;
}
