import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { type CompactionPolicy, compactionPolicy, neverRotates, runsLookedAt } from "./compaction-policy.js";
import { rotationReason, rotationWarning, type SessionHistory, sessionHandoff } from "./rotation.js";

const thresholds: CompactionPolicy = {
  enabled: true,
  maxSessionRuns: 200,
  maxRawInputTokens: 2_000_000,
  maxSessionAgeHours: 72,
};
const own: CompactionPolicy = { enabled: true, maxSessionRuns: 0, maxRawInputTokens: 0, maxSessionAgeHours: 0 };
const policyOf = (runtimeConfig: JsonObject, adapterDefault: CompactionPolicy | null = thresholds) =>
  compactionPolicy({ runtimeConfig, adapterDefault });

describe("when a session is rotated", () => {
  it.each<[string, JsonObject, Partial<CompactionPolicy>]>([
    ["heartbeat.sessionCompaction", { heartbeat: { sessionCompaction: { maxSessionRuns: 2 } } }, { maxSessionRuns: 2 }],
    ["heartbeat.sessionRotation", { heartbeat: { sessionRotation: { maxSessionRuns: 3 } } }, { maxSessionRuns: 3 }],
    ["sessionCompaction", { sessionCompaction: { maxSessionAgeHours: 5 } }, { maxSessionAgeHours: 5 }],
    [
      "the first place that is not null",
      {
        heartbeat: { sessionCompaction: null, sessionRotation: { maxSessionRuns: 4 } },
        sessionCompaction: { enabled: false },
      },
      { maxSessionRuns: 4, enabled: true },
    ],
    [
      "the first place only, though it is no object",
      { heartbeat: { sessionCompaction: "off" }, sessionCompaction: { enabled: false } },
      thresholds,
    ],
  ])("SE-40 AD-8 overrides are read from %s", (_, config, expected) => {
    expect(policyOf(config).policy).toMatchObject(expected);
  });

  it.each<[JsonObject, Partial<CompactionPolicy>]>([
    [{ enabled: " OFF " }, { enabled: false }],
    [{ enabled: 0 }, { enabled: false }],
    [{ enabled: "no" }, { enabled: false }],
    [{ enabled: false }, { enabled: false }],
    [{ enabled: "perhaps" }, { enabled: true }],
    [{ enabled: 2 }, { enabled: true }],
    [{ maxSessionRuns: " 7.9 " }, { maxSessionRuns: 7 }],
    [{ maxSessionRuns: -1 }, { maxSessionRuns: 0 }],
    [{ maxSessionRuns: "" }, { maxSessionRuns: 0 }],
    [{ maxSessionRuns: "many" }, { maxSessionRuns: 200 }],
    [{ maxSessionRuns: null }, { maxSessionRuns: 200 }],
    [{ maxRawInputTokens: true }, { maxRawInputTokens: 2_000_000 }],
  ])("SE-41 AD-8 %j reads as %j", (sessionCompaction, expected) => {
    expect(policyOf({ sessionCompaction }).policy).toMatchObject(expected);
  });

  it("SE-41 an override brings to life what an unknown adapter has ready", () => {
    expect(policyOf({ sessionCompaction: { enabled: "yes" } }, null).policy).toEqual(thresholds);
  });

  it("SE-42 AD-8 says where the policy comes from", () => {
    expect(policyOf({ sessionCompaction: { enabled: true } }).source).toBe("agent_override");
    expect(policyOf({ sessionCompaction: { enabled: "perhaps" } }).source).toBe("adapter_default");
    expect(policyOf({}, null)).toMatchObject({ source: "legacy_fallback", policy: { enabled: false } });
  });

  it("SE-43 nothing is looked up where nothing can rotate", () => {
    expect(neverRotates(own)).toBe(true);
    expect(neverRotates({ ...thresholds, enabled: false })).toBe(true);
    expect(neverRotates({ ...own, maxSessionAgeHours: 1 })).toBe(false);
  });

  it("SE-44 one run more than the threshold is looked at, and at least four", () => {
    expect(runsLookedAt({ ...own, maxSessionRuns: 200 })).toBe(201);
    expect(runsLookedAt({ ...own, maxSessionRuns: 2 })).toBe(4);
    expect(runsLookedAt(own)).toBe(4);
  });

  const at = (hours: number) => new Date(Date.UTC(2026, 0, 1) + hours * 3_600_000);
  const history = (change: Partial<SessionHistory> & { usageJson?: JsonObject } = {}): SessionHistory => ({
    runs: 1,
    oldestCreatedAt: at(0),
    ...change,
    newest: { createdAt: at(1), usageJson: change.usageJson ?? null, resultJson: null, error: null, ...change.newest },
  });
  const newest = (hours: number) => ({ createdAt: at(hours), usageJson: null, resultJson: null, error: null });

  it.each<[string, SessionHistory, string | null]>([
    ["as many runs as allowed", history({ runs: 200 }), null],
    ["one more", history({ runs: 201 }), "session exceeded 200 runs"],
    [
      "the runs before the tokens",
      history({ runs: 201, usageJson: { rawInputTokens: 3_000_000 } }),
      "session exceeded 200 runs",
    ],
    ["tokens below", history({ usageJson: { rawInputTokens: 1_999_999 } }), null],
    [
      "tokens at the threshold",
      history({ usageJson: { rawInputTokens: 2_000_000, inputTokens: 1 } }),
      "session raw input reached 2,000,000 tokens (threshold 2,000,000)",
    ],
    [
      "a run's own tokens where there are no raw ones",
      history({ usageJson: { inputTokens: 2_345_678 } }),
      "session raw input reached 2,345,678 tokens (threshold 2,000,000)",
    ],
    ["no token at all", history({ usageJson: { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0 } }), null],
    ["an age below", history({ newest: newest(71.9) }), null],
    ["an age above", history({ newest: newest(73.9) }), "session age reached 73 hours"],
  ])("SE-45 %s", (_, given, reason) => expect(rotationReason(thresholds, given)).toBe(reason));

  it("SE-46 a session that merely slept is not rotated: its age ends with its newest run", () => {
    expect(rotationReason(thresholds, history({ oldestCreatedAt: at(0), newest: newest(1) }))).toBeNull();
  });

  it("SE-45 a threshold of 0 is off", () => {
    expect(
      rotationReason(own, history({ runs: 900, usageJson: { inputTokens: 9e9 }, newest: newest(900) })),
    ).toBeNull();
  });
});

describe("what a fresh session is told of the one before", () => {
  const about = {
    sessionId: "s-1",
    issueId: null,
    reason: "session exceeded 2 runs",
    newest: { resultJson: null, error: null },
    continuationSummary: null,
  };

  it("SE-47 the log says why", () => {
    expect(rotationWarning(about.reason)).toBe("Starting a fresh session because session exceeded 2 runs.");
  });

  it("SE-48, LV-98 every line, in order, texts cut", () => {
    const text = sessionHandoff({
      ...about,
      issueId: "i-1",
      newest: { resultJson: { summary: " ", result: "r".repeat(600) }, error: "e" },
      continuationSummary: "c".repeat(2_000),
    });
    expect(text.split("\n")).toEqual([
      "Wakefleet session handoff:",
      "- Previous session: s-1",
      "- Issue: i-1",
      "- Rotation reason: session exceeded 2 runs",
      `- Last run summary: ${"r".repeat(500)}`,
      `- Issue continuation summary: ${"c".repeat(1_500)}`,
      "Continue from the current task state. Rebuild only the minimum context you need.",
    ]);
  });

  it("SE-48 absent lines are left out; a run without a result gives its error", () => {
    expect(sessionHandoff(about).split("\n")).toHaveLength(4);
    expect(sessionHandoff({ ...about, newest: { resultJson: {}, error: "boom" } })).toContain(
      "- Last run summary: boom",
    );
  });
});
