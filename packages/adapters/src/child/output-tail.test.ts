import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutputTail } from "./output-tail.js";

describe("AD-45 the last bytes of a stream", () => {
  it("AD-45 equals the end of everything appended, in whatever pieces", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.uint8Array({ max: 90 }).map((bytes) => bytes.map((byte) => byte & 0x7f))),
        fc.integer({ min: 0, max: 250 }),
        (limit, chunks, asked) => {
          const tail = new OutputTail(limit);
          for (const chunk of chunks) tail.append(chunk);
          const all = Buffer.concat(chunks);
          const kept = all.subarray(Math.max(0, all.byteLength - limit));
          expect(tail.text()).toBe(kept.toString("utf8"));
          expect(tail.text(asked)).toBe(kept.subarray(Math.max(0, kept.byteLength - asked)).toString("utf8"));
          expect(tail.totalBytes).toBe(all.byteLength);
        },
      ),
    );
  });

  it("AD-45 equals the end also while it grows past its first size", () => {
    const all = Buffer.from(Array.from({ length: 150_000 }, (_, index) => 97 + (index % 26)));
    for (const limit of [16_384, 16_385, 50_000, 131_072, 200_000]) {
      const tail = new OutputTail(limit);
      for (let at = 0; at < all.byteLength; at += 7_919) tail.append(all.subarray(at, at + 7_919));
      expect(tail.text() === all.subarray(Math.max(0, all.byteLength - limit)).toString()).toBe(true);
    }
  });

  it("AD-44 never begins with a piece of a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), fc.integer({ min: 1, max: 40 }), (text, limit) => {
        const tail = new OutputTail(limit);
        for (const byte of Buffer.from(text)) tail.append(Uint8Array.of(byte));
        expect(Buffer.from(text).toString("utf8").endsWith(tail.text())).toBe(true);
        expect(tail.text()).not.toMatch(/^\uFFFD/);
      }),
    );
  });
});
