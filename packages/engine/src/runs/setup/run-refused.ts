/** What a set-up step finds that ends the run as a gate of its claim would have (CO-33), and not as a failure. */
import { HELD_TEXT, type IssueGateRefusal, stopMetadata } from "@wakefleet/domain";
import type { LockedAgent } from "@wakefleet/store";
import type { RunEnding } from "../end-run.js";
import { refusedEnding } from "../run-gates.js";

/** The parts of the end that tell it from an ordinary one. */
export type RefusedEnd = Pick<
  RunEnding,
  "status" | "error" | "errorCode" | "cancelKind" | "resultJson" | "eventsBefore"
> &
  Partial<Pick<RunEnding, "requestStatus" | "receipt">>;

/** Thrown by a set-up step: the run ends so, and its sessions stay as they are. */
export class RunRefused extends Error {
  override readonly name = "RunRefused";
  constructor(readonly end: RefusedEnd) {
    super(end.error ?? end.status);
  }
}

/** CL-8. */
export function blockedEnd(runId: string, refusal: IssueGateRefusal): RefusedEnd {
  const { status, error, errorCode, cancelKind, requestStatus, resultJson, receipt, events } = refusedEnding(
    runId,
    refusal,
  );
  return {
    status,
    error,
    errorCode,
    cancelKind,
    requestStatus,
    resultJson,
    // Without the last one: the end itself says `run cancelled` (FI-3).
    eventsBefore: events.slice(0, -1),
    ...(receipt === undefined ? {} : { receipt }),
  };
}

/** CL-7. */
export function heldEnd({
  adapterType,
  adapterConfig,
}: Pick<LockedAgent, "adapterType" | "adapterConfig">): RefusedEnd {
  return {
    status: "cancelled",
    error: HELD_TEXT,
    errorCode: "cancelled",
    cancelKind: "hold",
    resultJson: stopMetadata({
      status: "cancelled",
      errorCode: "cancelled",
      cancelKind: "hold",
      adapterType,
      adapterConfig,
    }),
    eventsBefore: [],
  };
}
