/** Whom a resolved interaction wakes, with the exact keys of the table (W15). */
import { INTERACTION_CONTINUATIONS, INTERACTION_STATUSES, ISSUE_STATUSES } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { planInteractionWakes, type ResolvedInteraction } from "./continuation.js";

const interaction = (over: Partial<ResolvedInteraction> = {}): ResolvedInteraction => ({
  id: "t1",
  kind: "request_confirmation",
  status: "accepted",
  continuationPolicy: "wake_assignee",
  sourceCommentId: "c1",
  sourceRunId: null,
  ...over,
});
const issue = { id: "i1", status: "in_progress", assigneeAgentId: "ann" } as const;

describe("W15", () => {
  it.each([
    ["accepted", "issue.interaction.accept"],
    ["rejected", "issue.interaction.reject"],
    ["answered", "issue.interaction.respond"],
  ] as const)("W15 %s has exactly the keys of the table", (status, source) => {
    const about = {
      issueId: "i1",
      interactionId: "t1",
      interactionKind: "request_confirmation",
      interactionStatus: status,
      sourceCommentId: "c1",
      sourceRunId: null,
    };
    expect(planInteractionWakes(interaction({ status }), issue)).toEqual([
      {
        rule: "W15",
        agentId: "ann",
        issueId: "i1",
        source: "automation",
        reason: "issue_commented",
        payload: { ...about, mutation: "interaction" },
        context: { ...about, taskId: "i1", wakeReason: "issue_commented", source },
      },
    ]);
  });

  const wakes: ReadonlySet<string> = new Set([
    "wake_assignee accepted",
    "wake_assignee rejected",
    "wake_assignee answered",
    "wake_assignee_on_accept accepted",
  ]);
  for (const continuationPolicy of INTERACTION_CONTINUATIONS) {
    it.each(INTERACTION_STATUSES)(`W15 under ${continuationPolicy}, %s`, (status) => {
      const planned = planInteractionWakes(interaction({ continuationPolicy, status }), issue);
      expect(planned.length === 1).toBe(wakes.has(`${continuationPolicy} ${status}`));
    });
  }

  it.each(ISSUE_STATUSES)("W15 of an issue that is %s", (status) => {
    const planned = planInteractionWakes(interaction(), { ...issue, status });
    expect(planned).toHaveLength(status === "done" || status === "cancelled" ? 0 : 1);
  });

  it("W15 wakes nobody where no agent is assigned", () => {
    expect(planInteractionWakes(interaction(), { ...issue, assigneeAgentId: null })).toEqual([]);
  });
});
