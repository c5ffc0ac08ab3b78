/** What the checker judges by: the database's rows, the witness's lines, and what the callers were answered. */
import type { RunStatus, WakeupStatus } from "@wakefleet/contracts";
import type { Violation as BrokenInvariant } from "@wakefleet/testkit";
import type { InjectedFault } from "./faults.js";
import type { AcceptedWake, LoadCounts, Oddity } from "./load.js";
import type { WitnessLine } from "./witness.js";
import type { World } from "./world.js";

export interface RunFact {
  readonly id: string;
  readonly agentId: string;
  readonly status: RunStatus;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly finalizedAt: Date | null;
  readonly processPid: number | null;
  readonly startToken: number | null;
  readonly claimToken: number;
  readonly retryOfRunId: string | null;
  readonly retryReason: string | null;
  readonly errorCode: string | null;
  readonly wakeupRequestId: string | null;
}

export interface RequestFact {
  readonly id: string;
  readonly agentId: string;
  readonly status: WakeupStatus;
  readonly reason: string | null;
  readonly runId: string | null;
  readonly idempotencyKey: string | null;
}

export interface Evidence {
  readonly runs: ReadonlyMap<string, RunFact>;
  readonly requests: ReadonlyMap<string, RequestFact>;
  readonly lines: readonly WitnessLine[];
  readonly accepted: readonly AcceptedWake[];
  readonly refusedKeys: readonly string[];
  readonly counts: LoadCounts;
  readonly wrongFailures: readonly Oddity[];
  readonly unavailable: readonly Oddity[];
  readonly unanswered: readonly Oddity[];
  readonly wrongProbes: readonly Oddity[];
  readonly faults: readonly InjectedFault[];
  /** Invariants found broken while the faults went on, and how often they were looked at. */
  readonly invariants: { readonly looks: number; readonly broken: readonly (BrokenInvariant & { atMs: number })[] };
  /** What was still there when the fleet should have settled. */
  readonly leftovers: readonly string[];
  /** Secrets found where they must not be. */
  readonly leaks: readonly string[];
  readonly crashes: readonly string[];
}

export async function readRows(world: World): Promise<Pick<Evidence, "runs" | "requests">> {
  const [runs, requests] = await Promise.all([
    world.fleet.db.sql.query<RunFact>(
      `SELECT id, agent_id AS "agentId", status, started_at AS "startedAt", finished_at AS "finishedAt",
              finalized_at AS "finalizedAt", process_pid AS "processPid", start_token AS "startToken",
              claim_token AS "claimToken", retry_of_run_id AS "retryOfRunId", error_code AS "errorCode",
              context_snapshot->>'retryReason' AS "retryReason", wakeup_request_id AS "wakeupRequestId"
         FROM heartbeat_runs`,
    ),
    world.fleet.db.sql.query<RequestFact>(
      `SELECT id, agent_id AS "agentId", status, reason, run_id AS "runId", idempotency_key AS "idempotencyKey"
         FROM agent_wakeup_requests`,
    ),
  ]);
  return {
    runs: new Map(runs.map((run) => [run.id, run])),
    requests: new Map(requests.map((request) => [request.id, request])),
  };
}
