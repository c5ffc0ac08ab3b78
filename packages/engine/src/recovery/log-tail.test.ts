import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalRunLogStore } from "@wakefleet/run-logs";
import { afterAll, describe, expect, it } from "vitest";
import { logTailReader } from "./log-tail.js";

const dir = mkdtempSync(join(tmpdir(), "wakefleet-log-tail-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const logs = createLocalRunLogStore({ dir });
const open = (runId: string) => logs.openRunLog({ companyId: "c", agentId: "a", runId, maxBytes: 10_000_000 });

describe("logTailReader", () => {
  it("RC-47a reads the end of a log that is still being written", async () => {
    const writer = await open("growing");
    await writer.append("stdout", "first\n");
    await writer.append("stderr", "second\n");
    expect(await logTailReader(logs)(writer.ref)).toBe("first\nsecond\n");
    await writer.close();
  });

  it("RC-47a keeps the last 8,192 characters of a long one", async () => {
    const writer = await open("long");
    for (let n = 0; n < 500; n += 1) await writer.append("stdout", `${"x".repeat(300)} ${n}\n`);
    const tail = (await logTailReader(logs)(writer.ref)) ?? "";
    expect(tail).toHaveLength(8_192);
    expect(tail.endsWith(" 499\n")).toBe(true);
    await writer.close();
  });

  it("RC-47a knows no tail of a log that is not there", async () => {
    expect(await logTailReader(logs)(logs.refOf({ companyId: "c", agentId: "a", runId: "none" }))).toBe(null);
  });
});
