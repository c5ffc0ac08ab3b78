import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProgramFolder, type ProgramFolder } from "../conformance/agent-programs.js";
import { type ProbeReading, testCliEnvironment } from "./test-cli-environment.js";

describe("AD-96 the detail of a probe", () => {
  let programs: ProgramFolder;
  beforeAll(async () => {
    programs = await createProgramFolder();
  });
  afterAll(async () => {
    await programs.remove();
  });

  /** What the check of the probe shows of a program that printed this, when its output reads as `reading`. */
  async function detailOf(printed: { stdout: string; stderr: string }, errorMessage: string | null): Promise<string> {
    const command = await programs.shell(
      "probed",
      `printf '%b' '${printed.stdout}'\nprintf '%b' '${printed.stderr}' >&2\nexit 1`,
    );
    const reading: ProbeReading = { errorMessage, summary: null, authRequired: false, failed: true };
    const { checks } = await testCliEnvironment(
      { companyId: "c", adapterType: "t", config: { cwd: programs.directory, command } },
      {
        prefix: "tool",
        name: "Tool",
        createsDirectory: false,
        command: () => command,
        credentialChecks: async () => [],
        probe: () => ({ args: [], timeoutSec: 20, loginHint: "log in", read: () => reading }),
      },
    );
    const probe = checks.find(({ code }) => code === "tool_hello_probe_failed");
    expect(probe?.level).toBe("error");
    return probe?.detail ?? "";
  }

  it.each([
    ["the error that was read", { stdout: "out", stderr: "err" }, "\n  read \t error \nmore", "read error"],
    ["else stderr", { stdout: "out", stderr: "\\n \\n first  line\\nsecond" }, null, "first line"],
    ["else stdout", { stdout: "out", stderr: "  " }, "", "out"],
    ["at most 240 characters", { stdout: "", stderr: "x".repeat(500) }, null, "x".repeat(240)],
    ["without colours", { stdout: "", stderr: "\\033[31mred\\033[0m" }, null, "red"],
  ])("AD-96 AD-93 is %s", async (_what, printed, errorMessage, detail) => {
    expect(await detailOf(printed, errorMessage)).toBe(detail);
  });
});
