import { describe, expect, it } from "vitest";
import { type ModelDiscovery, ModelListTimeout } from "../model-discovery.js";
import type { CliSetup } from "./cli-tool.js";
import { requireListedModel } from "./required-model.js";

describe("AD-233 AD-264 the model setting", () => {
  async function checked(model: string | null, list: ModelDiscovery["list"]): Promise<string> {
    const logged: string[] = [];
    const execution = { onLog: async (_stream: string, chunk: string) => void logged.push(chunk) };
    // Only what the check reads.
    const setup = { command: "tool", cwd: "/", env: {}, execution } as unknown as CliSetup;
    await requireListedModel(setup, { name: "Tool", model, discovery: { list, refresh: list }, listArgs: ["models"] });
    return logged.join("");
  }

  it("AD-233 passes a listed model without a word", async () => {
    expect(await checked("p/known", async () => ["p/known"])).toBe("");
  });

  it.each([
    ["AD-233 none", null, "adapterConfig.model"],
    ["AD-233 no provider", "known", "provider/model format"],
    ["AD-233 not listed", "p/other", 'does not know the configured model "p/other". Available: p/known.'],
  ])("%s is refused", async (_what, model, message) => {
    await expect(checked(model, async () => ["p/known"])).rejects.toThrow(message);
  });

  it("AD-233 a list that takes too long on a busy host decides nothing, and the run's log says so", async () => {
    const late = async (): Promise<never> => {
      throw new ModelListTimeout("`tool models` timed out after 20s");
    };
    expect(await checked("p/any", late)).toContain("timed out after 20s");
    await expect(checked(null, late)).rejects.toThrow("adapterConfig.model");
  });

  it("AD-233 a list that fails is a failure", async () => {
    const broken = async (): Promise<never> => {
      throw new Error("`tool models` failed: no such command");
    };
    await expect(checked("p/any", broken)).rejects.toThrow("no such command");
  });
});
