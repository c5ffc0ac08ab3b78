import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundChunk, liveChunk, MAX_CHUNK_CHARS, omitBase64Images, storableChunk, storableText } from "./chunk.js";
import { EXCERPT_BYTES, Excerpt } from "./excerpt.js";

const imageOf = (data: string): string => `{"type":"image","source":{"type":"base64","data":"${data}"}}`;

describe("storableText", () => {
  it.each([
    ["a\u0000b", "a\uFFFDb"],
    ["\uD83D", "\uFFFD"],
    ["x\uDE00y", "x\uFFFDy"],
    ["😀 stays", "😀 stays"],
  ])("DM-8 %j becomes %j", (text, expected) => expect(storableText(text)).toBe(expected));
});

describe("LG-2 images", () => {
  it("LG-2 replaces an inline image of 1,024 characters", () => {
    expect(omitBase64Images(imageOf("A".repeat(1024)))).toBe(imageOf("[omitted base64 image data: 1024 chars]"));
  });
  it("LG-2 keeps an image of 1,023 characters, and other base64", () => {
    expect(omitBase64Images(imageOf("A".repeat(1023)))).toBe(imageOf("A".repeat(1023)));
    const other = `{"type":"base64","data":"${"A".repeat(2000)}"}`;
    expect(omitBase64Images(other)).toBe(other);
  });
  it("LG-2 replaces each of several, also one a pipe cut", () => {
    const text = `${imageOf("A".repeat(2000))} and ${imageOf("B".repeat(3000)).slice(0, -3)}`;
    expect(omitBase64Images(text)).toBe(
      `${imageOf("[omitted base64 image data: 2000 chars]")} and ${imageOf("[omitted base64 image data: 3000 chars]").slice(0, -3)}`,
    );
  });
});

describe("LG-2 long chunks", () => {
  it("LG-2 keeps 65,536 characters as they are", () => {
    expect(boundChunk("x".repeat(MAX_CHUNK_CHARS))).toHaveLength(MAX_CHUNK_CHARS);
  });
  it("LG-2 keeps the first 60 % and the last 25 % of 65,536 around a line that says so", () => {
    const text = `${"a".repeat(50_000)}${"b".repeat(50_000)}`;
    expect(boundChunk(text)).toBe(
      `${"a".repeat(39_321)}\n[wakefleet truncated run log chunk: omitted 44295 chars]\n${"b".repeat(16_384)}`,
    );
  });
  it("LG-2 never cuts a character", () => {
    for (const shift of ["", "x"]) {
      const bounded = boundChunk(shift + "😀".repeat(40_000));
      expect(bounded.isWellFormed()).toBe(true);
      const omitted = Number(/omitted (\d+) chars/.exec(bounded)?.[1]);
      const [head = "", , tail = ""] = bounded.split("\n");
      expect(head.length + tail.length + omitted).toBe(shift.length + 80_000);
    }
  });
  it("LG-2 redacts before it bounds", () => {
    expect(storableChunk("hello bob", (text) => text.replaceAll("bob", "b**"))).toBe("hello b**");
  });
});

describe("LG-4 live chunks", () => {
  it("LG-4 carry the last 8,192 characters and say whether that is all", () => {
    expect(liveChunk("short")).toEqual({ chunk: "short", truncated: false });
    expect(liveChunk(`${"a".repeat(10)}${"b".repeat(8192)}`)).toEqual({ chunk: "b".repeat(8192), truncated: true });
    expect(liveChunk(`${"😀".repeat(5000)}x`).chunk.isWellFormed()).toBe(true);
  });
});

describe("laws", () => {
  it("LG-2, LG-4, DM-8 every stored chunk is well formed and bounded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.nat(400), (text, times) => {
        const stored = storableChunk(text.repeat(times));
        expect(stored.isWellFormed()).toBe(true);
        expect(stored).not.toContain("\u0000");
        expect(stored.length).toBeLessThanOrEqual(MAX_CHUNK_CHARS);
        expect(liveChunk(stored).chunk.isWellFormed()).toBe(true);
      }),
    );
  });

  it("LV-121 an excerpt is the longest end of the text that fits and begins with a whole character", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom("a", "é", "€", "😀", "x😀"), fc.nat(9_000)), { maxLength: 12 }),
        (parts) => {
          const excerpt = new Excerpt();
          const chunks = parts.map(([unit, times]) => unit.repeat(times));
          for (const chunk of chunks) excerpt.add(chunk);
          const bytes = Buffer.from(chunks.join(""));
          let start = Math.max(0, bytes.length - EXCERPT_BYTES);
          while (((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
          expect(excerpt.read()).toBe(bytes.toString("utf8", start));
        },
      ),
    );
  });
});
