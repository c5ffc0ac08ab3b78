import { describe, expect, it } from "vitest";
import {
  choosesByIsolation,
  type EnvironmentChoices,
  refuseEnvironment,
  type SelectedEnvironment,
  selectEnvironment,
} from "./select-environment.js";

const ISSUES = "11111111-1111-4111-8111-111111111111";
const PROJECTS = "22222222-2222-4222-8222-222222222222";
const AGENTS = "33333333-3333-4333-8333-333333333333";

describe("EN-3 which environment", () => {
  const all: EnvironmentChoices = {
    issueSettings: { environmentId: ISSUES },
    projectPolicy: { environmentId: PROJECTS },
    agentDefaultId: AGENTS,
  };
  it.each<[string, Partial<EnvironmentChoices>, boolean, string | null]>([
    ["the issue's", {}, true, ISSUES],
    ["the project's", { issueSettings: null }, true, PROJECTS],
    ["the agent's", { issueSettings: {}, projectPolicy: null }, true, AGENTS],
    ["the agent's while isolation is off", {}, false, AGENTS],
    ["the local one", { issueSettings: null, projectPolicy: null, agentDefaultId: null }, true, null],
    ["what is no id chooses nothing", { issueSettings: { environmentId: "x" }, projectPolicy: "y" }, true, AGENTS],
  ])("EN-3 %s", (_whose, choices, isolated, expected) => {
    expect(selectEnvironment({ ...all, ...choices }, isolated)).toBe(expected);
  });

  it("EN-3 the switch is asked for only where an issue or a project chose one", () => {
    expect(choosesByIsolation(all)).toBe(true);
    expect(choosesByIsolation({ ...all, issueSettings: null })).toBe(true);
    expect(choosesByIsolation({ issueSettings: null, projectPolicy: {}, agentDefaultId: AGENTS })).toBe(false);
  });
});

describe("EN-10, EN-13 whether a run may work there", () => {
  const local: SelectedEnvironment = { id: AGENTS, companyId: "c", name: "N", driver: "local", status: "active" };
  it.each<[string, Partial<SelectedEnvironment> | null, string, string | null, string]>([
    ["EN-10", null, "process", "environment_not_found", `Environment "${AGENTS}" not found.`],
    [
      "EN-10",
      { companyId: "d" },
      "process",
      "environment_not_found",
      `Environment "${AGENTS}" does not belong to this company.`,
    ],
    [
      "EN-10",
      { status: "archived" },
      "process",
      "environment_inactive",
      'Environment "N" is not active (status: archived).',
    ],
    ["EN-13", { driver: "ssh" }, "process", "unsupported_adapter_environment", ""],
    ["EN-13", { driver: "plugin" }, "claude_local", "unsupported_adapter_environment", ""],
    ["EN-4", { driver: "ssh" }, "claude_local", "unsupported_environment", ""],
    ["EN-4", {}, "claude_local", null, ""],
  ])("%s %j for %s: %s", (_rule, differing, adapterType, code, text) => {
    const environment = differing === null ? null : { ...local, ...differing };
    const refusal = refuseEnvironment({ id: AGENTS, environment, companyId: "c", adapterType });
    expect(refusal?.code ?? null).toBe(code);
    if (text !== "") expect(refusal?.text).toBe(text);
  });
});
