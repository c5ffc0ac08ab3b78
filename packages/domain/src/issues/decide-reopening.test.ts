/** What a comment does to its issue (CO-42 to CO-44, API-152, API-154). */
import { expect, it } from "vitest";
import { decideReopening, type ReopeningFacts } from "./decide-reopening.js";

const facts = (over: Partial<ReopeningFacts> = {}): ReopeningFacts => ({
  status: "done",
  hasAgentAssignee: true,
  setsStatus: false,
  reopen: false,
  resume: false,
  hasUnresolvedBlockers: false,
  isHeld: false,
  author: { kind: "person" },
  ...over,
});
const byAgent = (assignee: "none" | "own" | "others" | "others_allowed") => ({ kind: "agent", assignee }) as const;

it.each<[string, Partial<ReopeningFacts>, "reopen" | "stay"]>([
  ["a person on done", {}, "reopen"],
  ["a person on cancelled", { status: "cancelled" }, "reopen"],
  ["a person on blocked, free", { status: "blocked" }, "reopen"],
  ["a person on blocked, still blocked", { status: "blocked", hasUnresolvedBlockers: true }, "stay"],
  ["a person, nobody's issue", { hasAgentAssignee: false }, "stay"],
  ["a person asks for it, nobody's issue", { hasAgentAssignee: false, reopen: true }, "reopen"],
  ["a person asks for it, still blocked", { status: "blocked", hasUnresolvedBlockers: true, reopen: true }, "reopen"],
  ["the same change sets a status", { setsStatus: true, reopen: true }, "stay"],
  ["an open issue", { status: "todo", reopen: true }, "stay"],
  ["an agent", { author: byAgent("own") }, "stay"],
  ["an agent asks for it on its own", { author: byAgent("own"), reopen: true }, "reopen"],
  ["an agent with the right asks for it", { author: byAgent("others_allowed"), resume: true }, "reopen"],
])("CO-42, CO-43 %s", (_, over, kind) => {
  expect(decideReopening(facts(over)).kind).toBe(kind);
});

it.each<[string, Partial<ReopeningFacts>, string, string]>([
  [
    "cancelled",
    { status: "cancelled" },
    "conflict",
    "Cancelled issues must be restored through the dedicated restore flow",
  ],
  ["backlog", { status: "backlog" }, "conflict", "Issue is not resumable through comment follow-up intent"],
  ["in review", { status: "in_review" }, "conflict", "Issue is not resumable through comment follow-up intent"],
  ["held", { isHeld: true }, "conflict", "Issue follow-up blocked by active subtree pause hold"],
  [
    "blocked",
    { status: "blocked", hasUnresolvedBlockers: true },
    "conflict",
    "Issue follow-up blocked by unresolved blockers",
  ],
  ["nobody's, by an agent", { author: byAgent("none") }, "conflict", "Issue follow-up requires an assigned agent"],
  [
    "another's, by an agent",
    { author: byAgent("others") },
    "forbidden",
    "Agent cannot request follow-up for another agent's issue",
  ],
])("CO-44 resume is refused: %s", (_, over, code, message) => {
  expect(decideReopening(facts({ resume: true, ...over }))).toEqual({ kind: "refuse", code, message });
  // The board's plain reopen is not held by these; an agent's is (API-152).
  const plain = decideReopening(facts({ reopen: true, ...over }));
  if (over.author === undefined) expect(plain.kind).not.toBe("refuse");
  else expect(plain).toEqual({ kind: "refuse", code, message });
});
