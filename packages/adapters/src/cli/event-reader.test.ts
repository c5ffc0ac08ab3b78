import type { JsonObject } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventReader, type EventReaderOptions } from "./event-reader.js";
import { createLineSplitter } from "./line-splitter.js";

function linesOf(chunks: readonly string[], longest?: number): string[] {
  const lines: string[] = [];
  const splitter = createLineSplitter(
    { onLine: (line) => lines.push(line), onCutLine: (beginning) => lines.push(`CUT ${beginning}`) },
    longest,
  );
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

function read(text: string, options?: EventReaderOptions): { events: JsonObject[]; plain: string; cut: string[] } {
  const events: JsonObject[] = [];
  const cut: string[] = [];
  const reader = createEventReader(
    { onEvent: (event) => events.push(event), onCutLine: (beginning) => cut.push(beginning), output: () => null },
    options,
  );
  reader.push(text);
  reader.end();
  return { events, plain: reader.plainText(), cut };
}

describe("AD-45 lines", () => {
  it("AD-45 any chunking gives the same lines", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "é€😀", "\n", "\r\n", "\r", "{", " ")),
        fc.array(fc.nat({ max: 7 }), { maxLength: 30 }),
        (parts, cuts) => {
          const text = parts.join("");
          const chunks: string[] = [];
          let at = 0;
          for (const size of cuts) {
            chunks.push(text.slice(at, at + size));
            at += size;
          }
          chunks.push(text.slice(at));
          expect(linesOf(chunks)).toEqual(linesOf([text]));
        },
      ),
    );
  });

  it("AD-330 takes CRLF as a line end and the rest as a line", () => {
    expect(linesOf(["a\r\nb\n\nc"])).toEqual(["a", "b", "", "c"]);
    expect(linesOf(["a\r", "\nb\n"])).toEqual(["a", "b"]);
  });

  it("AD-45 keeps only the beginning of a line that is too long, and goes on after it", () => {
    expect(linesOf(["abc", "defgh", "ijk\nnext\n"], 5)).toEqual(["CUT abcdefgh", "next"]);
  });
});

describe("AD-76 events and plain text", () => {
  it("AD-76 keeps what is no event apart", () => {
    const { events, plain } = read('{"type":"a"}\nwords\n[1]\n"text"\n{"type":"b"}');
    expect(events).toEqual([{ type: "a" }, { type: "b" }]);
    expect(plain).toBe('words\n[1]\n"text"\n');
  });

  it("AD-45 finds an event behind text that got before it", () => {
    expect(read('spinner… {"type":"a"}').events).toEqual([{ type: "a" }]);
  });

  it("AD-45 saves the session id of a damaged line", () => {
    const damaged = '{"type":"init","session_id":"5f641109-6360","model\u0000"x}';
    expect(read(damaged, { sessionKeys: ["session_id"] }).events).toEqual([{ type: "", session_id: "5f641109-6360" }]);
  });

  it("AD-267 passes over lines by their beginning", () => {
    const { events } = read('{"type":"noise","x":1}\n{"type":"a"}', { skippedPrefixes: ['{"type":"noise"'] });
    expect(events).toEqual([{ type: "a" }]);
  });

  it("AD-45 bounds the plain text it keeps", () => {
    expect(read("word\n".repeat(100_000)).plain.length).toBeLessThanOrEqual(64 * 1024);
  });

  it("AD-45 never throws, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        read(text, { sessionKeys: ["id"], skippedPrefixes: ["x"] });
      }),
    );
  });
});
