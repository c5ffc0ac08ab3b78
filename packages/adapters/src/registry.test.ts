import { describe, expect, it } from "vitest";
import type { Adapter, AdapterModel } from "./contract.js";
import { builtInAdapters, createAdapterRegistry } from "./registry.js";
import { defaultSessionCodec } from "./session-codec.js";

function adapter(more: Partial<Adapter> = {}): Adapter {
  return {
    type: "other",
    execute: async () => ({ exitCode: 0, signal: null, timedOut: false }),
    testEnvironment: async () => ({ adapterType: "other", status: "pass", checks: [], testedAt: "" }),
    ...more,
  };
}

const model = (id: string): AdapterModel => ({ id, label: id });
const registryOf = (more: Partial<Adapter>): ReturnType<typeof createAdapterRegistry> =>
  createAdapterRegistry([...builtInAdapters(), adapter(more)]);

describe("AD-3 AD-4 the registry", () => {
  const registry = createAdapterRegistry(builtInAdapters());

  it.each([
    "process",
    "http",
    "claude_local",
    "codex_local",
    "cursor",
    "gemini_local",
    "opencode_local",
    "pi_local",
    "hermes_local",
    "openclaw_gateway",
  ])("AD-3 ships %s", (type) => {
    expect(registry.require(type).type).toBe(type);
  });

  it("check 49 AD-4: runs an unknown type as a process, and refuses it in validation", () => {
    expect(registry.resolve("nobody_knows").type).toBe("process");
    expect(registry.resolve("http").type).toBe("http");
    expect(() => registry.require("nobody_knows")).toThrow("Unknown adapter type: nobody_knows");
    expect(registry.require("http").type).toBe("http");
  });

  it("AD-1 refuses a type given twice and a registry without the fallback", () => {
    expect(() => createAdapterRegistry([...builtInAdapters(), ...builtInAdapters()])).toThrow(/"process"/);
    expect(() => createAdapterRegistry([adapter()])).toThrow(/builtInAdapters/);
  });
});

describe("AD-6 capabilities", () => {
  it.each([
    ["claude_local", true, true, false, true, [0, 0, 0], "confirmed"],
    ["codex_local", true, true, false, true, [0, 0, 0], "confirmed"],
    ["cursor", true, true, true, true, [200, 2_000_000, 72], "unknown"],
    ["gemini_local", true, true, true, true, [200, 2_000_000, 72], "unknown"],
    ["opencode_local", true, true, true, true, [200, 2_000_000, 72], "unknown"],
    ["pi_local", true, true, true, true, [200, 2_000_000, 72], "unknown"],
    ["hermes_local", true, false, false, true, [0, 0, 0], "confirmed"],
    ["openclaw_gateway", false, false, false, false, undefined, undefined],
    ["process", false, false, false, false, undefined, undefined],
    ["http", false, false, false, false, undefined, undefined],
  ])("AD-6 AD-7 of %s", (type, token, instructions, skills, codec, thresholds, management) => {
    const found = createAdapterRegistry(builtInAdapters()).require(type);
    expect([
      found.supportsLocalAgentJwt ?? false,
      found.supportsInstructionsBundle ?? false,
      found.requiresMaterializedRuntimeSkills ?? false,
      found.sessionCodec !== undefined,
    ]).toEqual([token, instructions, skills, codec]);
    const compaction = found.sessionManagement?.defaultCompaction;
    expect(
      compaction && [compaction.maxSessionRuns, compaction.maxRawInputTokens, compaction.maxSessionAgeHours],
    ).toEqual(thresholds);
    expect(found.sessionManagement?.nativeContextManagement).toBe(management);
  });

  it.each(builtInAdapters().map((found) => [found.type, found] as const))(
    "AD-2 %s explains its settings to forms and people",
    (type, found) => {
      expect(found.getConfigSchema?.()).toMatchObject({ type: "object" });
      expect(found.agentConfigurationDoc).toContain(`# ${type}`);
    },
  );
});

describe("AD-5 models", () => {
  const models = [model("static")];
  it.each<[string, Partial<Adapter>, string[], string[]]>([
    ["no list", {}, [], []],
    ["a static list", { models }, ["static"], ["static"]],
    ["a listing", { models, listModels: async () => [model("listed")] }, ["listed"], ["listed"]],
    ["an empty listing", { models, listModels: async () => [] }, ["static"], ["static"]],
    [
      "a refresh",
      { models, listModels: async () => [model("listed")], refreshModels: async () => [model("fresh")] },
      ["listed"],
      ["fresh"],
    ],
    ["an empty refresh", { models, refreshModels: async () => [] }, ["static"], ["static"]],
  ])("AD-5 answers for %s", async (_what, more, listed, refreshed) => {
    const registry = registryOf(more);
    expect((await registry.models("other")).map((entry) => entry.id)).toEqual(listed);
    expect((await registry.refreshModels("other")).map((entry) => entry.id)).toEqual(refreshed);
  });

  it("AD-5 knows no models of an unknown type", async () => {
    expect(await registryOf({}).models("nobody_knows")).toEqual([]);
  });
});

describe("SE-26 AD-37 the default session codec", () => {
  it.each([
    [
      { sessionId: "s", extra: 1 },
      { sessionId: "s", extra: 1 },
    ],
    [{}, null],
    [null, null],
    ["text", null],
    [[1], null],
  ])("SE-26 reads %j", (raw, params) => {
    expect(defaultSessionCodec.deserialize(raw)).toEqual(params);
  });

  it("SE-26 stores nothing for empty params and shows a session id", () => {
    expect(defaultSessionCodec.serialize({})).toBeNull();
    expect(defaultSessionCodec.serialize(null)).toBeNull();
    expect(defaultSessionCodec.getDisplayId({ sessionId: "s" })).toBe("s");
    expect(defaultSessionCodec.getDisplayId({ sessionId: " " })).toBeNull();
    expect(createAdapterRegistry(builtInAdapters()).sessionCodec("process")).toBe(defaultSessionCodec);
  });
});
