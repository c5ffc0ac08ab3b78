/** What is asked of `acceptWakeups`, and what it answers. */
import type {
  ActorType,
  InvocationSource,
  JsonObject,
  TriggerDetail,
  WakefleetError,
  WakeupStatus,
} from "@wakefleet/contracts";
import type { RunRow } from "@wakefleet/store";

export interface AcceptWakeupRequest {
  readonly agentId: string;
  /** The company the caller may wake in; null: any. Another company's agent is refused with `wrong_company`. */
  readonly companyId: string | null;
  readonly source: InvocationSource;
  readonly triggerDetail: TriggerDetail | null;
  readonly reason: string | null;
  readonly payload: JsonObject | null;
  /** The context the wake starts from (API-106, WK-50), before it is enriched. */
  readonly context: JsonObject;
  /** Who asks; the service itself may do so without a name (RC-15). */
  readonly actor: { readonly type: ActorType; readonly id: string | null };
  /** 1..255 characters; the same agent and key answers the first call again (WK-42). */
  readonly idempotencyKey: string | null;
  /** SHA-256 (hex) of the canonical request; needed with a key. */
  readonly fingerprint: string | null;
  /** Whether `heartbeat.invoked` is logged (AC-20): wakes asked for over HTTP. */
  readonly logActivity: boolean;
  /** The finished run that a person asked to retry (API-127); kept on a new run. */
  readonly retryOfRunId?: string;
}

/** API-109. */
export interface WakeupSummary {
  readonly id: string;
  readonly status: WakeupStatus;
  readonly reason: string | null;
  readonly coalescedCount: number;
  readonly runId: string | null;
  readonly idempotencyKey: string | null;
  readonly requestedAt: string;
}

/** API-108. */
export interface SkipAnswer {
  readonly status: "skipped";
  readonly reason: "issue_execution_deferred" | "wakeup_skipped";
  readonly message: string;
  readonly issueId: string | null;
  readonly executionRunId: string | null;
  readonly executionAgentId: string | null;
  readonly executionAgentName: string | null;
  readonly skipReason: string;
}

export interface DecidedWakeup {
  readonly outcome: "queued" | "coalesced" | "deferred" | "skipped";
  /** The number of the rule that decided (BY-1). */
  readonly rule: string;
  /** True when an idempotency key answered it; nothing was written. */
  readonly replayed: boolean;
  readonly wakeup: WakeupSummary;
  readonly run: RunRow | null;
  readonly skip: SkipAnswer | null;
}

export type AcceptWakeupResult =
  | DecidedWakeup
  | {
      readonly outcome: "rejected";
      readonly error: WakefleetError;
      /** True when an idempotency key answered an earlier refusal again (API-111). */
      readonly replayed?: boolean;
    };
