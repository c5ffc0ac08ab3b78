/** Wakes that the service causes itself: they go through the ordinary acceptance, inside the transaction of their cause. */
import type { InvocationSource, JsonObject } from "@wakefleet/contracts";
import type { Sql } from "@wakefleet/store";
import type { NewId } from "../ids.js";
import type { AfterCommit } from "../runs/after-commit.js";
import { acceptWakeupsIn } from "../wakeups/accept-wakeups.js";
import type { AcceptWakeupResult } from "../wakeups/wake-request.js";

export interface SystemWake {
  readonly agentId: string;
  readonly companyId: string;
  readonly source: InvocationSource;
  readonly reason: string;
  readonly payload: JsonObject;
  readonly context: JsonObject;
  /** DM-25: makes it happen once; the caller has asked whether it is taken. */
  readonly idempotencyKey?: string;
  readonly retryOfRunId?: string | null;
  /** Absent: `system` without a name. */
  readonly requester?: string;
}

/**
 * Decides the wake. Hold the agent's row, then the issue's; what is to be announced and dispatched goes to `after`. A
 * refusal is a result, not an error.
 */
export async function wakeFromService(
  tx: Sql,
  deps: { readonly newId: NewId; readonly after: AfterCommit },
  wake: SystemWake,
): Promise<AcceptWakeupResult> {
  const { idempotencyKey, retryOfRunId, requester } = wake;
  const accepted = await acceptWakeupsIn(tx, deps.newId, [
    {
      agentId: wake.agentId,
      companyId: wake.companyId,
      source: wake.source,
      triggerDetail: "system",
      reason: wake.reason,
      payload: wake.payload,
      context: wake.context,
      actor: { type: "system", id: requester ?? null },
      idempotencyKey: idempotencyKey ?? null,
      fingerprint: idempotencyKey ?? null,
      logActivity: false,
      ...(retryOfRunId == null ? {} : { retryOfRunId }),
    },
  ]);
  deps.after.events.push(...accepted.events);
  deps.after.jobs.push(...accepted.jobs);
  const [result] = accepted.results;
  if (result === undefined) throw new Error("a wakeup was left without a result");
  return result;
}

/** An issue that recovery gave somebody to work on, and what it is about. */
export interface AssignedRecovery {
  readonly agentId: string;
  readonly companyId: string;
  readonly issueId: string;
  /** Keys beside `issueId` in payload and context. */
  readonly about: JsonObject;
  /** The origin of the issue. */
  readonly origin: string;
}

/** Tells the owner of a recovery issue that it is theirs (RC-25, RC-47, RC-65). */
export async function wakeRecoveryOwner(
  tx: Sql,
  deps: { readonly newId: NewId; readonly after: AfterCommit },
  { agentId, companyId, issueId, about, origin }: AssignedRecovery,
): Promise<AcceptWakeupResult> {
  const payload = { issueId, ...about };
  return await wakeFromService(tx, deps, {
    agentId,
    companyId,
    source: "assignment",
    reason: "issue_assigned",
    payload,
    context: { ...payload, taskId: issueId, wakeReason: "issue_assigned", source: origin },
  });
}
