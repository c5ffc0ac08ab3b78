import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { normalizeWakePayload } from "../environment/wake-payload.js";
import { apiNote, environmentNote, joinSections, promptSections } from "./prompt-sections.js";
import { renderTemplate } from "./prompt-template.js";
import { renderWakeSection } from "./wake-section.js";

const agent = { id: "a1", companyId: "c1", name: "Ada", adapterType: "x", adapterConfig: { k: [1] } };
const sections = (more: { config?: JsonObject; context?: JsonObject; resumed?: boolean } = {}) =>
  promptSections({
    execution: { runId: "r1", agent, config: more.config ?? {}, context: more.context ?? {} },
    resumed: more.resumed ?? false,
  });
const WAKE = { reason: "issue_commented", issue: { id: "i1", identifier: "ACME-1", title: "Fix it", status: "todo" } };

describe("AD-59 templates", () => {
  const data = { a: { b: "text", n: 5, t: true, z: null, o: { x: 1 }, l: [1, 2] }, "k-1": "dash" };
  it.each([
    ["{{a.b}} {{ a.b }}", "text text"],
    ["{{a.n}}/{{a.t}}", "5/true"],
    ["[{{a.z}}][{{nope}}][{{a.b.c}}][{{a.l.0}}]", "[][][][]"],
    ["{{a.o}} {{a.l}}", '{"x":1} [1,2]'],
    ["{{k-1}}", "dash"],
    ["{{#if x}} {{a b}} { {a} }", "{{#if x}} {{a b}} { {a} }"],
    ["{{constructor}}{{a.__proto__}}", ""],
  ])("AD-59 fills %j", (template, expected) => {
    expect(renderTemplate(template, data)).toBe(expected);
  });

  it("AD-59 knows agent, company, run and context", () => {
    const promptTemplate =
      "{{agentId}} {{companyId}} {{runId}} {{company.id}} {{agent.name}} {{run.id}} {{run.source}} {{context.x}}";
    expect(sections({ config: { promptTemplate }, context: { x: "y" } }).heartbeat).toBe(
      "a1 c1 r1 c1 Ada r1 on_demand y",
    );
  });
});

describe("AD-60 AD-62 sections", () => {
  it("AD-60 trims, drops what is blank and joins with one empty line", () => {
    const joined = joinSections({ one: " a \n", two: "  ", three: "b" });
    expect(joined).toEqual({ prompt: "a\n\nb", promptMetrics: { promptChars: 4, oneChars: 1, threeChars: 1 } });
  });

  it("AD-62 begins the default prompt with who the agent is", () => {
    const [line] = sections().heartbeat.split("\n");
    expect(line).toContain("a1");
    expect(line).toContain("Ada");
    expect(sections({ config: { promptTemplate: "" } }).heartbeat).toBe(sections().heartbeat);
  });

  it("AD-60 is short when a session goes on and there is news, and whole when there is none", () => {
    const config = { bootstrapPromptTemplate: "Welcome" };
    const fresh = sections({ config, context: { wakefleetWake: WAKE } });
    expect(fresh).toMatchObject({ bootstrap: "Welcome", isDelta: false });
    expect(fresh.wake).toContain("## Wakefleet Wake Payload");
    const delta = sections({ config, context: { wakefleetWake: WAKE }, resumed: true });
    expect(delta).toMatchObject({ bootstrap: "", heartbeat: "", isDelta: true });
    expect(sections({ config, resumed: true })).toMatchObject({ wake: "", isDelta: false });
    expect(sections({ config, resumed: true }).heartbeat).not.toBe("");
  });
});

describe("AD-61 AD-62 the wake as a section", () => {
  const render = (payload: JsonObject, resumed = false): string =>
    renderWakeSection({ payload: normalizeWakePayload(payload), resumed });

  it("AD-61 gives nothing for nothing", () => {
    expect(renderWakeSection({ payload: normalizeWakePayload({}), resumed: false })).toBe("");
  });

  it("AD-62 always says the first five, with unknown for what is missing", () => {
    const text = render({ commentIds: ["c1"] });
    for (const line of [
      "- reason: unknown",
      "- issue: unknown",
      "- latest comment id: unknown",
      "- fallback fetch needed: no",
    ]) {
      expect(text).toContain(line);
    }
    expect(render(WAKE)).toContain("- issue: ACME-1 Fix it");
    expect(render(WAKE, true)).toContain("## Wakefleet Resume Delta");
  });

  it("AD-62 keeps the order of its lines and writes the comments out", () => {
    const text = render({
      ...WAKE,
      checkedOutByHarness: true,
      dependencyBlockedInteraction: true,
      treeHoldInteraction: true,
      activeTreeHold: { holdId: "h1", mode: "pause", reason: "why" },
      executionStage: {
        wakeRole: "reviewer",
        stageType: "review",
        reviewRequest: { instructions: "Look well" },
        allowedActions: ["approve"],
      },
      continuationSummary: { body: "So far" },
      livenessContinuation: { attempt: 1, maxAttempts: 2, instruction: "Go on" },
      childIssueSummaries: [{ identifier: "ACME-2", title: "Part", status: "done", summary: "ok" }],
      commentWindow: { requestedCount: 3, includedCount: 1, missingCount: 2 },
      latestCommentId: "c9",
      comments: [
        { id: "c9", body: "Please", bodyTruncated: true, createdAt: "2026-11-22", authorType: "user", authorId: "u1" },
      ],
    });
    const inOrder = [
      ...["- reason: issue_commented", "- issue: ACME-1 Fix it", "- pending comments: 1/3", "- latest comment id: c9"],
      ...[
        "- fallback fetch needed:",
        "- issue status: todo",
        "- checkout: already claimed by the harness for this run",
      ],
      ...["- dependency-blocked interaction: yes", "- tree-hold interaction: yes", "- omitted comments: 2"],
      ...["- execution wake role: reviewer", "- execution stage: review", "Look well", "So far", "Go on", "ACME-2"],
      ...["already checked out for this run", "1. comment c9", "Please", "[comment body truncated]"],
    ].map((line) => text.indexOf(line));
    expect(inOrder).not.toContain(-1);
    expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
  });
});

describe("BY-2 the wakes that joined a run", () => {
  const cause = (n: number) => ({
    requestId: `r${n}`,
    at: `2026-11-24T12:00:0${n}.000Z`,
    source: "on_demand",
    reason: n === 1 ? "A customer wrote" : null,
    requestedByType: "user",
    requestedById: `u${n}`,
    payload: { note: n },
  });
  const section = (causes: JsonObject[], causesOmitted = 0): string =>
    renderWakeSection({
      payload: normalizeWakePayload({ reason: "why", causes, causesOmitted }),
      resumed: false,
    });

  it("BY-2 are listed with who asked, why and with what, and what is left out is counted", () => {
    expect(section([cause(1), cause(2)], 7)).toContain(
      [
        "Wakes that are answered by this run, oldest first:",
        '- 2026-11-24T12:00:01.000Z by user u1: A customer wrote {"note":1}',
        '- 2026-11-24T12:00:02.000Z by user u2: on_demand {"note":2}',
        "- (7 more are left out between the first and the newest)",
      ].join("\n"),
    );
  });

  it("BY-2 one alone is no list", () => {
    expect(section([cause(1)])).not.toContain("answered by this run");
  });
});

describe("AD-63 notes", () => {
  it("AD-63 names variables, sorted, and never their values", () => {
    const note = environmentNote({ WAKEFLEET_RUN_ID: "r-secret", PAPERCLIP_RUN_ID: "r-secret", OTHER: "x" });
    expect(note).toContain("PAPERCLIP_RUN_ID, WAKEFLEET_RUN_ID");
    expect(note).not.toMatch(/r-secret|OTHER/);
    expect(environmentNote({ OTHER: "x" })).toBe("");
  });

  it("AD-63 shows the API only where address and key are there", () => {
    const both = { WAKEFLEET_API_URL: "http://u", WAKEFLEET_API_KEY: "k-secret" };
    expect(apiNote(both)).toContain("X-Wakefleet-Run-Id");
    expect(apiNote(both)).toContain("Authorization: Bearer");
    expect(apiNote(both)).not.toContain("k-secret");
    expect(apiNote({ WAKEFLEET_API_URL: "http://u" })).toBe("");
  });
});
