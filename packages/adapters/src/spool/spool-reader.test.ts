/** What a reader makes of segments, however frames and reads fall together: it reads through one buffer again and again. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { OutputStream } from "@wakefleet/contracts";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { OutputTail } from "../child/output-tail.js";
import { CLOSED_FILE, encodeFrame, segmentName, writeWhole } from "./spool-files.js";
import { readSpool } from "./spool-reader.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "wakefleet-reader-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const CHILD = {
  pid: process.pid,
  processGroupId: null,
  startedAt: new Date(0).toISOString(),
  keeperPid: process.pid,
  keeperStartedAt: new Date(0).toISOString(),
  memo: null,
};

interface Chunk {
  readonly stream: OutputStream;
  readonly text: string;
}

/** Writes the chunks as frames, `perSegment` to a segment, and their end. */
function writeSpool(to: string, chunks: readonly Chunk[], perSegment: number): void {
  let start = 0;
  for (let at = 0; at < chunks.length; at += perSegment) {
    const frames = chunks.slice(at, at + perSegment).map(({ stream, text }) => encodeFrame(stream, Buffer.from(text)));
    const segment = Buffer.concat(frames);
    writeFileSync(path.join(to, segmentName(start)), segment);
    start += segment.byteLength;
  }
  writeWhole(to, CLOSED_FILE, { totalBytes: start });
}

it("LG-8, BY-9 hands on every frame whole and in order, also those longer than what is read at once", async () => {
  const chunk = fc.record({
    stream: fc.constantFrom<OutputStream>("stdout", "stderr"),
    text: fc
      .tuple(fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }), fc.constantFrom(1, 40, 7_000, 60_000))
      .map(([unit, times]) => unit.repeat(times)),
  });
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunk, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 12 }),
      async (chunks, perSegment) => {
        round += 1;
        const own = mkdtempSync(path.join(folder, `${round}-`));
        writeSpool(own, chunks, perSegment);
        const delivered: Chunk[] = [];
        const tails = { stdout: new OutputTail(), stderr: new OutputTail() };
        const reader = readSpool({ folder: own, child: CHILD, claimToken: 1, onPosition: () => undefined });
        const carrier = reader.carry({
          startWhen: Promise.resolve(),
          tails,
          async deliver(stream, text) {
            // Others run while a host stores: what was given must stay what it is.
            await new Promise((resolve) => setImmediate(resolve));
            delivered.push({ stream, text });
          },
          onError: (_stream, cause) => expect.fail(String(cause)),
        });
        await carrier.done;
        reader.stop();
        expect(delivered).toEqual(chunks);
        for (const stream of ["stdout", "stderr"] as const) {
          const printed = chunks.flatMap((one) => (one.stream === stream ? [one.text] : [])).join("");
          if (Buffer.byteLength(printed) <= 4 * 1024 * 1024) expect(tails[stream].text()).toBe(printed);
        }
      },
    ),
    { numRuns: 30 },
  );
});
