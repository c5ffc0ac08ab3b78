import { describe, expect, it } from "vitest";
import type { AttemptControl, EarlyStop } from "../cli/early-stop.js";
import { watchActivity } from "./inactivity-monitor.js";
import { createCodexParser } from "./parse-codex.js";

describe("AD-166 the inactivity monitor", () => {
  const watched = (timeoutMs: number | null = 90_000) => {
    const armed: [number, EarlyStop][] = [];
    const control: AttemptControl = {
      stopAfter(afterMs, stop) {
        armed.push([afterMs, stop]);
      },
    };
    const parser = watchActivity(createCodexParser(), { control, timeoutMs });
    return { armed, parser };
  };
  const reconnect = (words: string): { type: string; message: string } => ({
    type: "error",
    message: `Reconnecting... ${words}`,
  });

  it("AD-166 is armed from the start and by every useful output", () => {
    const { armed, parser } = watched();
    expect(armed).toEqual([
      [
        90_000,
        {
          kind: "stalled",
          failure: {
            errorCode: "codex_output_inactivity_monitor",
            errorMessage: "monitor: no codex activity (output or process) for 1m 30s",
          },
        },
      ],
    ]);
    parser.onEvent({ type: "turn.started" });
    parser.onPlainLine?.("words");
    parser.onStderrLine?.("words");
    parser.onCutLine?.("{");
    expect(armed).toHaveLength(5);
  });

  it("AD-166 the same reconnect again is no activity, another one is; nor is noise on stderr", () => {
    const { armed, parser } = watched();
    parser.onEvent(reconnect("1/5"));
    parser.onEvent(reconnect("2/5"));
    parser.onEvent(reconnect("2/5"));
    parser.onStderrLine?.(
      "2026-11-22T06:42:34.851044Z ERROR codex_api::endpoint::responses_websocket: failed to connect to Responses WebSocket stage=Unknown",
    );
    expect(armed).toHaveLength(3);
    parser.onEvent({ type: "turn.started" });
    parser.onEvent(reconnect("2/5"));
    expect(armed).toHaveLength(5);
  });

  it("AD-140 null never ends a run", () => {
    expect(watched(null).armed).toEqual([]);
  });
});
