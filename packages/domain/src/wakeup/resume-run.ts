/** Explicit resume of an earlier run (WK-11, SE-10 to SE-17). Pure. */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { cutDisplayId, mayBeCut } from "../session/codec.js";
import { taskKeyOf } from "./context.js";

/** The run that is resumed, of the same company and agent, and the task session of its key. */
export interface ResumedRun {
  readonly id: string;
  readonly context: JsonObject;
  readonly sessionIdBefore: string | null;
  readonly sessionIdAfter: string | null;
  /** Whole (SE-17); null: the run left none. */
  readonly resumableSessionId: string | null;
  /** For the run's own key, else this wake's, and the agent's current adapter type (SE-11). */
  readonly taskSession: {
    readonly params: JsonObject | null;
    readonly displayId: string | null;
    readonly lastRunId: string | null;
  } | null;
}

/**
 * SE-12 to SE-15: the context with what is to be resumed. A run that leaves nothing to resume changes nothing (SE-14),
 * and an id that was cut for display is never made into a session to resume (SE-17).
 */
export function resumeContext(
  context: JsonObject,
  run: ResumedRun,
): { readonly context: JsonObject; readonly displayId: string | null } {
  const wanted = cutDisplayId(run.sessionIdAfter) ?? cutDisplayId(run.sessionIdBefore);
  const { taskSession } = run;
  const storedId = cutDisplayId(taskSession?.displayId) ?? cutDisplayId(taskSession?.params?.["sessionId"]);
  const reuses = taskSession !== null && (taskSession.lastRunId === run.id || (wanted !== null && wanted === storedId));
  const params = reuses ? taskSession.params : wholeSession(run, wanted);
  const displayId = wanted ?? (reuses ? storedId : null);
  if (params === null && displayId === null) return { context, displayId: null };

  const fill = (key: string, value: string | null): JsonObject =>
    nonEmptyString(context[key]) === null && value !== null ? { [key]: value } : {};
  const issueId = nonEmptyString(run.context["issueId"]);
  return {
    context: {
      ...context,
      resumeFromRunId: run.id,
      resumeSessionDisplayId: displayId,
      resumeSessionParams: params,
      ...fill("issueId", issueId),
      ...fill("taskId", nonEmptyString(run.context["taskId"]) ?? issueId),
      ...fill("taskKey", taskKeyOf(run.context) ?? taskKeyOf(context)),
    },
    displayId,
  };
}

/** SE-14, SE-17: a session of which only the whole id is known. */
function wholeSession(run: ResumedRun, wanted: string | null): JsonObject | null {
  if (wanted === null) return null;
  const whole = nonEmptyString(run.resumableSessionId);
  if (whole !== null && cutDisplayId(run.sessionIdAfter) !== null) return { sessionId: whole };
  return mayBeCut(wanted) ? null : { sessionId: wanted };
}
