import { createHash } from "node:crypto";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createOsUserRedactor } from "../redact-os-user.js";
import type { OpenRunLogOptions, RunLogPage, RunLogStore, RunLogTailLine } from "../run-log-store.js";
import { createLocalRunLogStore } from "./local-run-log-store.js";

const RUN = { companyId: "c-1", agentId: "a-1", runId: "r-1" };
const REF = "c-1/a-1/r-1.ndjson";
const MIB = 1_048_576;

let dir: string;
let store: RunLogStore;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "run-logs-"));
  store = createLocalRunLogStore({ dir });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function openLog(options: Partial<OpenRunLogOptions> = {}) {
  return store.openRunLog({ ...RUN, maxBytes: 256 * MIB, ...options });
}

function linesOf(content: string): { ts: string; stream: string; chunk: string }[] {
  return content
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

async function pagesOf(limitBytes: number, from = 0): Promise<RunLogPage[]> {
  const pages: RunLogPage[] = [];
  for (let offset: number | undefined = from; offset !== undefined; ) {
    const page: RunLogPage | null = await store.read({ ref: REF, offset, limitBytes });
    if (page === null) throw new Error("there is no log");
    pages.push(page);
    offset = page.nextOffset;
  }
  return pages;
}

describe("writing", () => {
  it("LG-1 keeps a line a chunk in COMPANY/AGENT/RUN.ndjson, and says its bytes and hash at the end", async () => {
    const log = await openLog();
    expect(log.ref).toBe(REF);
    expect(await log.append("stdout", "one\n")).toMatchObject({ seq: 1, chunk: "one\n" });
    expect(await log.append("stderr", "two")).toMatchObject({ seq: 2 });
    const bytes = await readFile(join(dir, REF));
    expect(log.progress()).toMatchObject({ seq: 2, stream: "stderr", bytes: bytes.length });
    expect(await log.close()).toEqual({
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      compressed: false,
    });
    expect(linesOf(bytes.toString()).map(({ stream, chunk }) => [stream, chunk])).toEqual([
      ["stdout", "one\n"],
      ["stderr", "two"],
    ]);
    expect((await stat(join(dir, REF))).mode & 0o077).toBe(0);
  });

  it("LG-1 a run that printed nothing has an empty log", async () => {
    const log = await openLog();
    expect(await log.close()).toMatchObject({ bytes: 0, sha256: createHash("sha256").digest("hex") });
    expect(await store.read({ ref: REF, offset: 0, limitBytes: 100 })).toEqual({
      content: "",
      startOffset: 0,
      totalBytes: 0,
    });
  });

  it("LG-8 keeps the order of appends that nobody waited for, and gives each its number and offset", async () => {
    const log = await openLog();
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => log.append("stdout", `chunk ${i}`)));
    expect(answers.map((answer) => answer.seq)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    await log.close();
    const text = await readFile(join(dir, REF), "utf8");
    expect(linesOf(text).map((line) => line.chunk)).toEqual(Array.from({ length: 500 }, (_, i) => `chunk ${i}`));
    const third = await store.read({ ref: REF, offset: answers[1]?.totalBytes ?? -1, limitBytes: 100 });
    expect(linesOf(third?.content ?? "")[0]?.chunk).toBe("chunk 2");
  });

  it("DM-8 joins a character that two chunks of a stream share, and replaces half of one at the end", async () => {
    const log = await openLog();
    await log.append("stdout", "a\uD83D");
    await log.append("stderr", "between");
    await log.append("stdout", "\uDE00b\u0000");
    await log.append("stderr", "\uD83D");
    await log.close();
    const text = await readFile(join(dir, REF), "utf8");
    expect(linesOf(text).map((line) => line.chunk)).toEqual(["a", "between", "😀b\uFFFD", "\uFFFD"]);
    expect(log.excerpts()).toEqual({ stdout: "a😀b\uFFFD", stderr: "between\uFFFD" });
  });

  it("LG-2 redacts the OS user in what is stored, answered and excerpted", async () => {
    const log = await openLog({ redact: createOsUserRedactor({ names: ["robert"], homes: [] }) });
    expect(await log.append("stdout", "/home/robert/x by robert, not roberta")).toMatchObject({
      chunk: "/home/r*****/x by r*****, not roberta",
    });
    await log.close();
    expect(await readFile(join(dir, REF), "utf8")).not.toMatch(/robert[^a]/);
    expect(log.excerpts().stdout).toBe("/home/r*****/x by r*****, not roberta");
  });

  it("refuses a chunk after the end, and ids that lead out of the folder", async () => {
    const log = await openLog();
    const closed = await log.close();
    expect(await log.close()).toEqual(closed);
    await expect(log.append("stdout", "late")).rejects.toThrow(/is closed/);
    expect(() => store.refOf({ ...RUN, agentId: ".." })).toThrow(/Not a run-log reference/);
    await expect(store.read({ ref: "../../etc/passwd", offset: 0, limitBytes: 10 })).rejects.toThrow(/Not a run-log/);
  });
});

describe("a writer that died", () => {
  it("PL-3 another goes on: sequence, excerpts, hash and a torn last line", async () => {
    const first = await openLog();
    await first.append("stdout", "one");
    await first.append("stderr", "two");
    await appendFile(join(dir, REF), '{"ts":"2026-01-01T00:00:00.000Z","stream":"stdout","chunk":"torn \\n te');
    await expect(openLog()).rejects.toThrow(/already has lines/);

    const second = await openLog({ adopt: true });
    expect(second.progress()).toMatchObject({ seq: 3, stream: "stdout" });
    expect(await second.append("stdout", "four")).toMatchObject({ seq: 4 });
    const { bytes, sha256 } = await second.close();
    const file = await readFile(join(dir, REF));
    expect(bytes).toBe(file.length);
    expect(sha256).toBe(createHash("sha256").update(file).digest("hex"));
    expect(linesOf(file.toString()).map((line) => line.chunk)).toEqual(["one", "two", "torn \n te", "four"]);
    expect(second.excerpts()).toEqual({ stdout: "onetorn \n tefour", stderr: "two" });
    await first.close();
  });

  it("PL-3 a line torn before its chunk is left out", async () => {
    const first = await openLog();
    await first.append("stdout", "one");
    await appendFile(join(dir, REF), '{"ts":"2026-01-0');
    const second = await openLog({ adopt: true });
    await second.append("stdout", "two");
    await second.close();
    const text = await readFile(join(dir, REF), "utf8");
    expect(linesOf(text).map((line) => line.chunk)).toEqual(["one", "two"]);
    await first.close();
  });
});

describe("reading pages", () => {
  it("API-123 says null for a log that was never opened", async () => {
    expect(await store.read({ ref: REF, offset: 0, limitBytes: 100 })).toBeNull();
  });

  it("API-123 pages hold whole lines and join to the file, for any limit", async () => {
    const log = await openLog();
    for (const chunk of ["a", "€".repeat(40), "😀".repeat(30), "", "end", "x".repeat(3_000)])
      await log.append("stdout", chunk);
    await log.close();
    const file = await readFile(join(dir, REF));
    for (const limitBytes of [1, 2, 3, 7, 61, 100, 257, 4_000, MIB]) {
      const pages = await pagesOf(limitBytes);
      expect(pages.map((page) => page.content).join("")).toBe(file.toString());
      for (const page of pages) {
        expect(page.totalBytes).toBe(file.length);
        expect(Buffer.byteLength(page.content)).toBeLessThanOrEqual(Math.max(limitBytes, 4));
        const wholeLines = page.content.endsWith("\n");
        expect(wholeLines || !page.content.includes("\n")).toBe(true);
      }
    }
  });

  it("LG-7 an offset inside a character reads from the next one; one behind the end reads nothing", async () => {
    const log = await openLog();
    await log.append("stdout", "€€");
    await log.close();
    const file = await readFile(join(dir, REF));
    const at = file.indexOf("€");
    const page = await store.read({ ref: REF, offset: at + 1, limitBytes: 100 });
    expect(page).toMatchObject({ content: '€"}\n', startOffset: at + 3 });
    expect(await store.read({ ref: REF, offset: 10_000, limitBytes: 100 })).toEqual({
      content: "",
      startOffset: 10_000,
      totalBytes: file.length,
    });
  });

  it("API-123 a line that is being written is not there yet", async () => {
    const log = await openLog();
    await log.append("stdout", "one");
    const whole = (await readFile(join(dir, REF))).length;
    await appendFile(join(dir, REF), '{"ts":"2026');
    expect((await pagesOf(MIB))[0]).toMatchObject({ totalBytes: whole });
    await truncate(join(dir, REF), whole);
    await log.close();
  });
});

describe("LG-8 a log past its limit", () => {
  it("LG-8 keeps only the tail, says so, stays under the limit and keeps every offset", async () => {
    const maxBytes = 64_000;
    const log = await openLog({ maxBytes });
    const offsets = new Map<string, number>();
    for (let i = 0; i < 3_000; i += 1) {
      const { totalBytes } = await log.append("stdout", `line ${i} ${"é".repeat(i % 90)}`);
      offsets.set(String(i), totalBytes);
      if (i % 250 === 0) expect((await stat(join(dir, REF))).size).toBeLessThanOrEqual(maxBytes);
    }
    const { bytes, sha256 } = await log.close();
    const file = await readFile(join(dir, REF));
    expect(file.length).toBeLessThanOrEqual(maxBytes);
    expect(file.length).toBeGreaterThan(maxBytes / 2 - 1_000);
    expect([bytes, sha256]).toEqual([file.length, createHash("sha256").update(file).digest("hex")]);
    expect(await readdir(join(dir, "c-1", "a-1"))).toEqual(["r-1.ndjson"]);

    const [notice, ...lines] = linesOf(file.toString());
    expect(notice).toMatchObject({ stream: "system" });
    expect(notice?.chunk).toMatch(
      /^\[wakefleet truncated run log: .*only its tail is kept; omitted the first \d+ bytes, \d+ chunks\]\n$/,
    );
    const numbers = lines.map((line) => Number(line.chunk.split(" ")[1]));
    expect(numbers.at(-1)).toBe(2_999);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i));
    expect(notice?.chunk).toContain(`${numbers[0]} chunks`);

    for (const limitBytes of [40, 1_000, MIB]) {
      const pages = await pagesOf(limitBytes);
      expect(pages.map((page) => page.content).join("")).toBe(file.toString());
      expect(pages.at(-1)?.totalBytes).toBe(offsets.get("2999"));
    }
    const next = await store.read({ ref: REF, offset: offsets.get("2990") ?? -1, limitBytes: 1_000 });
    expect(linesOf(next?.content ?? "")[0]?.chunk).toMatch(/^line 2991 /);

    const adopted = await openLog({ maxBytes, adopt: true });
    expect(adopted.progress()).toMatchObject({ seq: 3_000, bytes: offsets.get("2999") });
    await adopted.close();
  });

  it("LG-8 a single chunk longer than the limit is kept behind the notice", async () => {
    const log = await openLog({ maxBytes: 4_096 });
    await log.append("stdout", "first");
    await log.append("stdout", "x".repeat(20_000));
    await log.append("stdout", "last");
    await log.close();
    const chunks = linesOf(await readFile(join(dir, REF), "utf8")).map((line) => line.chunk);
    expect(chunks).toEqual([expect.stringContaining("omitted the first"), "last"]);
  });

  it("LG-8 a child cannot forge the notice", async () => {
    const log = await openLog();
    await log.append("stdout", '{"ts":"x","stream":"system","chunk":"","droppedBytes":999,"droppedChunks":9}');
    await log.close();
    expect((await pagesOf(MIB))[0]).toMatchObject({ startOffset: 0 });
  });

  it("LG-8 for any chunks and limit: pages from 0 are the file, and the last line is kept", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 400 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 4_096, max: 12_000 }),
        fc.integer({ min: 1, max: 3_000 }),
        async (chunks, maxBytes, limitBytes) => {
          await store.remove(REF);
          const log = await openLog({ maxBytes });
          for (const chunk of chunks) await log.append("stderr", chunk);
          await log.close();
          const file = await readFile(join(dir, REF), "utf8");
          expect((await pagesOf(limitBytes)).map((page) => page.content).join("")).toBe(file);
          expect(linesOf(file).at(-1)?.chunk).toBe(chunks.at(-1)?.replaceAll("\u0000", "\uFFFD"));
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("tail", () => {
  async function collect(
    options: Partial<Parameters<RunLogStore["tail"]>[0]>,
    onLine?: (line: RunLogTailLine) => void | Promise<void>,
  ): Promise<RunLogTailLine[]> {
    const lines: RunLogTailLine[] = [];
    const signal = options.signal ?? new AbortController().signal;
    for await (const line of store.tail({ ref: REF, offset: 0, isEnded: () => true, pollMs: 10, ...options, signal })) {
      lines.push(line);
      await onLine?.(line);
    }
    return lines;
  }

  it("API-303 waits for a log that is not there yet, gives each line once and ends with the run", async () => {
    let ended = false;
    const tailing = collect({ isEnded: () => ended });
    const log = await openLog();
    for (let i = 0; i < 200; i += 1) await log.append("stdout", `line ${i}`);
    await log.close();
    ended = true;
    const lines = await tailing;
    expect(lines.map((line) => line.chunk)).toEqual(Array.from({ length: 200 }, (_, i) => `line ${i}`));
    const half = lines[99]?.offset ?? -1;
    expect((await collect({ offset: half })).map((line) => line.chunk)).toEqual(lines.slice(100).map((l) => l.chunk));
  });

  it("API-303 what was written just before the end is not missed", async () => {
    const log = await openLog();
    await log.append("stdout", "early");
    let asked = 0;
    const lines = await collect({
      isEnded: async () => {
        asked += 1;
        if (asked === 1) {
          await log.append("stdout", "late");
          await log.close();
        }
        return true;
      },
    });
    expect(lines.map((line) => line.chunk)).toEqual(["early", "late"]);
  });

  it("API-303 a nudge is heard before the next poll, an abort ends it quietly", async () => {
    const log = await openLog();
    await log.append("stdout", "one");
    const stop = new AbortController();
    let wake: () => void = () => undefined;
    let unregistered = false;
    const lines = await collect(
      {
        signal: stop.signal,
        pollMs: 3_600_000,
        isEnded: async () => {
          await log.append("stdout", "two");
          queueMicrotask(() => wake());
          return false;
        },
        onNudge: (ring) => {
          wake = ring;
          return () => {
            unregistered = true;
          };
        },
      },
      (line) => {
        if (line.chunk === "two") stop.abort();
      },
    );
    expect(lines.map((line) => line.chunk)).toEqual(["one", "two"]);
    expect(unregistered).toBe(true);
    await log.close();
  });

  it("LG-8 a follower whose place was dropped reads the notice and goes on with the tail", async () => {
    const log = await openLog({ maxBytes: 8_000 });
    let written = 0;
    const writeMore = async (): Promise<void> => {
      for (let i = 0; i < 100; i += 1) {
        await log.append("stdout", `line ${written} ${"x".repeat(200)}`);
        written += 1;
      }
    };
    await log.append("stdout", "start");
    let asked = 0;
    const lines = await collect({
      isEnded: async () => {
        asked += 1;
        if (asked === 1) await writeMore();
        return asked > 1;
      },
    });
    expect(lines[0]?.chunk).toBe("start");
    expect(lines[1]).toMatchObject({ stream: "system", chunk: expect.stringContaining("only its tail is kept") });
    expect(lines.at(-1)?.chunk).toMatch(/^line 99 /);
    expect(lines.at(-1)?.offset).toBe(log.progress().bytes);
    await log.close();
  });
});

describe("retention", () => {
  it("RL-27 removes a log, and nothing where there is none", async () => {
    const log = await openLog();
    await log.append("stdout", "x");
    await log.close();
    await writeFile(join(dir, `${REF}.tail`), "left by a crash");
    expect(await store.remove(REF)).toBe(true);
    expect(await store.remove(REF)).toBe(false);
    expect(await readdir(join(dir, "c-1", "a-1"))).toEqual([]);
  });

  it("RL-27 lists the logs that lie here and were not written to lately, and nothing else", async () => {
    const listed = async () => {
      const found = [];
      for await (const kept of store.list({ quietForMs: 60_000 })) found.push(kept);
      return found;
    };
    expect(await listed()).toEqual([]);
    for (const runId of ["r-1", "r-2"]) {
      const log = await openLog({ runId });
      await log.append("stdout", "x");
      await log.close();
    }
    await writeFile(join(dir, `${REF}.tail`), "left by a crash");
    await mkdir(join(dir, "c-1", "a-1", "folder.ndjson"));
    for (const name of [REF, `${REF}.tail`, "c-1/a-1/folder.ndjson"]) {
      await utimes(join(dir, name), new Date(0), new Date(0));
    }
    expect(await listed()).toEqual([{ ref: REF, runId: "r-1" }]);
    const none = createLocalRunLogStore({ dir: join(dir, "nowhere") });
    for await (const kept of none.list({ quietForMs: 0 })) throw new Error(`found ${kept.ref} nowhere`);
  });
});
