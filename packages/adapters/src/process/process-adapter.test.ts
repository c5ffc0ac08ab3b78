import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordRun } from "../conformance/recorded-run.js";
import { processAdapter } from "./process-adapter.js";

const shell = (script: string, more: JsonObject = {}): JsonObject => ({
  command: "/bin/sh",
  args: ["-c", script],
  ...more,
});
const run = async (config: JsonObject, context: JsonObject = {}): ReturnType<typeof recordRun> =>
  await recordRun(processAdapter, { config, context });

describe("07 table 17: the process adapter", () => {
  it("check 1 AD-80 AD-82: succeeds with its output as result", async () => {
    const { result, stdout } = await run(shell("echo hi; exit 0"));
    expect(result).toEqual({ exitCode: 0, signal: null, timedOut: false, resultJson: { stdout: "hi\n", stderr: "" } });
    expect(stdout).toBe("hi\n");
  });

  it("check 2 AD-82: fails with the exit code in its message", async () => {
    const { result } = await run(shell("echo out; echo err >&2; exit 7"));
    expect(result).toMatchObject({
      exitCode: 7,
      errorMessage: "Process exited with code 7",
      resultJson: { stdout: "out\n", stderr: "err\n" },
    });
    expect(result.errorCode ?? null).toBeNull();
  });

  it.each([{}, { command: "" }, { command: 5 }])("check 4 AD-80: refuses the config %j", async (config) => {
    await expect(run(config)).rejects.toThrow("Process adapter missing command");
  });

  it("check 5 AD-42: names the command it cannot find", async () => {
    await expect(run({ command: "no-such-command" })).rejects.toThrow('Command not found in PATH: "no-such-command"');
  });

  it("check 7 AD-82: keeps what a timed-out child printed", async () => {
    const { result } = await run(shell("echo so far; exec sleep 60", { timeoutSec: 1 }));
    expect(result).toMatchObject({
      timedOut: true,
      errorCode: "timeout",
      errorMessage: "Timed out after 1s",
      resultJson: { stdout: "so far\n" },
    });
  });

  it("check 12 AD-82: keeps the last 64 KiB of each stream, beginning with a whole character", async () => {
    const { result } = await run(shell("yes '€uro' | head -c 299999; echo the end"));
    const kept = String(result.resultJson?.["stdout"]);
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(65_536);
    expect(Buffer.byteLength(kept)).toBeGreaterThan(65_530);
    expect(kept.endsWith("\nthe end\n")).toBe(true);
    expect(kept.includes("\uFFFD")).toBe(false);
  });

  it("AD-40 splits arguments given as one string", async () => {
    expect((await run({ command: "printf", args: `'%s|' "a b" c` })).stdout).toBe("a b|c|");
  });

  it("AD-81 gives no token, even if there is one", async () => {
    const { stdout } = await recordRun(processAdapter, {
      config: shell("env"),
      execution: { workerEnv: { WAKEFLEET_API_KEY: "worker's own", PATH: process.env["PATH"] } },
    });
    expect(stdout).not.toContain("API_KEY");
  });

  it("AD-83 takes the report a program prints last", async () => {
    const report = JSON.stringify({
      wakefleetResult: { summary: "Sorted", usage: { inputTokens: 3, outputTokens: 1 } },
    });
    const { result } = await run(shell(`echo working; echo '${report}'`));
    expect(result).toMatchObject({
      exitCode: 0,
      summary: "Sorted",
      usage: { inputTokens: 3, outputTokens: 1 },
      usageBasis: "per_run",
    });
  });

  it("AD-83 takes a transient failure from the report of a failed program", async () => {
    const report = JSON.stringify({ wakefleetResult: { errorCode: "busy", errorFamily: "transient_upstream" } });
    const { result } = await run(shell(`echo '${report}'; exit 1`));
    expect(result).toMatchObject({
      errorCode: "busy",
      errorFamily: "transient_upstream",
      errorMessage: "Process exited with code 1",
    });
  });

  it("AD-16 AD-56 tells what it invokes", async () => {
    const { metas } = await run({ command: "sh", args: ["-c", "exit 0"], cwd: "/" });
    expect(metas[0]).toMatchObject({ adapterType: "process", command: "sh", cwd: "/", commandArgs: ["-c", "exit 0"] });
    expect(metas[0]?.env["WAKEFLEET_RESOLVED_COMMAND"]).toMatch(/^\/.*\/sh$/);
  });

  it("AD-57 CX-21 works in the run's workspace", async () => {
    const context = { wakefleetWorkspace: { cwd: tmpdir(), source: "task_session" } };
    expect((await run(shell("pwd", { cwd: "/" }), context)).stdout).toBe(`${tmpdir()}\n`);
  });
});

describe("AD-84 testing the environment of a process agent", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "wakefleet-process-"));
  });
  afterAll(async () => {
    await rm(root, { recursive: true, force: true });
  });
  const test = async (config: JsonObject): Promise<[string, string[]]> => {
    const result = await processAdapter.testEnvironment({ companyId: "c", adapterType: "process", config });
    return [result.status, result.checks.map((check) => check.code)];
  };

  it("check 50 AD-84: fails without a command", async () => {
    expect(await test({})).toEqual(["fail", ["process_command_missing", "process_cwd_valid"]]);
  });

  it("AD-84 passes with a command it can find", async () => {
    const codes = ["process_command_present", "process_cwd_valid", "process_command_resolvable"];
    expect(await test({ command: "sh", cwd: root })).toEqual(["pass", codes]);
  });

  it("AD-84 fails for a command or a directory that is not there, and creates none", async () => {
    const cwd = path.join(root, "missing");
    const codes = ["process_command_present", "process_cwd_invalid", "process_command_unresolvable"];
    expect(await test({ command: "no-such-command", cwd })).toEqual(["fail", codes]);
    expect(await test({ command: "no-such-command", cwd })).toEqual(["fail", codes]);
  });

  it("AD-84 searches the PATH the agent would get", async () => {
    expect((await test({ command: "sh", env: { PATH: root } }))[1]).toContain("process_command_unresolvable");
  });
});
