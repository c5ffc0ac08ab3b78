import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadAdapterPackage, loadAdapterRegistry } from "./adapter-package.js";

const EXAMPLE = path.resolve(import.meta.dirname, "../../../../examples/adapter-file-drop");

describe("AD-1 adapters from packages", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "wakefleet-adapter-packages-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A package as npm would lay it into `folder`. */
  function install(name: string, source: string): string {
    const target = path.join(folder, "node_modules", name);
    mkdirSync(target, { recursive: true });
    writeFileSync(path.join(target, "package.json"), JSON.stringify({ name, type: "module", exports: "./index.js" }));
    writeFileSync(path.join(target, "index.js"), source);
    return path.join(target, "index.js");
  }
  const minimal = (type: string): string =>
    `{ type: "${type}", execute: async () => ({}), testEnvironment: async () => ({}) }`;

  it("AD-3 AD-4 finds an installed package by its name and adds it to those that ship", async () => {
    cpSync(EXAMPLE, path.join(folder, "node_modules", "wakefleet-adapter-file-drop"), { recursive: true });
    const registry = await loadAdapterRegistry(["wakefleet-adapter-file-drop"], folder);
    expect(registry.require("file_drop").type).toBe("file_drop");
    expect(registry.resolve("process").type).toBe("process");
    expect(registry.types()).toHaveLength(11);
  });

  it("AD-1 takes a path, a default and a list", async () => {
    const file = install("@acme/adapters", `export const adapters = [${minimal("acme_one")}, ${minimal("acme_two")}];`);
    expect((await loadAdapterPackage("@acme/adapters", folder)).map(({ type }) => type)).toEqual([
      "acme_one",
      "acme_two",
    ]);
    expect(await loadAdapterPackage(file)).toHaveLength(2);
    install("by-default", `export default ${minimal("by_default")};`);
    expect((await loadAdapterPackage("by-default", folder))[0]?.type).toBe("by_default");
    expect(await loadAdapterPackage("./node_modules/by-default/index.js", folder)).toHaveLength(1);
  });

  it("AD-4 without packages there are the built-in types", async () => {
    expect((await loadAdapterRegistry([])).types()).toHaveLength(10);
  });

  it.each([
    ["is not installed", "no-such-adapter", null, 'The adapter package "no-such-adapter" is not installed. Install it'],
    ["has no file", "./nowhere.mjs", null, 'The adapter package "./nowhere.mjs" could not be loaded from file://'],
    ["throws", "throwing", "throw new Error('no licence');", "could not be loaded from file://"],
    ["exports nothing", "empty", "export const other = 1;", 'The adapter package "empty" exports no adapter.'],
    ["exports a list of none", "none", "export const adapters = [];", 'The adapter package "none" exports no adapter.'],
    ["exports no object", "text", "export const adapter = 'text';", "exports no valid adapter: it is no object"],
    [
      "lacks its functions",
      "lacking",
      "export const adapter = { type: 'Lacking', supportsLocalAgentJwt: 'yes', listModels: 1, sessionCodec: {} };",
      "`type` must be 1 to 64 small letters, digits and `_`, beginning with a letter; `execute` must be a function; " +
        "`testEnvironment` must be a function; `listModels` must be a function; " +
        "`supportsLocalAgentJwt` must be true or false; `sessionCodec` must have",
    ],
    [
      "takes a type that is taken",
      "taking",
      `export const adapter = ${minimal("http")};`,
      'has the type "http", which is taken',
    ],
  ])("AD-1 a package that %s is refused with its name and what to do", async (_what, name, source, message) => {
    if (source !== null) install(name, source);
    await expect(loadAdapterRegistry([name], folder)).rejects.toThrow(message);
  });
});
