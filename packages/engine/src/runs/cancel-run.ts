/**
 * Cancelling a run (CN-1, CN-2, DM-35). One that waits is ended here and now; a running one is asked to stop: its row
 * says so first, then its worker is told. A lost message costs one lease renewal, a dead worker one lease.
 */
import { type CancelKind, WakefleetError } from "@wakefleet/contracts";
import { CANCELLED_TEXT } from "@wakefleet/domain";
import {
  type Database,
  findRun,
  insertActivity,
  type RunRow,
  requestCancelOfRunning,
  type Sql,
} from "@wakefleet/store";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { NewId } from "../ids.js";
import type { ControlChannel, FaultPoints, LiveEventPublisher, Log, RunQueue } from "../ports.js";
import { type AfterCommit, carryOut, nothingAfterCommit } from "./after-commit.js";
import { bareEnding, endRunIn } from "./end-run.js";

export interface CancelDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly events: LiveEventPublisher;
  readonly queue: Pick<RunQueue, "removeJob">;
  readonly control: ControlChannel;
  readonly faults: FaultPoints;
  readonly log: Log;
}

export interface CancelRunInput {
  readonly runId: string;
  readonly actor: { readonly type: "user" | "agent" | "system"; readonly id: string };
  /** The text the run gets; absent: `Cancelled by control plane`. */
  readonly reason?: string;
  /** RC-78. */
  readonly recover?: boolean;
  readonly kind?: CancelKind;
  /** The change of an issue that caused it, told in the activity (AC-21). */
  readonly cause?: { readonly source: string; readonly issueId: string };
  /** How long to wait for the owner of a running run, ms; 0 does not wait. */
  readonly confirmWithinMs?: number;
}

export interface CancelRunResult {
  readonly run: RunRow;
  /** False while a worker still has to end it: the cancel goes on. */
  readonly confirmed: boolean;
}

const POLL_MS = 25;
const DEFAULT_CONFIRM_MS = 2_000;

/** Cancels an active run; a terminal one is answered as it is. Throws `not_found`. */
export async function cancelRun(deps: CancelDeps, input: CancelRunInput): Promise<CancelRunResult> {
  const run = await findRun(deps.db.sql, input.runId);
  if (run === null) throw new WakefleetError("not_found", "Heartbeat run not found");
  const cancel = {
    text: input.reason ?? CANCELLED_TEXT,
    kind: input.kind ?? "person",
    recover: input.recover ?? false,
  } as const;
  const after = nothingAfterCommit();
  const step = await deps.db.transaction(async (tx) => {
    const cancelled = await cancelActiveRun(tx, deps, run, cancel, after);
    if (cancelled.kind !== "terminal") await logCancel(tx, run, input, after);
    return cancelled;
  });
  carryOut(deps, after);
  if (step.kind === "ended") {
    await deps.faults.hit("after-cancel-before-job-removal");
    await dropJob(deps, run);
  }
  if (step.kind === "asked") await tellWorker(deps, { runId: run.id, workerId: step.workerId });
  if (step.kind !== "asked") return { run: await readRun(deps, run.id), confirmed: true };
  return untilTerminal(deps, run.id, input.confirmWithinMs ?? DEFAULT_CONFIRM_MS);
}

export type CancelStep =
  | { readonly kind: "terminal" }
  | { readonly kind: "ended" }
  | { readonly kind: "asked"; readonly workerId: string | null };

/** The database's part of a cancel, inside a transaction of the caller. */
export async function cancelActiveRun(
  tx: Sql,
  deps: { newId: NewId },
  run: Pick<RunRow, "id" | "agentId" | "issueId">,
  cancel: { readonly text: string; readonly kind: CancelKind; readonly recover: boolean },
  after: AfterCommit,
): Promise<CancelStep> {
  const ended = await endRunIn(
    tx,
    deps,
    { agentId: run.agentId, hasIssue: run.issueId !== null },
    bareEnding({
      runId: run.id,
      guard: { kind: "waiting" },
      status: "cancelled",
      error: cancel.text,
      errorCode: "cancelled",
      cancelKind: cancel.kind,
      cancelRecover: cancel.recover,
    }),
    after,
  );
  if (ended !== null) return { kind: "ended" };
  const [asked] = await requestCancelOfRunning(tx, [run.id], {
    reason: cancel.text,
    kind: cancel.kind,
    recover: cancel.recover,
  });
  return asked === undefined ? { kind: "terminal" } : { kind: "asked", workerId: asked.workerId };
}

/** AC-21. */
async function logCancel(
  tx: Sql,
  run: RunRow,
  { actor, cause }: Pick<CancelRunInput, "actor" | "cause">,
  after: AfterCommit,
): Promise<void> {
  const entry = {
    actorType: actor.type,
    actorId: actor.id,
    action: "heartbeat.cancelled",
    entityType: "heartbeat_run",
    entityId: run.id,
    agentId: actor.type === "agent" ? actor.id : null,
    runId: run.id,
    details: { agentId: run.agentId, ...cause },
  };
  await insertActivity(tx, [{ companyId: run.companyId, ...entry }]);
  after.events.push({ companyId: run.companyId, type: "activity.logged", payload: entry });
}

/** The job of a run that will not start. Left in its queue it would only be fetched for nothing (CL-1). */
export async function dropJob(
  deps: Pick<CancelDeps, "queue" | "log">,
  run: Pick<RunRow, "id" | "agentId">,
): Promise<void> {
  try {
    await deps.queue.removeJob({ agentId: run.agentId, runId: run.id });
  } catch (error) {
    deps.log.warn(
      { event: "job.left_behind", runId: run.id, err: error },
      "a cancelled run's job stays until it is fetched",
    );
  }
}

/** Tells the worker at once; without the message it learns at its next lease renewal (CN-2). */
export async function tellWorker(
  deps: Pick<CancelDeps, "control" | "log">,
  message: { runId: string; workerId: string | null },
): Promise<void> {
  try {
    await deps.control.publishCancel(message);
  } catch (error) {
    deps.log.warn(
      { event: "cancel.message_lost", runId: message.runId, err: error },
      "the worker learns of the cancel at its next renewal",
    );
  }
}

async function readRun(deps: Pick<CancelDeps, "db">, runId: string): Promise<RunRow> {
  const run = await findRun(deps.db.sql, runId);
  if (run === null) throw new WakefleetError("not_found", "Heartbeat run not found");
  return run;
}

async function untilTerminal(deps: Pick<CancelDeps, "db">, runId: string, withinMs: number): Promise<CancelRunResult> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const run = await readRun(deps, runId);
    if (run.finishedAt !== null) return { run, confirmed: true };
    if (performance.now() >= deadline) return { run, confirmed: false };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
