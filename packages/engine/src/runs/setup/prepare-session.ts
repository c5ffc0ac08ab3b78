/** The session steps of a run's set-up (CX-1 steps 7, 14, 15): what may be resumed, its move, its rotation. */
import { resolve } from "node:path";
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";
import {
  compactionPolicy,
  type HandedSession,
  handedSession,
  migrateSession,
  neverRotates,
  type PreviousSession,
  previousSession,
  rotatedSession,
  rotationReason,
  rotationWarning,
  runsLookedAt,
  sessionHandoff,
  sessionIdBefore,
} from "@wakefleet/domain";
import { readSessionHistory } from "@wakefleet/store";
import type { BaseWorkspace } from "@wakefleet/workspaces";
import type { Execution } from "../execution.js";

/** Step 7 (SE-16, SE-20 to SE-23, SE-30, SE-33). */
export function resumableSession({ deps, claimed }: Execution, context: JsonObject): PreviousSession {
  const { adapterType } = claimed.agent;
  const codec = deps.adapters.sessionCodec(adapterType);
  return previousSession({ context, adapterType, stored: claimed.sessions, codec });
}

/** The session that is handed to the adapter, and what it adds to context and log. */
export interface PreparedSession {
  readonly session: HandedSession;
  readonly contextKeys: JsonObject;
  readonly warnings: readonly string[];
}

export interface SessionQuestion {
  readonly previous: PreviousSession;
  readonly workspace: BaseWorkspace;
  readonly agentHome: string;
  readonly issueId: string | null;
  /** Body of the issue's continuation summary. */
  readonly continuationSummary: string | null;
}

/** Steps 14 and 15 (SE-31 to SE-34, SE-43 to SE-48). */
export async function prepareSession(execution: Execution, question: SessionQuestion): Promise<PreparedSession> {
  const { deps, claimed } = execution;
  const { previous, workspace, agentHome } = question;
  const { cwd } = workspace;
  const moved = migrateSession({ params: previous.params, base: workspace, cwd, agentHome, absolute: resolve });
  const handed = handedSession(previous, moved.params, deps.adapters.sessionCodec(claimed.agent.adapterType));
  const warnings = [moved.warning, previous.resetWarning].filter((text) => text !== null);
  const rotation = await rotationOf(execution, handed);
  if (rotation === null) return { session: handed, contextKeys: {}, warnings };
  const { reason, sessionId, newest } = rotation;
  const { issueId, continuationSummary } = question;
  return {
    session: rotatedSession(handed, reason),
    contextKeys: {
      wakefleetSessionHandoffMarkdown: sessionHandoff({ sessionId, issueId, reason, newest, continuationSummary }),
      wakefleetSessionRotationReason: reason,
      wakefleetPreviousSessionId: sessionId,
    },
    warnings: [...warnings, rotationWarning(reason)],
  };
}

/** SE-43: asks the store only where an answer could rotate the session. */
async function rotationOf({ deps, claimed }: Execution, handed: HandedSession) {
  const { agent } = claimed;
  const sessionId = sessionIdBefore(handed);
  const management = deps.adapters.resolve(agent.adapterType).sessionManagement;
  const { policy } = compactionPolicy({
    runtimeConfig: asJsonObject(agent.runtimeConfig),
    adapterDefault: management?.defaultCompaction ?? null,
  });
  if (sessionId === null || neverRotates(policy)) return null;
  const limit = runsLookedAt(policy);
  const history = await readSessionHistory(deps.db.sql, { agentId: agent.id, sessionId, limit });
  const reason = history === null ? null : rotationReason(policy, history);
  return reason === null || history === null ? null : { reason, sessionId, newest: history.newest };
}
