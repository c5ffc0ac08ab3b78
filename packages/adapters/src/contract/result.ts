/**
 * What an adapter hands back (07 section 3). The host, not the adapter, decides the run's status from it (AD-28, EX-12).
 *
 * What must stay true: `exitCode`, `signal` and `timedOut` are always there; a child that was killed by a signal never
 * comes back without an `errorMessage` (AD-29); error codes are set for failed runs only (AD-77).
 */
import type { JsonObject } from "@wakefleet/contracts";

/** The one family the retry engine reads (AD-20, AD-32). */
export type ErrorFamily = "transient_upstream";

/** How the tokens were paid (AD-24). */
export type BillingType =
  | "api"
  | "subscription"
  | "metered_api"
  | "subscription_included"
  | "subscription_overage"
  | "credits"
  | "fixed"
  | "unknown";

/** Token counts as the tool gives them (AD-21, AD-64). */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens?: number;
}

/** A runtime service the adapter started or found (AD-26). */
export interface RuntimeServiceReport {
  readonly id?: string;
  readonly projectId?: string;
  readonly projectWorkspaceId?: string;
  readonly issueId?: string;
  readonly scopeType?: "project_workspace" | "execution_workspace" | "run" | "agent";
  readonly scopeId?: string;
  readonly serviceName: string;
  readonly status?: "starting" | "running" | "stopped" | "failed";
  readonly lifecycle?: "shared" | "ephemeral";
  readonly reuseKey?: string;
  readonly command?: string;
  readonly cwd?: string;
  readonly port?: number;
  readonly url?: string;
  readonly providerRef?: string;
  readonly ownerAgentId?: string;
  readonly stopPolicy?: JsonObject;
  readonly healthStatus?: "unknown" | "healthy" | "unhealthy";
}

/** A question the agent asks a person (AD-27). */
export interface AgentQuestion {
  readonly prompt: string;
  readonly choices: readonly { readonly key: string; readonly label: string; readonly description?: string }[];
}

/** The result of `execute` (AD-19 to AD-27). A key that is left out says nothing; see AD-31 for the session keys. */
export interface AdapterExecutionResult {
  readonly exitCode: number | null;
  /** Name of the signal that ended the child, such as `SIGKILL`. */
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly errorMessage?: string | null;
  readonly errorCode?: string | null;
  readonly errorFamily?: ErrorFamily | null;
  /** ISO 8601 instant before which a retry makes no sense; only ever moves a retry later (AD-32). */
  readonly retryNotBefore?: string | null;
  readonly errorMeta?: JsonObject;
  readonly usage?: TokenUsage;
  /** Whether `usage` covers this run or the whole session so far; absent means this run (AD-22, AD-66). */
  readonly usageBasis?: "per_run" | "session_cumulative";
  readonly sessionId?: string | null;
  readonly sessionParams?: JsonObject | null;
  readonly sessionDisplayId?: string | null;
  /** Forget the saved session of this task (AD-31). */
  readonly clearSession?: boolean;
  readonly provider?: string | null;
  readonly biller?: string | null;
  readonly model?: string | null;
  readonly billingType?: BillingType | null;
  readonly costUsd?: number | null;
  readonly resultJson?: JsonObject | null;
  readonly summary?: string | null;
  readonly runtimeServices?: readonly RuntimeServiceReport[];
  readonly question?: AgentQuestion | null;
}
