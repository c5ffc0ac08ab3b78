import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeLine, mendTornLine, parseLine, wholeCharacters } from "./log-line.js";

describe("log lines", () => {
  it("LG-1 a line is JSON with ts, stream and chunk, and ends with its only line feed", () => {
    const line = encodeLine({ ts: "2026-01-01T00:00:00.000Z", stream: "stdout", chunk: "a\nb" });
    expect(line).toBe('{"ts":"2026-01-01T00:00:00.000Z","stream":"stdout","chunk":"a\\nb"}\n');
    expect(parseLine(line)).toEqual({ ts: "2026-01-01T00:00:00.000Z", stream: "stdout", chunk: "a\nb", dropped: null });
  });

  it("PL-3 a line torn at any byte is mended to a line with a beginning of its chunk, or left out", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (chunk, at) => {
          const line = Buffer.from(encodeLine({ ts: "2026-01-01T00:00:00.000Z", stream: "stderr", chunk }));
          const torn = line.subarray(0, Math.floor(at * (line.length - 1)));
          const mend = mendTornLine(torn);
          if (mend === null) return;
          const mended = torn.toString("utf8", 0, mend.keepBytes) + mend.append;
          const read = parseLine(mended);
          expect(mended.endsWith("\n")).toBe(true);
          expect(chunk.startsWith(read?.chunk ?? "no line")).toBe(true);
        },
      ),
    );
  });

  it.each([
    ["€", 1, 0],
    ["€", 2, 0],
    ["€", 3, 3],
    ["a😀", 4, 1],
    ["é", 2, 2],
    ["", 0, 0],
  ])("LG-7 of %j the first %i bytes hold %i bytes of whole characters", (text, bytes, whole) => {
    expect(wholeCharacters(Buffer.from(text).subarray(0, bytes))).toHaveLength(whole);
  });
});
