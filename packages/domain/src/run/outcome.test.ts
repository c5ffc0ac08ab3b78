import { describe, expect, it } from "vitest";
import { type AdapterEnding, classifyOutcome } from "./outcome.js";

const ended = (ending: Partial<AdapterEnding>): AdapterEnding => ({
  exitCode: 0,
  signal: null,
  timedOut: false,
  errorMessage: null,
  errorCode: null,
  ...ending,
});

describe("what a run became", () => {
  it.each<[string, Partial<AdapterEnding>, [string, string | null, string | null]]>([
    ["EX-12 exit 0", {}, ["succeeded", null, null]],
    ["EX-12 no exit code", { exitCode: null }, ["succeeded", null, null]],
    ["EX-12 a code without a message is no failure", { errorCode: "odd" }, ["succeeded", null, null]],
    ["EX-12 an empty message is none", { errorMessage: "" }, ["succeeded", null, null]],
    [
      "EX-12 a blank message is none",
      { exitCode: 1, errorMessage: " " },
      ["failed", "Adapter failed", "adapter_failed"],
    ],
    ["AD-28 exit 0 with a message", { errorMessage: "broke" }, ["failed", "broke", "adapter_failed"]],
    ["AD-30 exit 3", { exitCode: 3 }, ["failed", "Adapter failed", "adapter_failed"]],
    ["AD-30 its own text and code", { exitCode: 1, errorMessage: "m", errorCode: "c" }, ["failed", "m", "c"]],
    ["AD-30 an empty code is none", { exitCode: 1, errorCode: "" }, ["failed", "Adapter failed", "adapter_failed"]],
    [
      "AD-29 killed by a signal",
      { exitCode: null, signal: "SIGKILL" },
      ["failed", "Process terminated by signal SIGKILL", "adapter_failed"],
    ],
    ["AD-29 exit 0 and a signal on the way", { signal: "SIGTERM" }, ["succeeded", null, null]],
    ["AD-28 out of time", { timedOut: true, exitCode: 0 }, ["timed_out", "Timed out", "timeout"]],
    [
      "AD-30 out of time with a text, its code overridden",
      { timedOut: true, errorMessage: "slow", errorCode: "c" },
      ["timed_out", "slow", "timeout"],
    ],
    [
      "AD-314 out of time, and which of its limits",
      { timedOut: true, errorMessage: "slow", errorCode: "gateway_wait_timeout" },
      ["timed_out", "slow", "gateway_wait_timeout"],
    ],
  ])("%s", (_, ending, [status, error, errorCode]) => {
    expect(classifyOutcome(ended(ending), null)).toEqual({ status, error, errorCode });
  });

  it.each<[string, Partial<AdapterEnding>]>([
    ["success", {}],
    ["failure", { exitCode: 1, errorMessage: "x", errorCode: "y" }],
    ["a time-out", { timedOut: true }],
    ["a signal", { exitCode: null, signal: "SIGTERM" }],
  ])("EX-12 a cancel wins over %s", (_, ending) => {
    expect(classifyOutcome(ended(ending), { reason: "Cancelled due to agent pause" })).toEqual({
      status: "cancelled",
      error: "Cancelled due to agent pause",
      errorCode: "cancelled",
    });
  });
});
