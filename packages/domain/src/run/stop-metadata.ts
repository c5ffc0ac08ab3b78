/** How a run stopped, kept in its result (06 section 4.1, LV-100 to LV-113). Pure (LV-4). */
import type { CancelKind, JsonObject, TerminalRunStatus } from "@wakefleet/contracts";

export interface StopFacts {
  readonly status: TerminalRunStatus;
  readonly errorCode: string | null;
  readonly cancelKind: CancelKind | null;
  readonly adapterType: string;
  /** The agent's adapter config, where the time limit stands. */
  readonly adapterConfig: JsonObject;
}

const DEFAULT_TIMEOUT_SEC: Readonly<Record<string, number>> = { openclaw_gateway: 120, hermes_local: 300 };

function readNumber(value: unknown): number | null {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))) return Number(value);
  return null;
}

const wholeNotNegative = (value: number): number => Math.max(0, Math.floor(value));

/** LV-101, LV-102: the time limit that was in force. */
function timeoutPolicy(adapterType: string, config: JsonObject): JsonObject {
  if (adapterType === "http") {
    const present = "timeoutMs" in config ? "timeoutMs" : "timeoutSec" in config ? "timeoutSec" : null;
    const read = present === null ? null : readNumber(config[present]);
    const ms = read === null ? 0 : wholeNotNegative(present === "timeoutSec" ? read * 1_000 : read);
    return {
      effectiveTimeoutSec: ms / 1_000,
      effectiveTimeoutMs: ms,
      timeoutConfigured: ms > 0,
      timeoutSource: present === null ? "default" : "config",
    };
  }
  const read = readNumber(config["timeoutSec"]);
  const seconds = read === null ? (DEFAULT_TIMEOUT_SEC[adapterType] ?? 0) : wholeNotNegative(read);
  return {
    effectiveTimeoutSec: seconds,
    timeoutConfigured: seconds > 0,
    timeoutSource: "timeoutSec" in config ? "config" : "default",
  };
}

/** LV-107 to LV-109. */
export function cancelStopReason(kind: CancelKind | null): string {
  if (kind === "budget") return "budget_paused";
  return kind === "pause" || kind === "hold" ? "paused" : "cancelled";
}

/** LV-104 to LV-110. */
function stopReason(facts: StopFacts): string {
  switch (facts.status) {
    case "succeeded":
      return "completed";
    case "timed_out":
      return "timeout";
    case "cancelled":
      return cancelStopReason(facts.cancelKind);
    case "failed":
      return facts.errorCode === "process_lost" ? "process_lost" : "adapter_failed";
  }
}

/** LV-100: the keys that are merged over an adapter's result. */
export function stopMetadata(facts: StopFacts): JsonObject {
  const reason = stopReason(facts);
  return {
    stopReason: reason,
    ...timeoutPolicy(facts.adapterType, facts.adapterConfig),
    timeoutFired: reason === "timeout",
  };
}

export interface StoredResultInput {
  readonly resultJson: JsonObject | null;
  readonly summary: string | null;
  readonly errorFamily: string | null;
  readonly retryNotBefore: string | null;
  readonly stop: JsonObject;
}

/** LV-114: the adapter's result + recovery metadata + stop metadata, then the summary where the result has none. */
export function storedResult(input: StoredResultInput): JsonObject {
  const result: JsonObject = {
    ...input.resultJson,
    ...(input.errorFamily === null ? {} : { errorFamily: input.errorFamily }),
    ...(input.retryNotBefore === null
      ? {}
      : { retryNotBefore: input.retryNotBefore, transientRetryNotBefore: input.retryNotBefore }),
    ...input.stop,
  };
  const summary = input.summary?.trim() ?? "";
  const own = result["summary"];
  if (summary !== "" && !(typeof own === "string" && own.trim() !== "")) result["summary"] = summary;
  return result;
}
