/** Which saved session a run resumes, and what it hands back as the next one (AD-72 to AD-75). Pure. */
import path from "node:path";
import { isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { AdapterExecutionResult, AdapterRuntime } from "../contract.js";
import type { RunWorkspace } from "../working-directory.js";

export interface ResumeDecision {
  /** The session to resume; null for a fresh one. */
  readonly sessionId: string | null;
  /** Why a saved session is not resumed, for the run's log; null when there is nothing to say. */
  readonly refusal: string | null;
}

/** The saved session's id (AD-72): from the params, else the older single value. */
export function savedSessionId(runtime: AdapterRuntime): string | null {
  const id = nonEmptyString(runtime.sessionParams?.["sessionId"]) ?? nonEmptyString(runtime.sessionId);
  return id?.trim() ?? null;
}

/**
 * Resumes only where the session was saved: CLIs keep sessions for each directory and behave badly when asked elsewhere
 * (AD-72, AD-238). `name` is the CLI's in messages.
 */
export function decideResume(input: {
  readonly name: string;
  readonly runtime: AdapterRuntime;
  readonly cwd: string;
  /** False for CLIs whose sessions belong to no directory. Default true. */
  readonly boundToCwd?: boolean;
}): ResumeDecision {
  const { name, runtime, cwd, boundToCwd = true } = input;
  const sessionId = savedSessionId(runtime);
  if (sessionId === null) return { sessionId: null, refusal: null };
  if (isJsonObject(runtime.sessionParams?.["remoteExecution"])) {
    return { sessionId: null, refusal: `${name} session "${sessionId}" belongs to a remote target.` };
  }
  const savedCwd = nonEmptyString(runtime.sessionParams?.["cwd"]);
  if (boundToCwd && savedCwd !== null && path.resolve(savedCwd) !== path.resolve(cwd)) {
    return {
      sessionId: null,
      refusal: `${name} session "${sessionId}" was saved for cwd "${savedCwd}" and will not be resumed in "${cwd}".`,
    };
  }
  return { sessionId, refusal: null };
}

type SessionFields = Pick<AdapterExecutionResult, "sessionId" | "sessionParams" | "sessionDisplayId" | "clearSession">;

/**
 * The session fields of a result. A printed id is the next session; without one the previous stays (AD-75), except after
 * a retry with a fresh session, which never brings a stale id back (AD-74).
 */
export function nextSession(input: {
  /** What this run printed or made; null for nothing. */
  readonly sessionId: string | null;
  readonly runtime: AdapterRuntime;
  /** The run had to start over without its session (AD-73). */
  readonly startedOver: boolean;
  /** The session must not be resumed again (a turn limit). */
  readonly clear: boolean;
  /** What is saved beside the id. */
  readonly params: JsonObject;
  readonly display?: (sessionId: string) => string;
}): SessionFields {
  const { sessionId, runtime, startedOver, clear, params } = input;
  const display = input.display ?? ((id: string): string => id);
  if (sessionId !== null) {
    return {
      sessionId,
      sessionParams: { sessionId, ...params },
      sessionDisplayId: display(sessionId),
      ...(clear ? { clearSession: true } : {}),
    };
  }
  if (startedOver || clear) {
    return { sessionId: null, sessionParams: null, sessionDisplayId: null, clearSession: true };
  }
  const previous = savedSessionId(runtime);
  if (previous === null) return {};
  return {
    sessionId: previous,
    sessionParams: runtime.sessionParams ?? { sessionId: previous },
    sessionDisplayId: runtime.sessionDisplayId ?? display(previous),
  };
}

/** What CLI sessions are saved with: their directory and workspace (AD-119, the same for all). */
export function sessionWorkspaceParams(cwd: string, workspace: RunWorkspace): JsonObject {
  return {
    cwd,
    ...(workspace.workspaceId === null ? {} : { workspaceId: workspace.workspaceId }),
    ...(workspace.repoUrl === null ? {} : { repoUrl: workspace.repoUrl }),
    ...(workspace.repoRef === null ? {} : { repoRef: workspace.repoRef }),
  };
}
