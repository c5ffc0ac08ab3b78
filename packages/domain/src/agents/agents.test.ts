import { describe, expect, it } from "vitest";
import { issuePrefixCandidate } from "../companies/issue-prefix.js";
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
