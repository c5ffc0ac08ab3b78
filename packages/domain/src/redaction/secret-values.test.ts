import { REDACTED } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { secretValueRedactor } from "./secret-values.js";

/** Cuts a text into pieces at the given places. */
function pieces(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  return [...at, text.length].map((end, index) => text.slice(at[index - 1] ?? 0, end));
}

function streamed(values: readonly string[], parts: readonly string[]): string {
  const stream = secretValueRedactor(values).stream();
  return parts.map((part) => stream.push(part)).join("") + stream.flush();
}

describe("SC-8 values of secrets in texts", () => {
  it.each<[string, string[], string, string]>([
    ["a value", ["s3cret-value"], "key=s3cret-value.", `key=${REDACTED}.`],
    ["twice", ["s3cret-value"], "s3cret-values3cret-value", `${REDACTED}${REDACTED}`],
    ["one that begins another", ["abcdefgh", "abcdefghijkl"], "x abcdefghijkl y", `x ${REDACTED} y`],
    ["two that overlap", ["abcdefgh", "efghijkl"], "-abcdefghijkl-", `-${REDACTED}-`],
    ["one that overlaps itself", ["abababab"], "-abababababab-", `-${REDACTED}-`],
    ["its form inside JSON", ['two\nlines "quoted"'], '{"k":"two\\nlines \\"quoted\\""}', `{"k":"${REDACTED}"}`],
    ["a short value stays", ["short"], "short", "short"],
    ["nothing to look for", [], "text", "text"],
  ])("SC-8 %s", (_what, values, text, expected) => {
    expect(secretValueRedactor(values).text(text)).toBe(expected);
  });

  it("SC-8 a value cut over two writes does not come through, and what cannot become one is not held back", () => {
    const stream = secretValueRedactor(["s3cret-value"]).stream();
    expect(stream.push("before s3cr")).toBe("before ");
    expect(stream.push("et-value after")).toBe(`${REDACTED} after`);
    expect(stream.push("s3c")).toBe("");
    expect(stream.push("ond")).toBe("s3cond");
    expect(stream.push("s3cret")).toBe("");
    expect(stream.flush()).toBe("s3cret");
  });

  it("SC-8 keys and values of nested JSON", () => {
    const redactor = secretValueRedactor(["s3cret-value"]);
    expect(redactor.json({ a: ["x s3cret-value", 1, null], "s3cret-value": { b: "s3cret-value" } })).toEqual({
      a: [`x ${REDACTED}`, 1, null],
      [REDACTED]: { b: REDACTED },
    });
    expect(redactor.json(undefined)).toBeUndefined();
  });

  const values = fc.array(fc.stringMatching(/^[ab]{8,12}$/), { minLength: 1, maxLength: 3 });
  const text = fc.stringMatching(/^[abc]{0,80}$/);

  it("SC-8 law: any cutting gives what the whole text gives", () => {
    fc.assert(
      fc.property(values, text, fc.array(fc.nat(), { maxLength: 12 }), (secrets, whole, cuts) => {
        expect(streamed(secrets, pieces(whole, cuts))).toBe(secretValueRedactor(secrets).text(whole));
      }),
      { numRuns: 2_000 },
    );
  });

  it("SC-8 law: what lies outside every value is left as it is, and no character of a value is", () => {
    fc.assert(
      fc.property(values, text, (secrets, whole) => {
        const inside = new Set<number>();
        for (const secret of secrets) {
          for (let at = 0; at <= whole.length - secret.length; at += 1) {
            if (!whole.startsWith(secret, at)) continue;
            for (let index = at; index < at + secret.length; index += 1) inside.add(index);
          }
        }
        const outside = [...whole].filter((_character, index) => !inside.has(index)).join("");
        expect(secretValueRedactor(secrets).text(whole).replaceAll(REDACTED, "")).toBe(outside);
      }),
      { numRuns: 2_000 },
    );
  });

  it("SC-8 memory stays bounded when a child prints nothing but the beginning of a value", () => {
    const stream = secretValueRedactor(["aaaaaaaa"]).stream();
    let out = "";
    for (let round = 0; round < 1_000; round += 1) out += stream.push("a".repeat(100));
    expect(out + stream.flush()).toBe(REDACTED);
  });
});
