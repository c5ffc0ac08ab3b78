import { describe, expect, it } from "vitest";
import {
  DEFAULT_SILENCE_THRESHOLDS,
  decideSilentRun,
  judgeSilence,
  quietUntil,
  type SilentScanFacts,
} from "./silence.js";
import { criticalSilenceComment, evaluationDescription, silentSourceComment } from "./silence-texts.js";

const now = new Date("2026-11-24T12:00:00Z");
const ago = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);
const run = {
  status: "running" as const,
  lastOutputAt: null,
  processStartedAt: null,
  startedAt: null,
  createdAt: ago(300),
};

describe("judgeSilence", () => {
  const rows: [string, Parameters<typeof judgeSilence>[0], Date | null, string, number | null][] = [
    ["RC-42 not running", { ...run, status: "failed" }, null, "not_applicable", null],
    ["RC-42 quiet", run, ago(-1), "snoozed", 300],
    ["RC-42 critical", { ...run, lastOutputAt: ago(240) }, null, "critical", 240],
    ["RC-42 suspicious", { ...run, processStartedAt: ago(60) }, null, "suspicious", 60],
    ["RC-42 ok", { ...run, startedAt: ago(59) }, null, "ok", 59],
    ["RC-41 never negative", { ...run, lastOutputAt: ago(-5) }, null, "ok", 0],
  ];
  it.each(rows)("%s", (_what, fact, snoozedUntil, level, minutes) => {
    const silence = judgeSilence(fact, { now, snoozedUntil });
    expect(silence.level).toBe(level);
    expect(silence.ageMs).toBe(minutes === null ? null : minutes * 60_000);
  });

  it("RC-40 begins at the last output, else the process's, the run's start or its creation", () => {
    const begins = (change: object): Date => judgeSilence({ ...run, ...change }, { now, snoozedUntil: null }).startedAt;
    expect(begins({})).toEqual(ago(300));
    expect(begins({ startedAt: ago(9) })).toEqual(ago(9));
    expect(begins({ startedAt: ago(9), processStartedAt: ago(8) })).toEqual(ago(8));
    expect(begins({ processStartedAt: ago(8), lastOutputAt: ago(7) })).toEqual(ago(7));
  });
});

describe("decideSilentRun", () => {
  const at = (level: "ok" | "suspicious" | "critical" | "snoozed"): SilentScanFacts => ({
    silence: { startedAt: ago(70), ageMs: 1, level },
    agentExists: true,
    evaluation: null,
    closedEvaluationAt: null,
    dismissedAt: null,
    endedWindowAt: null,
  });
  const rows: [string, SilentScanFacts, object][] = [
    ["RC-45 quiet", at("snoozed"), { kind: "snoozed" }],
    ["RC-45 fine", at("ok"), { kind: "none" }],
    ["RC-45 no agent", { ...at("critical"), agentExists: false }, { kind: "skip" }],
    ["RC-47 new", at("suspicious"), { kind: "create", level: "suspicious" }],
    ["RC-46 known", { ...at("suspicious"), evaluation: { id: "e", priority: "medium" } }, { kind: "existing" }],
    [
      "RC-46 raised",
      { ...at("critical"), evaluation: { id: "e", priority: "medium" } },
      { kind: "existing_critical", raise: true },
    ],
    [
      "RC-46 high",
      { ...at("critical"), evaluation: { id: "e", priority: "high" } },
      { kind: "existing_critical", raise: false },
    ],
    ["RC-47c closed", { ...at("critical"), closedEvaluationAt: ago(5) }, { kind: "none" }],
    ["RC-47c dismissed", { ...at("critical"), dismissedAt: ago(5) }, { kind: "none" }],
    [
      "RC-47c armed again",
      { ...at("critical"), closedEvaluationAt: ago(50), endedWindowAt: ago(40) },
      { kind: "create" },
    ],
    [
      "RC-47c dismissed after it",
      { ...at("critical"), dismissedAt: ago(30), endedWindowAt: ago(40) },
      { kind: "none" },
    ],
  ];
  it.each(rows)("%s", (_what, facts, expected) => expect(decideSilentRun(facts)).toMatchObject(expected));

  it("RC-49h what each decision does to the quiet", () => {
    const decide = (decision: Parameters<typeof quietUntil>[0]["decision"], snoozedUntil: Date | null = null) =>
      quietUntil({ decision, snoozedUntil, now });
    expect(decide("snooze", ago(-90))).toEqual(ago(-90));
    expect(decide("continue")).toEqual(ago(-30));
    expect(decide("dismissed_false_positive")).toBe(null);
  });
});

describe("texts", () => {
  const text = {
    prefix: "T",
    level: "suspicious" as const,
    run: {
      id: "r",
      agentId: "a",
      invocationSource: "assignment",
      triggerDetail: "system",
      startedAt: ago(70),
      processStartedAt: null,
      lastOutputAt: null,
      lastOutputSeq: 3,
      processPid: 7,
      processGroupId: null,
    },
    agent: { name: "Ann", adapterType: "process" },
    worker: { id: "w", hostname: "h", leaseIsFresh: true },
    source: { id: "i", identifier: "T-1" },
    ageMs: 3_660_000,
    thresholds: DEFAULT_SILENCE_THRESHOLDS,
    logTail: "MY_TOKEN=abcdef\nlast line",
    events: [{ createdAt: ago(70), eventType: "lifecycle", level: "info", message: "run started" }],
    children: [],
    blockers: [{ id: "b", identifier: "T-2", status: "todo", title: "Slates" }],
  };

  it("RC-47a says what is known and shows no secret", () => {
    const description = evaluationDescription(text);
    expect(description.split("\n")).toEqual(
      expect.arrayContaining([
        "Wakefleet detected suspicious output silence on an active heartbeat run.",
        "- Run: [r](/T/agents/a/runs/r)",
        "- Invocation: assignment / system",
        "- Silent for: 1h 1m",
        "- Thresholds: suspicious after 1h, critical after 4h",
        "- Process metadata: pid `7`, process group `unknown`, owned by worker `w` on h, lease fresh",
        "MY_TOKEN=***REDACTED***",
        "last line",
        `- ${ago(70).toISOString()} \`lifecycle\` info: run started`,
        "- none detected",
        "- [T-2](/T/issues/T-2) `todo`: Slates",
      ]),
    );
    expect(description.match(/^## .*/gm)).toEqual([
      "## Run",
      "## Last Output Excerpt",
      "## Recent Run Events",
      "## Related Work",
      "## Decision Checklist",
    ]);
  });

  it("RC-47a keeps the end of a long tail, and no fence within it", () => {
    const description = evaluationDescription({ ...text, logTail: `${"x".repeat(5_000)}\`\`\`end` });
    expect(description).toContain("```text\n[truncated earlier evidence]\nxxx");
    expect(description.match(/```/g)).toHaveLength(2);
    expect(evaluationDescription({ ...text, logTail: null, worker: null })).toContain(
      "_No run-log tail was available._",
    );
  });

  it("RC-46, RC-46a comments", () => {
    expect(criticalSilenceComment({ id: "r", ageMs: 14_460_000, lastOutputAt: null }).split("\n")).toEqual([
      "Critical output silence threshold crossed.",
      "",
      "- Run: `r`",
      "- Silent for: 4h 1m",
      "- Last output at: none recorded",
    ]);
    expect(silentSourceComment({ evaluation: { id: "e", identifier: null }, runId: "r" })).toContain(
      "- Evaluation issue: e\n",
    );
  });
});
