import { describe, expect, it } from "vitest";
import { issuePrefixCandidate } from "../companies/issue-prefix.js";
import { holdsRedactedValue, type RevisedAgent, reviseAgent } from "./config-revision.js";
import { mergeAdapterConfig } from "./merge-adapter-config.js";
import { findHostCommandPaths, findInstructionPaths } from "./protected-config.js";
import { agentShortName, decideAgentName } from "./short-name.js";

describe("AL-3, DM-21 short names", () => {
  it.each([
    ["Bob the Builder", "bob-the-builder"],
    ["  --Ünï code!! ", "n-code"],
    ["R2_D2", "r2-d2"],
    ["!!!", ""],
  ])("DM-21 %s is %s", (name, short) => expect(agentShortName(name)).toBe(short));

  it("AL-3 appends the first free number", () => {
    expect(decideAgentName("Bob", new Set())).toBe("Bob");
    expect(decideAgentName("Bob", new Set(["bob", "bob-2"]))).toBe("Bob 3");
  });
  it("AL-3 ends at 100", () => {
    const taken = new Set(["bob", ...Array.from({ length: 99 }, (_, index) => `bob-${index + 2}`)]);
    expect(decideAgentName("Bob", taken)).toBeNull();
  });
});

describe("API-77 adapterConfig", () => {
  const stored = { b: 2, env: { A: "1" }, cwd: "/x" };
  it.each([
    ["merges key by key", { replace: false, typeChanged: false }, { a: 1, b: 2, env: { A: "1" }, cwd: "/x" }],
    ["replaces", { replace: true, typeChanged: false }, { a: 1 }],
    [
      "keeps what every adapter knows when the type changes",
      { replace: false, typeChanged: true },
      { a: 1, env: { A: "1" }, cwd: "/x" },
    ],
  ])("API-77 %s", (_name, how, expected) => {
    expect(mergeAdapterConfig({ stored, sent: { a: 1 }, ...how })).toEqual(expected);
  });
});

describe("API-37 what agents may never change", () => {
  it("names each path", () => {
    expect(
      findHostCommandPaths({ workspace: [{ provisionCommand: "x" }], cleanupCommand: "y" }, "adapterConfig"),
    ).toEqual(["adapterConfig.workspace[0].provisionCommand", "adapterConfig.cleanupCommand"]);
    expect(findInstructionPaths({ agentsMdPath: "x" }, "adapterConfig")).toEqual(["adapterConfig.agentsMdPath"]);
  });
});

describe("CO-1 issue prefixes", () => {
  it.each([
    ["Acme", 0, "ACM"],
    ["Acme", 1, "ACMA"],
    ["Ac-me", 2, "ACMAA"],
    ["123", 0, "CMP"],
  ])("CO-1 %s, try %i: %s", (name, attempt, prefix) => expect(issuePrefixCandidate(name, attempt)).toBe(prefix));
});

describe("AL-17 revisions", () => {
  const agent: RevisedAgent = {
    name: "Bob",
    role: "general",
    title: null,
    reportsTo: null,
    capabilities: null,
    adapterType: "process",
    adapterConfig: { env: { TOKEN: "one" }, list: [1, { a: 1, b: 2 }] },
    runtimeConfig: { heartbeat: { enabled: false } },
    defaultEnvironmentId: null,
    budgetMonthlyCents: 0,
    metadata: null,
  };

  it.each<[string, Partial<RevisedAgent>, string[] | null]>([
    ["nothing", {}, null],
    ["the order of keys", { adapterConfig: { list: [1, { b: 2, a: 1 }], env: { TOKEN: "one" } } }, null],
    ["a secret's value", { adapterConfig: { env: { TOKEN: "two" }, list: [1, { a: 1, b: 2 }] } }, ["adapterConfig"]],
    ["a list's end", { adapterConfig: { env: { TOKEN: "one" }, list: [1] } }, ["adapterConfig"]],
    [
      "a list that became an object",
      { adapterConfig: { env: { TOKEN: "one" }, list: { 0: 1, 1: 2 } } },
      ["adapterConfig"],
    ],
    ["fields, in their order", { metadata: {}, title: "T", name: "B" }, ["name", "title", "metadata"]],
  ])("AL-17 tells %s", (_what, changes, expected) => {
    expect(reviseAgent(agent, { ...agent, ...changes })?.changedKeys ?? null).toEqual(expected);
  });

  it("AL-17 keeps both sides whole, secrets masked", () => {
    const revision = reviseAgent(agent, { ...agent, runtimeConfig: { apiKey: "k" }, metadata: { password: "p" } });
    expect(revision?.beforeConfig).toEqual({
      ...agent,
      adapterConfig: { ...agent.adapterConfig, env: { TOKEN: "***REDACTED***" } },
    });
    expect(revision?.afterConfig).toMatchObject({
      runtimeConfig: { apiKey: "***REDACTED***" },
      metadata: { password: "***REDACTED***" },
    });
  });

  it.each([
    [{ a: [{ b: "***REDACTED***" }] }, true],
    [{ a: "Bearer ***REDACTED***" }, true],
    [{ a: ["x", null, 1, true] }, false],
  ])("API-86 %j holds a masked value: %s", (config, expected) => expect(holdsRedactedValue(config)).toBe(expected));
});
