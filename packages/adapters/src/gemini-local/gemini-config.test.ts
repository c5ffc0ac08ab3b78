import { describe, expect, it } from "vitest";
import { geminiArguments, readGeminiConfig } from "./gemini-config.js";

describe("AD-200 AD-201 the command line of Gemini", () => {
  it.each([
    [{}, null, ["--output-format", "stream-json", "--approval-mode", "yolo", "--sandbox=none"]],
    [{ model: "auto" }, null, ["--output-format", "stream-json", "--approval-mode", "yolo", "--sandbox=none"]],
    [
      { model: "gemini-2.5-pro", sandbox: true, extraArgs: ["--debug"] },
      "s1",
      [
        "--output-format",
        "stream-json",
        "--resume",
        "s1",
        "--model",
        "gemini-2.5-pro",
        "--approval-mode",
        "yolo",
        "--sandbox",
        "--debug",
      ],
    ],
  ])("AD-201 AD-203 %j resuming %j", (config, sessionId, args) => {
    expect(geminiArguments({ config: readGeminiConfig(config), sessionId })).toEqual(args);
  });

  it.each([
    [{}, 45],
    [{ helloProbeTimeoutSec: 0 }, 1],
    [{ helloProbeTimeoutSec: 90 }, 90],
    [{ helloProbeTimeoutSec: "90" }, 45],
  ])("AD-94 the probe of %j may take %d seconds", (config, seconds) => {
    expect(readGeminiConfig(config).helloProbeTimeoutSec).toBe(seconds);
  });
});
