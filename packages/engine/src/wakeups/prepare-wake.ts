/** Makes a wake comparable: well formed, its context enriched (WK-1 to WK-4), its ids in the spelling PostgreSQL answers. */
import { isGuid, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import {
  enrichContext,
  issueIdOf,
  type ResumedRun,
  resumeContext,
  taskKeyOf,
  wellFormedJson,
  wellFormedText,
} from "@wakefleet/domain";
import type { AcceptWakeupRequest } from "./wake-request.js";

/** A wake whose context is known: what the locks and facts are read for. */
export interface PreparedWake {
  readonly request: AcceptWakeupRequest;
  /** The id of the row it will leave. */
  readonly requestId: string;
  readonly context: JsonObject;
  readonly issueId: string | null;
  readonly taskKey: string | null;
  /** WK-11: the display id of the session it asked to resume; null without one. */
  readonly resumeDisplayId: string | null;
}

/** The run a wake asks to resume (WK-11), if its payload names one. */
export function resumeRunIdOf(request: AcceptWakeupRequest): string | null {
  const id = nonEmptyString(request.payload?.["resumeFromRunId"]);
  return id !== null && isGuid(id) ? id.toLowerCase() : null;
}

/** Prepares one wake. */
export function prepareWake(asked: AcceptWakeupRequest, requestId: string): PreparedWake {
  const request = storable(asked);
  const { payload } = request;
  const context = enrichContext({
    ...request,
    context: withPlainIssueId(request.context),
    payload: payload === null ? null : withPlainIssueId(payload),
  });
  return {
    request,
    requestId,
    context,
    issueId: issueIdOf(context),
    taskKey: taskKeyOf(context),
    resumeDisplayId: null,
  };
}

/** WK-11: the same wake when the run it asks to resume is one of this agent's. */
export function resumeWake(wake: PreparedWake, resumed: ResumedRun): PreparedWake {
  const { context, displayId } = resumeContext(wake.context, resumed);
  return { ...wake, context, issueId: issueIdOf(context), taskKey: taskKeyOf(context), resumeDisplayId: displayId };
}

/** DM-8 before anything is compared, looked up or answered: what is answered equals what is stored. */
function storable(request: AcceptWakeupRequest): AcceptWakeupRequest {
  const { reason, payload, idempotencyKey } = request;
  return {
    ...request,
    agentId: request.agentId.toLowerCase(),
    reason: reason === null ? null : wellFormedText(reason),
    payload: payload === null ? null : wellFormedJson(payload),
    context: wellFormedJson(request.context),
    idempotencyKey: idempotencyKey === null ? null : wellFormedText(idempotencyKey),
  };
}

/** Uuids are compared as text in the run's own columns: one spelling, the one PostgreSQL answers. */
function withPlainIssueId(object: JsonObject): JsonObject {
  const issueId = object["issueId"];
  return isGuid(issueId) ? { ...object, issueId: issueId.toLowerCase() } : object;
}
