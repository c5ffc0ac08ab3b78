/** The command line as a person types it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createEmptyTestDatabase } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";

const PROGRAM = fileURLToPath(new URL("../bin/wakefleet.mjs", import.meta.url));

function wakefleet(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const clean = { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env };
    execFile(process.execPath, [PROGRAM, ...args], { env: clean, cwd: "/" }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

describe("wakefleet", () => {
  it.each(["up", "demo", "api", "worker", "migrate", "secrets rotate"])(
    "OP-25 %s --help has an example and exits 0",
    async (command) => {
      const { code, out } = await wakefleet([...command.split(" "), "--help"]);
      expect(code).toBe(0);
      expect(out).toMatch(/Examples?:\n/);
    },
  );

  it.each([
    [["fly"], /unknown command 'fly'/],
    [["up", "--port", "http"], /must be a whole number from 0 to 65535/],
    [["up", "--workers", "0"], /must be a whole number from 1 to 1000/],
    [["up", "--colour"], /unknown option '--colour'/],
  ])("OP-25 %j is a wrong command line: exit code 2", async (args, message) => {
    const { code, err } = await wakefleet(args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it("OP-10 a wrong variable stops the start with its name, the problem and an example", async () => {
    const { code, err } = await wakefleet(["up", "--data", "/nonexistent"], { LEASE_MS: "soon" });
    expect(code).toBe(2);
    expect(err).toContain(
      'LEASE_MS must be a whole number from 500 to 3600000, but is "soon". Example: LEASE_MS=30000',
    );
  });

  it.each(["api", "worker"])("OP-10 %s without stores names what is missing", async (command) => {
    const { code, err } = await wakefleet([command]);
    expect(code).toBe(2);
    for (const name of ["DATABASE_URL", "REDIS_URL", "AUTH_SECRET"])
      expect(err).toContain(`${name} is not set. Example: `);
  });

  it("OP-10 --print-config shows the effective values, secrets masked, and starts nothing", async () => {
    const { code, out } = await wakefleet(["worker", "--concurrency", "3", "--print-config"], {
      DATABASE_URL: "postgresql://wf:hunter2@db/wf",
      REDIS_URL: "redis://:hunter3@redis",
      AUTH_SECRET: "hunter4".repeat(5),
    });
    expect(code).toBe(0);
    expect(out).toContain("WORKER_CONCURRENCY=3\n");
    expect(out).not.toContain("hunter");
  });

  it("OP-6 migrate brings an empty database to the newest schema, once", async () => {
    const database = await createEmptyTestDatabase();
    const env = { DATABASE_URL: database.url };
    expect((await wakefleet(["migrate", "--status"], env)).code).toBe(1);
    expect((await wakefleet(["migrate"], env)).out).toMatch(/Applied \d+_/);
    expect(await wakefleet(["migrate"], env)).toMatchObject({ code: 0, out: "The database is current.\n" });
    expect((await wakefleet(["migrate", "--status"], env)).code).toBe(0);
    await database.drop();
  });
});
