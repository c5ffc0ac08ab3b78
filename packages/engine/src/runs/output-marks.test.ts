import type { SpoolPosition } from "@wakefleet/adapters";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outputMarks } from "./output-marks.js";

/** Hands on chunks from the given places, in order, and answers those that are stored with their marks. */
function handOn(places: readonly SpoolPosition[], taken: Parameters<typeof outputMarks>[1]): [number, string][] {
  let position: SpoolPosition = { child: 0, offset: 0 };
  const marks = outputMarks({ position: () => position }, taken);
  return places.flatMap((place, index): [number, string][] => {
    position = place;
    const mark = marks.next();
    return mark === null ? [] : [[index, mark]];
  });
}

const FIRST = { resumes: false, stored: null };

describe("BY-9 which output is stored already", () => {
  it("BY-9 names each chunk by child, place and number", () => {
    const places = [
      { child: 0, offset: 0 },
      { child: 1, offset: 0 },
      { child: 1, offset: 0 },
      { child: 1, offset: 70 },
      { child: 2, offset: 0 },
    ];
    expect(handOn(places, FIRST).map(([, mark]) => mark)).toEqual(["0:0:1", "1:0:1", "1:0:2", "1:70:1", "2:0:1"]);
  });

  it("BY-9 says nothing again of what was said before the first child ran", () => {
    const places = [
      { child: 0, offset: 0 },
      { child: 1, offset: 0 },
    ];
    expect(handOn(places, { resumes: true, stored: null })).toEqual([[1, "1:0:1"]]);
  });

  it("BY-9 whatever was stored before the change of hands: each chunk once, none left out", () => {
    const place = fc.record({ child: fc.integer({ min: 1, max: 3 }), offset: fc.integer({ min: 0, max: 20 }) });
    fc.assert(
      fc.property(fc.array(place, { maxLength: 30 }), fc.nat(), (unordered, cut) => {
        const places = unordered.toSorted((a, b) => a.child - b.child || a.offset - b.offset);
        const all = handOn(places, FIRST);
        const before = all.slice(0, places.length === 0 ? 0 : cut % (places.length + 1));
        const after = handOn(places, { resumes: true, stored: before.at(-1)?.[1] ?? null });
        expect([...before, ...after]).toEqual(all);
      }),
    );
  });

  it("BY-9 refuses a mark it did not make", () => {
    expect(() =>
      outputMarks({ position: () => ({ child: 0, offset: 0 }) }, { resumes: true, stored: "1:x:2" }),
    ).toThrow(/Not a mark/);
  });
});
