import { describe, expect, it } from "vitest";
import {
  clampLookbackHours,
  findGraphIncidents,
  type GraphAgent,
  type GraphIssue,
  graphOwners,
  latestChangeOf,
  readIncidentKey,
} from "./issue-graph.js";
import { graphEscalationComment, graphEscalationDescription } from "./issue-graph-texts.js";

function issue(id: string, change: Partial<GraphIssue> = {}): GraphIssue {
  return {
    id,
    identifier: id.toUpperCase(),
    title: id,
    status: "todo",
    assigneeAgentId: null,
    assigneeUserId: null,
    createdByAgentId: null,
    hasWaitingPath: false,
    review: null,
    updatedAtMs: 1,
    ...change,
  };
}

const idle: GraphAgent = { id: "idle", status: "idle", reportsTo: null };
const paused: GraphAgent = { id: "paused", status: "paused", reportsTo: null };

/** Findings of issues, where `edges` are `blocked ← blocker`. */
function find(issues: GraphIssue[], edges: [string, string][] = []) {
  const blockers = new Map<string, string[]>();
  for (const [blocked, blocker] of edges) blockers.set(blocked, [...(blockers.get(blocked) ?? []), blocker]);
  return findGraphIncidents({
    companyId: "c",
    issues: new Map(issues.map((one) => [one.id, one])),
    blockers,
    agents: new Map([idle, paused].map((agent) => [agent.id, agent])),
  });
}

const top = issue("s", { status: "blocked" });

describe("findGraphIncidents", () => {
  const leaves: [string, Partial<GraphIssue>, string | null, string][] = [
    ["RC-54a", { status: "cancelled" }, "blocked_by_cancelled_issue", "S is still blocked by cancelled issue L."],
    ["RC-54b", { hasWaitingPath: true }, null, ""],
    [
      "RC-54c",
      { status: "in_review", assigneeAgentId: "idle" },
      "in_review_without_action_path",
      "L is in review with an agent assignee but no participant, interaction, approval, user owner, wake, active run, or recovery issue owning the next action.",
    ],
    ["RC-54d", {}, "blocked_by_unassigned_issue", "S is blocked by unassigned issue L with no user owner."],
    [
      "RC-54e",
      { assigneeAgentId: "paused" },
      "blocked_by_uninvokable_assignee",
      "S is blocked by L, but its assignee is paused.",
    ],
    [
      "RC-54e",
      { assigneeAgentId: "gone" },
      "blocked_by_uninvokable_assignee",
      "S is blocked by L, but its assignee no longer exists.",
    ],
    ["RC-54f", { assigneeAgentId: "idle" }, null, ""],
    ["RC-53", { status: "done" }, null, ""],
  ];
  it.each(leaves)("%s %j", (_rule, change, state, reason) => {
    const [found] = find([top, issue("l", change)], [["s", "l"]]);
    expect(found?.state ?? null).toBe(state);
    if (found !== undefined) expect(found.reason).toBe(reason);
  });

  const reviews: [string, Partial<GraphIssue>, string | null, string][] = [
    ["RC-55a", { hasWaitingPath: true, assigneeAgentId: "idle" }, null, ""],
    ["RC-55b", { review: { participant: { type: "agent", id: "idle" } } }, null, ""],
    ["RC-55c", { review: { participant: { type: "agent", id: "paused" } } }, "invalid_review_participant", "paused"],
    ["RC-55c", { review: { participant: { type: "agent", id: "gone" } } }, "invalid_review_participant", "gone"],
    ["RC-55d", { review: { participant: { type: "user", id: "u" } } }, null, ""],
    ["RC-55e", { review: { participant: null } }, "invalid_review_participant", "none"],
    ["RC-55f", {}, null, ""],
    ["RC-55g", { assigneeAgentId: "idle" }, "in_review_without_action_path", "r"],
  ];
  it.each(reviews)("%s %j", (_rule, change, state, keyPart) => {
    const [found] = find([issue("r", { status: "in_review", ...change })]);
    expect(found?.state ?? null).toBe(state);
    if (found !== undefined) expect(found.incidentKey).toBe(`harness_liveness:c:r:${state}:${keyPart}`);
  });

  it("RC-53, RC-56 a chain is reported once, at its top, with its path", () => {
    const [found, ...rest] = find(
      [top, issue("m", { status: "blocked" }), issue("l")],
      [
        ["s", "m"],
        ["m", "l"],
      ],
    );
    expect(rest).toEqual([]);
    expect(found).toMatchObject({
      issueId: "s",
      recoveryIssueId: "l",
      severity: "critical",
      incidentKey: "harness_liveness:c:s:blocked_by_unassigned_issue:l",
      leafKey: "harness_liveness_leaf:c:blocked_by_unassigned_issue:l",
    });
    expect(found?.dependencyPath.map((one) => one.issueId)).toEqual(["s", "m", "l"]);
  });

  it("RC-53 a blocked middle that waits for something is left out", () => {
    const middle = issue("m", { status: "blocked", hasWaitingPath: true });
    expect(find([top, middle], [["s", "m"]])).toEqual([]);
    expect(find([top, issue("m", { status: "blocked", assigneeAgentId: null })], [["s", "m"]])).toHaveLength(1);
  });

  it("RC-53 blockers are looked at by label, and a ring ends", () => {
    const [found] = find(
      [top, issue("b"), issue("a")],
      [
        ["s", "b"],
        ["s", "a"],
      ],
    );
    expect(found?.recoveryIssueId).toBe("a");
    const ring = [
      issue("x", { status: "blocked", assigneeAgentId: "idle" }),
      issue("y", { status: "blocked", assigneeAgentId: "idle" }),
    ];
    expect(
      find(
        [top, ...ring],
        [
          ["s", "x"],
          ["x", "y"],
          ["y", "x"],
        ],
      ),
    ).toEqual([]);
  });

  it("RC-53 many ways to one issue cost one look each", () => {
    const width = 25;
    const issues = [top];
    const edges: [string, string][] = [];
    for (let layer = 0; layer < width; layer += 1) {
      for (const side of ["a", "b"]) {
        issues.push(issue(`${side}${layer}`, { status: "blocked", hasWaitingPath: true }));
        for (const above of layer === 0 ? ["s"] : [`a${layer - 1}`, `b${layer - 1}`])
          edges.push([above, `${side}${layer}`]);
      }
    }
    expect(find(issues, edges)).toEqual([]);
  });

  it("RC-57 owners: assignee, the chains, roots, all others", () => {
    const agent = (id: string, reportsTo: string | null = null, status: GraphAgent["status"] = "idle"): GraphAgent => ({
      id,
      reportsTo,
      status,
    });
    const agents = new Map(
      [
        agent("w", "m"),
        agent("m", "boss"),
        agent("boss"),
        agent("c", "cm"),
        agent("cm", "boss"),
        agent("z", "boss"),
        agent("off", null, "paused"),
      ].map((one) => [one.id, one]),
    );
    const leaf = issue("l", { assigneeAgentId: "w", createdByAgentId: "c" });
    expect(graphOwners(leaf, agents).map(({ agentId, reason }) => `${agentId} ${reason}`)).toEqual([
      "w stalled_blocker_assignee",
      "m assignee_reporting_chain",
      "boss assignee_reporting_chain",
      "cm creator_reporting_chain",
      "c ordered_invokable_fallback",
      "z ordered_invokable_fallback",
    ]);
    expect(graphOwners({ ...leaf, status: "cancelled" }, agents)[0]?.agentId).toBe("m");
  });

  it("RC-58, RC-61 hours are clamped, a path is as new as its newest issue", () => {
    expect([0, 721, 24.9, Number.NaN].map(clampLookbackHours)).toEqual([1, 720, 24, 24]);
    const [found] = find([top, issue("l", { updatedAtMs: 9 })], [["s", "l"]]);
    const path = found?.dependencyPath ?? [];
    const known = new Map([top, issue("l", { updatedAtMs: 9 })].map((one) => [one.id, one]));
    expect(latestChangeOf(path, known)).toBe(9);
    expect(latestChangeOf(path, new Map())).toBe(null);
  });

  it("RC-56, RC-59 an incident key can be read back", () => {
    expect(readIncidentKey("harness_liveness:c:s:state:l")).toEqual({
      companyId: "c",
      sourceIssueId: "s",
      state: "state",
      part: "l",
    });
    expect(readIncidentKey("other:c:s:state:l")).toBe(null);
    expect(readIncidentKey(null)).toBe(null);
  });

  it("RC-65 texts", () => {
    const [found] = find([top, issue("l")], [["s", "l"]]);
    if (found === undefined) throw new Error("there is a finding");
    const description = graphEscalationDescription({
      finding: found,
      source: top,
      leaf: issue("l"),
      ownerAgentId: "idle",
      candidateAgentIds: ["idle", "x"],
    });
    expect(description.split("\n")).toEqual(
      expect.arrayContaining([
        "- Source issue: S",
        "- Dependency path: S -> L",
        "- Selected owner agent: `idle`",
        "- Candidate owner agents: `idle`, `x`",
      ]),
    );
    expect(graphEscalationComment(found, { id: "e", identifier: "E-1" })).toContain("- Escalation issue: E-1\n");
  });
});
