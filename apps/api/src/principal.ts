/** Who is calling (API-20 to API-26), and how the caller is named in what it changes. */
import type { ActorType } from "@wakefleet/contracts";
import type { SoftLimit } from "@wakefleet/store";

/** An admin or operator key, a browser session opened with one, or the local board. */
export interface BoardPrincipal {
  readonly kind: "board";
  readonly via: "key" | "session" | "local";
  readonly scope: "admin" | "operator";
  /** Null for the local board. */
  readonly keyId: string | null;
  /** Null: every company. */
  readonly companyId: string | null;
  readonly userId: string;
}

/** A key that may only post wakeups and read what became of them (API-22). */
export interface EnqueuePrincipal {
  readonly kind: "enqueue";
  readonly keyId: string;
  readonly companyId: string;
  /** Always the key itself: what it posted is what it may read (API-36). */
  readonly userId: string;
}

/** An agent, by its key or during a run by its run token. */
export interface AgentPrincipal {
  readonly kind: "agent";
  readonly via: "key" | "run_token";
  readonly agentId: string;
  readonly companyId: string;
  readonly keyId: string | null;
  readonly role: string;
  /** `permissions.canCreateAgents`; grants are looked up where they matter. */
  readonly canCreateAgents: boolean;
  /** The run it acts in (API-30). */
  readonly runId: string | null;
  /** The claim it acts under (BY-8): of its run token, or of the header beside a key. Null: it named none. */
  readonly claimToken: number | null;
  /** What it is to be told of its budgets (BY-6); only with a run token. */
  readonly softLimits: readonly SoftLimit[];
}

export type Principal = BoardPrincipal | EnqueuePrincipal | AgentPrincipal;

/** How a caller stands in activity rows, comments and wakeup requests. */
export interface Actor {
  readonly type: ActorType;
  readonly id: string;
  readonly agentId: string | null;
  readonly userId: string | null;
  readonly runId: string | null;
  /** Whoever writes under a claim writes only while it is current (BY-8). */
  readonly claimToken: number | null;
}

/** The caller as an actor (DM-11). */
export function actorOf(principal: Principal): Actor {
  if (principal.kind === "agent") {
    const { agentId, runId, claimToken } = principal;
    return { type: "agent", id: agentId, agentId, userId: null, runId, claimToken };
  }
  const { userId } = principal;
  return { type: "user", id: userId, agentId: null, userId, runId: null, claimToken: null };
}

/** Bound to no company and of scope admin, or the local board (API-20, API-26). */
export function isInstanceAdmin(principal: Principal): boolean {
  return principal.kind === "board" && principal.scope === "admin" && principal.companyId === null;
}
