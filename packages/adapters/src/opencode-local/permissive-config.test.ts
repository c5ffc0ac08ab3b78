import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultOpenCodeCommand, parseOpenCodeModels } from "./opencode-models.js";
import { createPermissiveConfig } from "./permissive-config.js";

describe("AD-232 the configuration folder of a run", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "wakefleet-opencode-test-"));
  });
  afterEach(async () => {
    await rm(home, { recursive: true, force: true });
  });

  async function userConfig(text: string, folder = path.join(home, ".config", "opencode")): Promise<void> {
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "opencode.json"), text);
  }

  it("AD-232 copies the user's folder, merges the permission and leaves the original alone", async () => {
    const original = '{"provider":{"fake":{}},"permission":{"bash":"ask"}}';
    await userConfig(original);
    const config = await createPermissiveConfig("a-run", { HOME: home });
    const copied = await readFile(path.join(config.directory, "opencode", "opencode.json"), "utf8");
    expect(JSON.parse(copied)).toEqual({
      provider: { fake: {} },
      permission: { bash: "ask", external_directory: "allow" },
    });
    expect(await readFile(path.join(home, ".config", "opencode", "opencode.json"), "utf8")).toBe(original);
    await config.remove();
    await expect(readdir(config.directory)).rejects.toThrow(/ENOENT/);
  });

  it("AD-232 follows XDG_CONFIG_HOME and needs no folder to be there", async () => {
    const elsewhere = path.join(home, "xdg");
    await userConfig('{"theme":"x"}', path.join(elsewhere, "opencode"));
    const config = await createPermissiveConfig("a-run", { HOME: home, XDG_CONFIG_HOME: elsewhere });
    expect(JSON.parse(await readFile(path.join(config.directory, "opencode", "opencode.json"), "utf8"))).toEqual({
      theme: "x",
      permission: { external_directory: "allow" },
    });
    await config.remove();

    const empty = await createPermissiveConfig("a-run", { HOME: path.join(home, "nobody") });
    expect(empty.warnings).toEqual([]);
    await empty.remove();
  });

  it("AD-232 says that a file it cannot merge into is left out", async () => {
    await userConfig("{ // comment\n}");
    const config = await createPermissiveConfig("a-run", { HOME: home });
    expect(config.warnings).toHaveLength(1);
    await config.remove();
  });
});

describe("AD-233 listing models", () => {
  it("AD-233 reads ids at the beginning of lines", () => {
    expect(parseOpenCodeModels("\u001b[1mopenai/gpt-5\u001b[0m\nfake/fake-model\n\nnot a model\n")).toEqual([
      "openai/gpt-5",
      "fake/fake-model",
    ]);
  });

  it("AD-233 takes the default command from the worker's environment", () => {
    expect(defaultOpenCodeCommand({})).toBe("opencode");
    expect(defaultOpenCodeCommand({ PAPERCLIP_OPENCODE_COMMAND: "/opt/oc" })).toBe("/opt/oc");
    expect(defaultOpenCodeCommand({ WAKEFLEET_OPENCODE_COMMAND: "/a", PAPERCLIP_OPENCODE_COMMAND: "/b" })).toBe("/a");
  });
});
