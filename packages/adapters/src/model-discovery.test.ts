import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProgramFolder, type ProgramFolder } from "./conformance/agent-programs.js";
import {
  createModelDiscovery,
  type ModelDiscovery,
  type ModelListCommand,
  requireKnownModel,
} from "./model-discovery.js";

describe("AD-233 AD-264 the models a CLI lists", () => {
  let programs: ProgramFolder;
  let now = 0;
  const discovery: ModelDiscovery = createModelDiscovery({
    parse: ({ stdout }) => stdout.split("\n").filter((line) => line !== ""),
    now: () => now,
  });
  beforeAll(async () => {
    programs = await createProgramFolder();
  });
  afterAll(async () => {
    await programs.remove();
  });

  /** A command that lists another model each time it is asked. */
  async function counting(name: string): Promise<ModelListCommand> {
    const counter = `${programs.directory}/${name}.count`;
    const file = await programs.shell(
      name,
      `echo x >> ${counter}\necho "p/m$(wc -l < ${counter} | tr -d ' ')"\necho p/a\necho p/a`,
    );
    return { command: file, args: ["models"], cwd: programs.directory, env: { PATH: process.env["PATH"] ?? "" } };
  }

  it("AD-233 gives sorted ids without doubles and asks again after a minute", async () => {
    const command = await counting("minute");
    expect(await discovery.list(command)).toEqual(["p/a", "p/m1"]);
    now += 59_000;
    expect(await discovery.list(command)).toEqual(["p/a", "p/m1"]);
    now += 1_000;
    expect(await discovery.list(command)).toEqual(["p/a", "p/m2"]);
    expect(await discovery.refresh(command)).toEqual(["p/a", "p/m3"]);
    expect(await discovery.list(command)).toEqual(["p/a", "p/m3"]);
  });

  it("AD-233 remembers for each environment, but not for each run's identity", async () => {
    const command = await counting("environment");
    const withEnv = (env: Record<string, string>): ModelListCommand => ({
      ...command,
      env: { ...command.env, ...env },
    });
    expect(await discovery.list(withEnv({ KEY: "1", WAKEFLEET_RUN_ID: "r1" }))).toContain("p/m1");
    expect(await discovery.list(withEnv({ KEY: "1", WAKEFLEET_RUN_ID: "r2" }))).toContain("p/m1");
    expect(await discovery.list(withEnv({ KEY: "2" }))).toContain("p/m2");
  });

  it("AD-233 asks once for two that ask at once", async () => {
    const command = await counting("once");
    const [one, two] = await Promise.all([discovery.list(command), discovery.list(command)]);
    expect(one).toEqual(two);
  });

  it("AD-233 says why a listing failed and does not remember it", async () => {
    const flag = `${programs.directory}/works`;
    const file = await programs.shell("failing", `[ -e ${flag} ] && echo p/m && exit 0\necho "no network" >&2\nexit 3`);
    const command = {
      command: file,
      args: ["models"],
      cwd: programs.directory,
      env: { PATH: process.env["PATH"] ?? "" },
    };
    await expect(discovery.list(command)).rejects.toThrow("no network");
    await programs.shell("works", "");
    expect(await discovery.list(command)).toEqual(["p/m"]);
  });
});

describe("AD-233 requireKnownModel", () => {
  const available = Array.from({ length: 15 }, (_, n) => `p/m${n}`);

  it("AD-233 takes a listed model", () => {
    expect(() => requireKnownModel({ name: "OpenCode", model: "p/m3", available })).not.toThrow();
  });

  it("AD-233 names up to twelve examples", () => {
    expect(() => requireKnownModel({ name: "OpenCode", model: "p/x", available })).toThrow(
      /"p\/x".* p\/m0, .*p\/m11, and 3 more/,
    );
  });

  it("AD-264 says what to do when there are none", () => {
    expect(() => requireKnownModel({ name: "Pi", model: "p/x", available: [] })).toThrow(/^Pi lists no models/);
  });
});
