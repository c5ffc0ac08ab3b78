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

  it("AD-3 ships process and http", () => {
    expect(registry.types()).toEqual(["process", "http"]);
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
