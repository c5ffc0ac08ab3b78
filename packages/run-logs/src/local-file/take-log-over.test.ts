/** A log that goes on in other hands (BY-9): each chunk with a mark is in it whole and once. */
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunLogWriter } from "../run-log-store.js";
import { createLocalRunLogStore } from "./local-run-log-store.js";

const RUN = { companyId: "c-1", agentId: "a-1", runId: "r-1" };

let dir: string;
let path: string;
let opened: RunLogWriter[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "run-logs-taken-"));
  path = join(dir, "c-1/a-1/r-1.ndjson");
});
afterEach(async () => {
  await Promise.all(opened.map((writer) => writer.close()));
  opened = [];
  await rm(dir, { recursive: true, force: true });
});

async function openLog(options: { adopt?: boolean; maxBytes?: number; marks?: boolean } = {}): Promise<RunLogWriter> {
  const store = createLocalRunLogStore({ dir });
  const writer = await store.openRunLog({ ...RUN, maxBytes: 1_000_000, marks: true, ...options });
  opened.push(writer);
  return writer;
}

async function chunks(): Promise<string[]> {
  const text = await readFile(path, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
    .filter((line) => line.stream !== "system")
    .map((line) => line.chunk);
}

describe("BY-9 a log taken over", () => {
  it("BY-9 tells the mark of the last chunk, also when some came without one", async () => {
    const first = await openLog();
    expect(first.adoptedMark).toBeNull();
    await first.append("stdout", "one", "1");
    await first.append("stdout", "a note of ours");
    await first.append("stdout", "two", "2");
    await first.append("stdout", "another");
    expect((await openLog({ adopt: true })).adoptedMark).toBe("2");
    // Nothing was added in between.
    expect((await openLog({ adopt: true })).adoptedMark).toBe("2");
  });

  it("BY-9 cut anywhere in its last write, no chunk is lost or doubled by who goes on behind the mark", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 1, max: 11 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (texts, split, share) => {
          await rm(dir, { recursive: true, force: true });
          const before = Math.min(split, texts.length - 1);
          const first = await openLog();
          for (const [index, text] of texts.slice(0, before).entries()) await first.append("stdout", text, `${index}`);
          const whole = (await readFile(path)).length;
          // One write of several chunks.
          const rest = texts.slice(before);
          await Promise.all(rest.map((text, index) => first.append("stdout", text, `${before + index}`)));
          const record = JSON.parse(await readFile(`${path}.mark`, "utf8"));
          const from = Math.max(whole, record.from);
          await truncate(path, Math.floor(from + share * (record.to - from)));

          const heir = await openLog({ adopt: true });
          const next = heir.adoptedMark === null ? 0 : Number(heir.adoptedMark) + 1;
          for (const [index, text] of texts.entries()) {
            if (index >= next) await heir.append("stdout", text, `${index}`);
          }
          await heir.close();
          expect((await chunks()).join("")).toBe(texts.join(""));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("BY-9 an earlier writer that still lives changes nothing any more", async () => {
    const first = await openLog({ maxBytes: 5_000 });
    await first.append("stdout", "one", "1");
    const heir = await openLog({ adopt: true, maxBytes: 5_000 });
    await first.append("stdout", "late", "9");
    await heir.append("stdout", "two", "2");
    const late = Array.from({ length: 9 }, () => first.append("stdout", "x".repeat(900), "10"));
    expect((await Promise.allSettled(late)).some((answer) => answer.status === "rejected")).toBe(true);
    await heir.append("stdout", "three", "3");
    expect(await chunks()).toEqual(["one", "two", "three"]);
    expect((await openLog({ adopt: true })).adoptedMark).toBe("3");
  });

  it("BY-9 LG-8 marks hold in a log whose head was dropped", async () => {
    const first = await openLog({ maxBytes: 5_000 });
    for (let index = 0; index < 40; index += 1) await first.append("stdout", `${index} `.repeat(100), `${index}`);
    await appendFile(path, '{"ts":"torn');
    const heir = await openLog({ adopt: true, maxBytes: 5_000 });
    expect(heir.adoptedMark).toBe("39");
    await heir.append("stdout", "more", "40");
    expect((await chunks()).slice(-2)).toEqual(["39 ".repeat(100), "more"]);
  });

  it("BY-9 a log without a mark is mended as it is, and none is told", async () => {
    await (await openLog({ marks: false })).append("stdout", "one");
    expect((await openLog({ adopt: true })).adoptedMark).toBeNull();
    expect(await chunks()).toEqual(["one"]);
  });

  it("BY-9 a damaged mark is an error that says so", async () => {
    await (await openLog()).append("stdout", "one", "1");
    await writeFile(`${path}.mark`, '{"from":"x"}');
    await expect(openLog({ adopt: true })).rejects.toThrow(/mark of a run's log is damaged/);
  });

  it("BY-9 a mark is kept until it is forgotten", async () => {
    const first = await openLog();
    await first.append("stdout", "one", "1");
    await first.close();
    await createLocalRunLogStore({ dir }).forgetMark(first.ref);
    expect((await openLog({ adopt: true })).adoptedMark).toBeNull();
  });
});
