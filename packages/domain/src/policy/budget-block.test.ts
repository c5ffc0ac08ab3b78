import { describe, expect, it } from "vitest";
import { type BudgetFacts, budgetBlock, type HardStopPolicy } from "./budget-block.js";

const facts = (one: Partial<BudgetFacts> = {}): BudgetFacts => ({
  company: { id: "co", status: "active", pauseReason: null },
  agent: { id: "a", status: "idle", pauseReason: null },
  projects: [],
  policies: [],
  ...one,
});
const policy = (scopeType: HardStopPolicy["scopeType"], scopeId: string, observed = 100): HardStopPolicy => ({
  scopeType,
  scopeId,
  amount: 100,
  observed,
});
const company = (status: BudgetFacts["company"]["status"], pauseReason: string | null) => ({
  company: { id: "co", status, pauseReason },
});
const agent = (status: BudgetFacts["agent"]["status"], pauseReason: string | null) => ({
  agent: { id: "a", status, pauseReason },
});
const project = (id: string, isPaused = false, pauseReason: string | null = null) => ({ id, isPaused, pauseReason });

/** Each row, alone, with what it says; in the order in which they are asked. */
const ROWS: [string, Partial<BudgetFacts>, string, string][] = [
  ["BU-15.1", company("paused", "budget"), "company", "Company is paused because its budget hard-stop was reached."],
  ["BU-15.2", company("paused", "manual"), "company", "Company is paused and cannot start new work."],
  ["BU-15.3", company("archived", null), "company", "Company is archived and cannot start new work."],
  [
    "BU-15.4",
    { policies: [policy("company", "co")] },
    "company",
    "Company cannot start new work because its budget hard-stop is exceeded.",
  ],
  ["BU-15.5", agent("paused", "budget"), "agent", "Agent is paused because its budget hard-stop was reached."],
  [
    "BU-15.6",
    { policies: [policy("agent", "a", 101)] },
    "agent",
    "Agent cannot start because its budget hard-stop is still exceeded.",
  ],
  [
    "BU-15.7",
    { projects: [project("p")], policies: [policy("project", "p")] },
    "project",
    "Project cannot start work because its budget hard-stop is still exceeded.",
  ],
  [
    "BU-15.8",
    { projects: [project("p", true, "budget")] },
    "project",
    "Project is paused because its budget hard-stop was reached.",
  ],
];

describe("what blocks an invocation", () => {
  it.each(ROWS)("%s says its sentence", (rule, given, scopeType, reason) => {
    const ids = { company: "co", agent: "a", project: "p" } as const;
    expect(budgetBlock(facts(given))).toEqual({ rule, scopeType, scopeId: ids[scopeType as keyof typeof ids], reason });
  });

  it.each(ROWS.slice(0, -1).map((row, place) => [row, ROWS[place + 1] ?? row] as const))(
    "BU-15 of two that apply the first one answers (%j)",
    ([rule, first], [, second]) => {
      const policies = [...(first.policies ?? []), ...(second.policies ?? [])];
      const projects = first.projects ?? second.projects ?? [];
      expect(budgetBlock(facts({ ...second, ...first, policies, projects }))?.rule).toBe(rule);
    },
  );

  it.each<[string, Partial<BudgetFacts>]>([
    ["nothing set", {}],
    [
      "spending below every limit",
      {
        projects: [project("p")],
        policies: [policy("company", "co", 99), policy("agent", "a", 99), policy("project", "p", 0)],
      },
    ],
    [
      "somebody else's limits",
      { policies: [policy("company", "other"), policy("agent", "other"), policy("project", "other")] },
    ],
    ["an agent paused by hand, which another rule refuses", agent("paused", "manual")],
    ["a project paused by hand", { projects: [project("p", true, "manual")] }],
  ])("BU-14, BU-16 does not block with %s", (_, given) => {
    expect(budgetBlock(facts(given))).toBeNull();
  });

  it("BU-16, BU-17 of several projects and policies any exceeded one blocks", () => {
    const projects = [project("p"), project("q")];
    const policies = [policy("project", "q", 1), policy("project", "q", 100)];
    expect(budgetBlock(facts({ projects, policies }))).toMatchObject({ rule: "BU-15.7", scopeId: "q" });
  });
});
