/**
 * Ends a Codex that does nothing any more (AD-166): without a network it prints `Reconnecting...` for ever.
 *
 * What must stay true: the same reconnect line again is no activity, everything else that is new is.
 */
import type { JsonObject } from "@wakefleet/contracts";
import type { AttemptControl } from "../cli/early-stop.js";
import type { EventParser } from "../cli/event-reader.js";
import { firstText } from "../event-fields.js";
import { isCodexNoise } from "./stderr-noise.js";

/** Puts the monitor round a parser; `timeoutMs` null leaves the parser as it is. */
export function watchActivity<Output>(
  parser: EventParser<Output>,
  watch: { readonly control: AttemptControl; readonly timeoutMs: number | null },
): EventParser<Output> {
  const { control, timeoutMs } = watch;
  if (timeoutMs === null) return parser;
  let lastReconnect = "";
  const active = (): void => control.stopAfter(timeoutMs, { kind: "stalled", failure: failureAfter(timeoutMs) });
  active();
  return {
    output: () => parser.output(),
    onEvent(event) {
      parser.onEvent(event);
      const reconnect = reconnectText(event);
      if (reconnect !== null && reconnect === lastReconnect) return;
      lastReconnect = reconnect ?? "";
      active();
    },
    onPlainLine(line) {
      parser.onPlainLine?.(line);
      active();
    },
    onStderrLine(line) {
      parser.onStderrLine?.(line);
      if (!isCodexNoise(line)) active();
    },
    onCutLine(beginning) {
      parser.onCutLine?.(beginning);
      active();
    },
  };
}

function reconnectText(event: JsonObject): string | null {
  const message = event["type"] === "error" ? firstText(event, ["message"]) : null;
  return message?.startsWith("Reconnecting...") === true ? message : null;
}

function failureAfter(timeoutMs: number): { readonly errorMessage: string; readonly errorCode: string } {
  const seconds = Math.floor(timeoutMs / 1000);
  return {
    errorCode: "codex_output_inactivity_monitor",
    errorMessage: `monitor: no codex activity (output or process) for ${Math.floor(seconds / 60)}m ${seconds % 60}s`,
  };
}
