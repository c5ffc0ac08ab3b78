/**
 * What a gateway's events say about the runs that are followed (AD-315): the agent's words, an error, lines for the log.
 *
 * What must stay true: events of other runs on the same gateway are not ours; memory is bounded.
 */
import { isJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";
import { errorText, firstText, TextBlocks } from "../event-fields.js";

/** AD-315. */
const DATA_CHARS = 8000;
const FAILED_PHASES: ReadonlySet<string> = new Set(["error", "failed", "cancelled"]);

export interface GatewayEventCollector {
  /** Follows a run id from now on. */
  follow(runId: string): void;
  /** Takes an event; gives the line for the log, null for an event that is not ours. */
  take(name: string, payload: JsonObject): string | null;
  /** What the agent said; null when it said nothing. */
  summary(): string | null;
  /** The last error an event told; null when none did. */
  errorMessage(): string | null;
}

export function createEventCollector(): GatewayEventCollector {
  const followed = new Set<string>();
  const words = new TextBlocks();
  let error: string | null = null;

  const read = (stream: string, data: JsonValue | undefined): void => {
    const fields = isJsonObject(data) ? data : {};
    if (stream === "assistant") {
      const delta = fields["delta"];
      if (typeof delta === "string" && delta !== "") words.append(delta);
      else if (nonEmptyString(fields["text"]) !== null) words.add(String(fields["text"]));
    } else if (stream === "error") {
      error = errorText(data) ?? error ?? "The agent reported an error";
    } else if (stream === "lifecycle") {
      const phase = firstText(fields, ["phase"])?.toLowerCase() ?? "";
      if (FAILED_PHASES.has(phase))
        error = errorText(fields["error"]) ?? errorText(fields["message"]) ?? `Agent ${phase}`;
    }
  };

  return {
    follow: (runId) => void followed.add(runId),
    take(name, payload) {
      if (name === "shutdown") {
        return `[openclaw-gateway] gateway is shutting down: ${JSON.stringify(payload).slice(0, DATA_CHARS)}`;
      }
      const runId = firstText(payload, ["runId"]) ?? "";
      if (name !== "agent" || !followed.has(runId)) return null;
      const stream = firstText(payload, ["stream"]) ?? "unknown";
      read(stream, payload["data"]);
      const data = JSON.stringify(payload["data"] ?? null).slice(0, DATA_CHARS);
      return `[openclaw-gateway:event] run=${runId} stream=${stream} data=${data}`;
    },
    summary: () => words.text(),
    errorMessage: () => error,
  };
}
