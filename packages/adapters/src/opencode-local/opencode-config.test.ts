import { describe, expect, it } from "vitest";
import { openCodeAdapter } from "./opencode-adapter.js";
import { openCodeArguments, readOpenCodeConfig } from "./opencode-config.js";

describe("AD-230 AD-231 the settings of OpenCode", () => {
  it.each([
    [{}, null, ["run", "--format", "json"], true],
    [{ model: " p/m ", variant: "" }, null, ["run", "--format", "json", "--model", "p/m"], true],
    [
      { model: "p/m", variant: "high", dangerouslySkipPermissions: false, args: ["--x"] },
      "ses_1",
      ["run", "--format", "json", "--session", "ses_1", "--model", "p/m", "--variant", "high", "--x"],
      false,
    ],
    [{ model: 7, dangerouslySkipPermissions: "no" }, null, ["run", "--format", "json"], true],
  ])("AD-230 AD-231 %j resuming %j", (config, sessionId, args, skipsPermissions) => {
    const read = readOpenCodeConfig(config);
    expect(openCodeArguments({ config: read, sessionId })).toEqual(args);
    expect(read.dangerouslySkipPermissions).toBe(skipsPermissions);
  });

  it("AD-230 says that a model is required, and what is so without being said", () => {
    expect(openCodeAdapter.getConfigSchema?.()).toMatchObject({
      required: ["model"],
      properties: {
        command: { default: "opencode" },
        dangerouslySkipPermissions: { default: true },
        timeoutSec: { default: 0 },
        graceSec: { default: 20 },
      },
    });
  });
});
