import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { describeAdapterContract } from "../conformance/contract-conformance.js";
import { recordRun, TEST_IDS } from "../conformance/recorded-run.js";
import { loadAdapterPackage } from "./adapter-package.js";

const EXAMPLE = path.resolve(import.meta.dirname, "../../../../examples/adapter-file-drop/index.mjs");
const folder = mkdtempSync(path.join(tmpdir(), "wakefleet-file-drop-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [fileDrop] = await loadAdapterPackage(EXAMPLE);
if (fileDrop === undefined) throw new Error("The example exports no adapter");

describeAdapterContract({ adapter: fileDrop, config: { folder } });

describe("the example of docs/adapters.md", () => {
  it("AD-1 AD-9 AD-10 AD-13 writes the run for who watches the folder", async () => {
    const { result, metas, stdout } = await recordRun(fileDrop, { config: { folder }, context: { taskId: "t" } });
    const file = path.join(folder, `${TEST_IDS.runId}.json`);
    expect(result).toMatchObject({ exitCode: 0, resultJson: { file } });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      runId: TEST_IDS.runId,
      agentId: TEST_IDS.agentId,
      context: { taskId: "t" },
    });
    expect(metas).toHaveLength(1);
    expect(stdout).toContain(file);
  });

  it("AD-30 a missing folder is said before anything is written", async () => {
    await expect(recordRun(fileDrop, { config: {} })).rejects.toThrow("adapterConfig.folder");
  });
});
