import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundPayload } from "./bound-payload.js";

const keysOf = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
const nested = (levels: number, inner: unknown): unknown => (levels === 0 ? inner : { a: nested(levels - 1, inner) });

const circular: Record<string, unknown> = { name: "x" };
circular["self"] = circular;
const shared = { twice: 1 };

describe("boundPayload", () => {
  it.each<[string, unknown, unknown]>([
    ["small JSON as it stands", { a: [1, "b", true, null] }, { a: [1, "b", true, null] }],
    ["a string of 16,384", "x".repeat(16_384), "x".repeat(16_384)],
    ["a longer string", "x".repeat(16_390), `${"x".repeat(16_384)}\n[truncated 6 chars]`],
    ["a pair at the cut", `${"x".repeat(16_383)}😀y`, `${"x".repeat(16_383)}\n[truncated 3 chars]`],
    ["50 items", Array(50).fill(1), Array(50).fill(1)],
    ["53 items", Array(53).fill(1), [...Array(50).fill(1), { _truncated: true, omittedItems: 3 }]],
    ["100 keys", keysOf(100), keysOf(100)],
    ["104 keys", keysOf(104), { ...keysOf(100), _truncated: true, _omittedKeys: 4 }],
    ["depth 5 whole", nested(5, { deep: 1 }), nested(5, { deep: 1 })],
    [
      "an object at depth 6",
      nested(6, { b: 1, c: 2 }),
      nested(6, { _truncated: true, type: "object", length: 2, keys: ["b", "c"] }),
    ],
    ["an array at depth 6", nested(6, [1, 2, 3]), nested(6, { _truncated: true, type: "array", length: 3 })],
    ["text at depth 6", nested(6, "deep"), nested(6, "deep")],
    ["a cycle", circular, { name: "x", self: "[Circular]" }],
    ["one object in two places", [shared, shared], [{ twice: 1 }, { twice: 1 }]],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["a date that is none", new Date(Number.NaN), null],
    [
      "what JSON has no word for",
      [undefined, () => 1, Symbol("s"), 1n, Number.NaN, Infinity],
      [null, null, null, null, null, null],
    ],
    ["DM-8 NUL and half a pair", { "a\u0000": "\uD83D" }, { "a\uFFFD": "\uFFFD" }],
  ])("LG-6 %s", (_name, value, expected) => expect(boundPayload(value)).toEqual(expected));

  it("LG-6 at most 20 keys of a stub are named", () => {
    expect(boundPayload(nested(6, keysOf(30)))).toEqual(
      nested(6, { _truncated: true, type: "object", length: 30, keys: Object.keys(keysOf(20)) }),
    );
  });

  it("LG-6 a key named __proto__ is data", () => {
    const bounded = boundPayload(JSON.parse('{"__proto__":{"x":1},"y":2}'));
    expect(JSON.stringify(bounded)).toBe('{"__proto__":{"x":1},"y":2}');
    expect(Object.getPrototypeOf(bounded)).toBe(Object.prototype);
  });

  it("LG-6 what refuses to be read is null", () => {
    const refusing = {
      ok: 1,
      get bad(): never {
        throw new Error("no");
      },
    };
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("no");
        },
      },
    );
    expect(boundPayload([refusing, proxy])).toEqual([{ ok: 1, bad: null }, null]);
  });
});

function expectBounded(value: unknown, depth: number): void {
  if (typeof value === "string") expect(value.length).toBeLessThanOrEqual(16_384 + 40);
  if (typeof value !== "object" || value === null) return;
  expect(depth).toBeLessThanOrEqual(7);
  const members = Object.values(value);
  expect(members.length).toBeLessThanOrEqual(Array.isArray(value) ? 51 : 102);
  for (const member of members) expectBounded(member, depth + 1);
}

describe("laws", () => {
  it("LG-6 never throws; the answer is bounded, well formed and survives JSON", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
      withObjectString: true,
      maxDepth: 9,
    });
    fc.assert(
      fc.property(anything, (value) => {
        const bounded = boundPayload(value);
        expect(JSON.parse(JSON.stringify(bounded))).toEqual(bounded);
        expectBounded(bounded, 0);
      }),
    );
  });

  it("LG-6 JSON within the bounds is unchanged", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: "grapheme" }), (value) => {
        const small = JSON.parse(JSON.stringify(value).replaceAll("\\u0000", " "));
        expect(boundPayload(small)).toEqual(small);
      }),
    );
  });
});
