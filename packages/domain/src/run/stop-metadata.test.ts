import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { type StopFacts, stopMetadata, storedResult } from "./stop-metadata.js";

const facts = (one: Partial<StopFacts>): StopFacts => ({
  status: "succeeded",
  errorCode: null,
  cancelKind: null,
  adapterType: "process",
  adapterConfig: {},
  ...one,
});

describe("why a run stopped", () => {
  it.each<[string, Partial<StopFacts>, string]>([
    ["LV-104", { status: "succeeded" }, "completed"],
    ["LV-105", { status: "timed_out", errorCode: "timeout" }, "timeout"],
    ["LV-106", { status: "failed", errorCode: "process_lost" }, "process_lost"],
    ["LV-107", { status: "cancelled", cancelKind: "budget" }, "budget_paused"],
    ["LV-108", { status: "cancelled", cancelKind: "pause" }, "paused"],
    ["LV-108", { status: "cancelled", cancelKind: "hold" }, "paused"],
    ["LV-109", { status: "cancelled", cancelKind: "person" }, "cancelled"],
    ["LV-109", { status: "cancelled", cancelKind: "system" }, "cancelled"],
    ["LV-109", { status: "cancelled", cancelKind: null }, "cancelled"],
    ["LV-110", { status: "failed", errorCode: "adapter_failed" }, "adapter_failed"],
    ["LV-110", { status: "failed", errorCode: null }, "adapter_failed"],
  ])("%s %j: %s", (_, one, reason) => {
    expect(stopMetadata(facts(one))["stopReason"]).toBe(reason);
  });

  it("LV-103 timeoutFired is true exactly for a time-out", () => {
    expect(stopMetadata(facts({ status: "timed_out" }))["timeoutFired"]).toBe(true);
    expect(stopMetadata(facts({ status: "failed", errorCode: "timeout" }))["timeoutFired"]).toBe(false);
    expect(stopMetadata(facts({ status: "succeeded" }))["timeoutFired"]).toBe(false);
  });
});

describe("the time limit that was in force", () => {
  const policyOf = (adapterType: string, adapterConfig: JsonObject): unknown[] => {
    const stop = stopMetadata(facts({ adapterType, adapterConfig }));
    return [stop["effectiveTimeoutSec"], stop["timeoutConfigured"], stop["timeoutSource"], stop["effectiveTimeoutMs"]];
  };

  it.each<[JsonObject, unknown[]]>([
    [{}, [0, false, "default", 0]],
    [{ timeoutMs: 2_500.9 }, [2.5, true, "config", 2_500]],
    [{ timeoutMs: "1500" }, [1.5, true, "config", 1_500]],
    [{ timeoutMs: "soon" }, [0, false, "config", 0]],
    [{ timeoutMs: -1 }, [0, false, "config", 0]],
    [{ timeoutMs: null, timeoutSec: 9 }, [0, false, "config", 0]],
    [{ timeoutSec: 2 }, [2, true, "config", 2_000]],
    [{ timeoutSec: "2" }, [2, true, "config", 2_000]],
    [{ timeoutSec: true }, [0, false, "config", 0]],
  ])("LV-101 http with %j: %j", (config, expected) => expect(policyOf("http", config)).toEqual(expected));

  it.each<[string, JsonObject, unknown[]]>([
    ["process", {}, [0, false, "default", undefined]],
    ["process", { timeoutSec: 30.7 }, [30, true, "config", undefined]],
    ["process", { timeoutSec: "30" }, [30, true, "config", undefined]],
    ["process", { timeoutSec: 0 }, [0, false, "config", undefined]],
    ["process", { timeoutSec: -5 }, [0, false, "config", undefined]],
    ["process", { timeoutSec: "never" }, [0, false, "config", undefined]],
    ["process", { timeoutMs: 5_000 }, [0, false, "default", undefined]],
    ["openclaw_gateway", {}, [120, true, "default", undefined]],
    ["openclaw_gateway", { timeoutSec: "never" }, [120, true, "config", undefined]],
    ["openclaw_gateway", { timeoutSec: 0 }, [0, false, "config", undefined]],
    ["hermes_local", {}, [300, true, "default", undefined]],
    ["my_adapter", {}, [0, false, "default", undefined]],
  ])("LV-102 %s with %j: %j", (type, config, expected) => expect(policyOf(type, config)).toEqual(expected));
});

describe("the stored result", () => {
  const stored = (one: Partial<Parameters<typeof storedResult>[0]>): JsonObject =>
    storedResult({
      resultJson: null,
      summary: null,
      errorFamily: null,
      retryNotBefore: null,
      stop: { stopReason: "completed" },
      ...one,
    });

  it("LV-100 stop metadata overwrites its own keys and keeps all others", () => {
    const resultJson = { stopReason: "mine", answer: 42 };
    expect(stored({ resultJson })).toEqual({ stopReason: "completed", answer: 42 });
    expect(resultJson.stopReason).toBe("mine");
  });

  it("LV-114 recovery metadata is copied, the time to come back under both its names", () => {
    expect(stored({ errorFamily: "transient_upstream", retryNotBefore: "2026-11-24T00:00:00Z" })).toEqual({
      stopReason: "completed",
      errorFamily: "transient_upstream",
      retryNotBefore: "2026-11-24T00:00:00Z",
      transientRetryNotBefore: "2026-11-24T00:00:00Z",
    });
  });

  it.each<[string, JsonObject | null, string | null, unknown]>([
    ["the adapter's, trimmed", null, "  done ", "done"],
    ["the result's own where it has one", { summary: "own" }, "done", "own"],
    ["the adapter's where the result's is blank", { summary: "  " }, "done", "done"],
    ["the adapter's where the result's is no text", { summary: 3 }, "done", "done"],
    ["none of a blank one", {}, "  ", undefined],
  ])("LV-114 the summary is %s", (_, resultJson, summary, expected) => {
    expect(stored({ resultJson, summary })["summary"]).toBe(expected);
  });
});
