/** Whom a text mentions (API-171, CO-41), and what a parent's agent is told of its children (API-172, DP-13). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { losesLocks, movesWaitingRuns } from "./change-effects.js";
import { type ChildFact, childIssueSummaries } from "./child-summaries.js";
import { findMentions } from "./mentions.js";

const ID = "0A000000-0000-4000-8000-00000000000F";

describe("API-171, CO-41", () => {
  it.each<[string, string[]]>([
    ["hi @Bob, you", ["Bob"]],
    ["@ann!@cid? @dee.", ["ann", "cid", "dee"]],
    ["mail@Bob", []],
    ["ü@Bob", []],
    ["(@Bob)", ["Bob)"]],
    ["@Bob @BOB @bob", ["Bob"]],
    ["@R&amp;D and @&#x41;nn and @&lt;x", ["R&D", "Ann", "<x"]],
    ["@ @@ @,", []],
    ["two words: @Ann Marie", ["Ann"]],
  ])("names in %j", (body, names) => {
    expect(findMentions(body).names).toEqual(names);
  });
  it("links to agents, with and without an icon, once and in lower case", () => {
    const body = `[x](agent://${ID}) [y](agent://${ID}?i=bot) [z](agent://nobody) [w](https://a/${ID})`;
    expect(findMentions(body).agentIds).toEqual([ID.toLowerCase()]);
  });
  it("takes any text without failing, and quickly", () => {
    fc.assert(fc.property(fc.string({ maxLength: 2_000 }), (text) => void findMentions(text)));
    findMentions("[".repeat(50_000) + "(agent://".repeat(5_000));
  });
});

describe("API-172, DP-13", () => {
  const child = (n: number, latestComment: string | null): ChildFact => ({
    id: `c${n}`,
    identifier: `A-${n}`,
    title: `t${n}`,
    status: "done",
    priority: "low",
    assigneeAgentId: null,
    assigneeUserId: null,
    updatedAt: "2026-01-01T00:00:00.000Z",
    latestComment,
  });
  it("the first twenty, and whether there are more", () => {
    const told = childIssueSummaries(Array.from({ length: 21 }, (_, n) => child(n, null)));
    expect(told.childIssueSummaries).toHaveLength(20);
    expect(told.childIssueSummaryTruncated).toBe(true);
    expect(childIssueSummaries([child(1, null)]).childIssueSummaryTruncated).toBe(false);
  });
  it.each<[string, string | null, string | null]>([
    ["none", null, null],
    ["blank", "  \n", null],
    ["short", "  a b  ", "a b"],
    ["exactly 500", "x".repeat(500), "x".repeat(500)],
    ["501", "x".repeat(501), `${"x".repeat(485)} [truncated]`],
    ["a blank at the cut", `${"x".repeat(480)}${" ".repeat(10)}${"y".repeat(50)}`, `${"x".repeat(480)} [truncated]`],
    ["a pair at the cut", `${"x".repeat(484)}😀${"y".repeat(50)}`, `${"x".repeat(484)} [truncated]`],
  ])("the latest comment: %s", (_, body, summary) => {
    expect(childIssueSummaries([child(1, body)]).childIssueSummaries[0]?.summary).toBe(summary);
  });
});

describe("CO-5, QU-3 what a change means for locks and order", () => {
  const side = { status: "in_progress", assigneeAgentId: "a", assigneeUserId: null, priority: "low" } as const;
  it.each([
    ["a title", side, false],
    ["another status", { ...side, status: "todo" } as const, true],
    ["another agent", { ...side, assigneeAgentId: "b" }, true],
    ["a person", { ...side, assigneeAgentId: null, assigneeUserId: "u" }, true],
  ])("%s clears the locks: %s", (_, after, loses) => {
    expect(losesLocks(side, after)).toBe(loses);
  });
  it("entering in_progress keeps them", () => {
    expect(losesLocks({ ...side, status: "todo" }, side)).toBe(false);
  });
  it("status and priority move waiting runs", () => {
    expect(movesWaitingRuns(side, side)).toBe(false);
    expect(movesWaitingRuns(side, { ...side, status: "todo" })).toBe(true);
    expect(movesWaitingRuns(side, { ...side, priority: "high" })).toBe(true);
  });
});
