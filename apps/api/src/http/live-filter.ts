/** Which live events a stream wants, from its query (API-261), and which companies a caller may hear. */
import type { LiveSubscription } from "../deps.js";
import type { Principal } from "../principal.js";

/** The company of events that concern the whole fleet (`worker.status`). */
export const FLEET_COMPANY = "*";

export interface LiveQuery {
  readonly types?: readonly string[] | undefined;
  readonly agentId?: string | undefined;
  readonly runId?: string | undefined;
  readonly issueId?: string | undefined;
}

/** A number of `Last-Event-ID`, or null when it is none. */
export function readLastEventId(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,16}$/.test(text.trim())) return null;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : null;
}

/** Operators also hear the fleet; agents only their company. */
export function subscriptionFor(request: {
  caller: Principal;
  companyId: string;
  query: LiveQuery;
  lastEventId: number | null;
  signal: AbortSignal;
}): LiveSubscription {
  const { query } = request;
  const hearsFleet = request.caller.kind === "board" && request.caller.companyId === null;
  return {
    companyIds: hearsFleet ? [request.companyId, FLEET_COMPANY] : [request.companyId],
    ...(query.types === undefined ? {} : { types: query.types }),
    ...(query.agentId === undefined ? {} : { agentId: query.agentId }),
    ...(query.runId === undefined ? {} : { runId: query.runId }),
    ...(query.issueId === undefined ? {} : { issueId: query.issueId }),
    ...(request.lastEventId === null ? {} : { lastEventId: request.lastEventId }),
    signal: request.signal,
  };
}
