import { ISSUE_STATUSES, type IssueStatus, TREE_HOLD_MODES } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HoldSkipReason, planHold } from "./plan-hold.js";
import { holdsOver, type Tree, type TreeIssue, type TreeRun } from "./tree.js";

const issue = (one: Partial<TreeIssue> & { id: string }): TreeIssue => ({
  identifier: null,
  title: one.id,
  status: "todo",
  parentId: null,
  depth: 0,
  assigneeAgentId: null,
  assigneeUserId: null,
  runs: [],
  pauseHoldIds: [],
  cancelled: null,
  ...one,
});
const run = (one: Partial<TreeRun> = {}): TreeRun => ({
  id: "run",
  agentId: "ann",
  status: "running",
  startedAt: null,
  createdAt: new Date(0),
  ...one,
});
const tree = (issues: TreeIssue[], holdsAbove: string[] = []): Tree => ({ issues, holdsAbove });
const reasonOf = (plan: ReturnType<typeof planHold>, place = 0) => plan.members[place]?.skipReason;
const codes = (plan: ReturnType<typeof planHold>) => plan.warnings.map(({ code }) => code);

describe("TH-8 which members a hold leaves alone", () => {
  it.each(ISSUE_STATUSES)("TH-8 a %s issue", (status) => {
    const isOver = status === "done" || status === "cancelled";
    expect(reasonOf(planHold("pause", tree([issue({ id: "a", status })])))).toBe(isOver ? "terminal_status" : null);
    expect(reasonOf(planHold("cancel", tree([issue({ id: "a", status })])))).toBe(isOver ? "terminal_status" : null);
    expect(reasonOf(planHold("resume", tree([issue({ id: "a", status, pauseHoldIds: ["h"] })])))).toBe(
      isOver ? "terminal_status" : null,
    );
  });

  it("TH-8 pause: what is held stays held, whether the hold is its own, in the tree or above it", () => {
    const chain = [issue({ id: "a" }), issue({ id: "b", parentId: "a", depth: 1, pauseHoldIds: ["own"] })];
    const below = issue({ id: "c", parentId: "b", depth: 2 });
    const plan = planHold("pause", tree([...chain, below]));
    expect(plan.members.map(({ skipReason }) => skipReason)).toEqual([null, "already_held", "already_held"]);
    expect(plan.members[2]?.activeHoldIds).toEqual(["own"]);
    expect(reasonOf(planHold("pause", tree([issue({ id: "a" })], ["above"])))).toBe("already_held");
  });

  it("TH-8, TH-41 resume: what nothing holds, and what a hold above goes on holding", () => {
    const plan = planHold("resume", tree([issue({ id: "a" }), issue({ id: "b", parentId: "a", depth: 1 })]));
    expect(plan.members.map(({ skipReason }) => skipReason)).toEqual(["not_held", "not_held"]);
    expect(codes(plan)).toEqual(["no_affected_issues", "no_active_pause_holds"]);
    const under = planHold("resume", tree([issue({ id: "a", pauseHoldIds: ["own"] })], ["above"]));
    expect(reasonOf(under)).toBe("held_by_ancestor");
    expect(under.warnings).toContainEqual(expect.objectContaining({ code: "held_by_ancestor", holdIds: ["above"] }));
    expect(under.totals.affectedIssues).toBe(0);
  });

  const snapshot = (status: IssueStatus, skipped = false) => ({ holdId: "h", status, skipped });
  it.each<[string, IssueStatus, TreeIssue["cancelled"], HoldSkipReason | null]>([
    ["cancelled by it", "cancelled", snapshot("todo"), null],
    ["taken up again since", "todo", snapshot("todo"), "changed_after_cancel"],
    ["done since", "done", snapshot("todo"), "changed_after_cancel"],
    ["done before and still", "done", snapshot("done", true), "not_cancelled"],
    ["open and never cancelled", "todo", null, "not_cancelled"],
    ["cancelled by somebody else", "cancelled", null, "not_cancelled_by_tree_control"],
    ["cancelled before it", "cancelled", snapshot("cancelled", true), "terminal_status"],
  ])("TH-8, TH-34 restore: an issue %s", (_, status, cancelled, expected) => {
    expect(reasonOf(planHold("restore", tree([issue({ id: "a", status, cancelled })])))).toBe(expected);
  });
});

describe("TH-9 the preview", () => {
  it("TH-9 counts issues, runs and agents, and warns of what runs and waits", () => {
    const plan = planHold(
      "pause",
      tree([
        issue({
          id: "a",
          assigneeAgentId: "ann",
          status: "in_progress",
          runs: [run(), run({ id: "q", status: "queued" })],
        }),
        issue({ id: "b", parentId: "a", depth: 1, assigneeAgentId: "ann" }),
        issue({
          id: "c",
          parentId: "a",
          depth: 1,
          status: "done",
          runs: [run({ id: "s", agentId: "bob", status: "scheduled_retry" })],
        }),
      ]),
    );
    expect(plan.totals).toEqual({
      totalIssues: 3,
      affectedIssues: 2,
      skippedIssues: 1,
      activeRuns: 1,
      queuedRuns: 2,
      affectedAgents: 2,
    });
    expect(plan.countsByStatus).toEqual({ in_progress: 1, todo: 1, done: 1 });
    expect(plan.affectedAgents).toEqual([
      { agentId: "ann", issueCount: 2, activeRunCount: 2 },
      { agentId: "bob", issueCount: 0, activeRunCount: 1 },
    ]);
    expect(plan.warnings.map(({ code, issueIds }) => [code, issueIds])).toEqual([
      ["running_runs_present", ["a"]],
      ["queued_runs_present", ["a", "c"]],
    ]);
  });

  it("TH-9 names what was changed after a cancel", () => {
    const cancelled = { holdId: "h", status: "todo", skipped: false } as const;
    const plan = planHold("restore", tree([issue({ id: "a", status: "in_progress", cancelled })]));
    expect(plan.warnings).toMatchObject([
      { code: "no_affected_issues" },
      { code: "restore_conflicts_present", issueIds: ["a"] },
    ]);
  });

  it("TH-9 every issue is either affected or skipped, in every mode", () => {
    const anIssue = fc.record({
      status: fc.constantFrom(...ISSUE_STATUSES),
      isHeld: fc.boolean(),
      cancelled: fc.option(fc.constantFrom(...ISSUE_STATUSES)),
    });
    fc.assert(
      fc.property(fc.constantFrom(...TREE_HOLD_MODES), fc.array(anIssue, { minLength: 1 }), (mode, drawn) => {
        const plan = planHold(
          mode,
          tree(
            drawn.map(({ status, isHeld, cancelled }, place) =>
              issue({
                id: `${place}`,
                status,
                depth: Math.min(place, 1),
                parentId: place === 0 ? null : "0",
                pauseHoldIds: isHeld ? [`h${place}`] : [],
                cancelled: cancelled === null ? null : { holdId: "c", status: cancelled, skipped: false },
              }),
            ),
          ),
        );
        const { totals } = plan;
        expect(totals.affectedIssues + totals.skippedIssues).toBe(drawn.length);
        expect(codes(plan).includes("no_affected_issues")).toBe(totals.affectedIssues === 0);
      }),
    );
  });
});

it("TH-10 the nearest hold comes first, and a parent's covers its children", () => {
  const over = holdsOver(
    tree(
      [
        issue({ id: "a", pauseHoldIds: ["newest", "older"] }),
        issue({ id: "b", parentId: "a", depth: 1, pauseHoldIds: ["near"] }),
        issue({ id: "c", parentId: "b", depth: 2 }),
      ],
      ["above"],
    ),
  );
  expect(over.get("c")).toEqual(["near", "newest", "older", "above"]);
  expect(over.get("a")).toEqual(["newest", "older", "above"]);
});
