/** What must hold of the parser of every agent CLI, tried on its recordings (AD-45, AD-330). Registers cases with vitest. */
import { StringDecoder } from "node:string_decoder";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventReader, type EventParser, type EventReaderOptions } from "../cli/event-reader.js";
import type { RecordedFixture } from "./recorded-fixtures.js";

/** Each recording is cut and spoilt this often; over all of them that is thousands. */
const RUNS_A_FIXTURE = 40;

export interface ParserSubject<Output> {
  readonly fixtures: readonly RecordedFixture[];
  createParser(): EventParser<Output>;
  readonly readerOptions: EventReaderOptions;
  sessionOf(output: Output): string | null;
}

export function describeParserLaws<Output>(subject: ParserSubject<Output>): void {
  const { fixtures, readerOptions, sessionOf } = subject;
  /** As output comes from a pipe: a character may be cut in two (AD-44). */
  const readBytes = (chunks: readonly Uint8Array[]): { readonly output: Output; readonly plain: string } => {
    const decoder = new StringDecoder("utf8");
    return read([...chunks.map((chunk) => decoder.write(Buffer.from(chunk))), decoder.end()]);
  };
  const read = (chunks: readonly string[]): { readonly output: Output; readonly plain: string } => {
    const parser = subject.createParser();
    const reader = createEventReader(parser, readerOptions);
    for (const chunk of chunks) reader.push(chunk);
    reader.end();
    return { output: parser.output(), plain: reader.plainText() };
  };
  const printing = fixtures.filter((fixture) => fixture.stdout !== "");
  const anyFixture = fc.constantFrom(...printing);

  describe("AD-45 laws of the parser", () => {
    it.each(printing.map((fixture) => [fixture.name, fixture] as const))(
      "AD-330 reads %s with CRLF",
      (_name, fixture) => {
        expect(read([fixture.stdout.replaceAll("\n", "\r\n")]).output).toEqual(read([fixture.stdout]).output);
      },
    );

    describe.each(fixtures.map(({ name, stdout }) => [name, Buffer.from(stdout)] as const))("of %s", (_name, bytes) => {
      it("AD-45 AD-330 the same comes of any cuts between bytes", () => {
        const whole = readBytes([bytes]);
        fc.assert(
          fc.property(fc.array(fc.nat(bytes.length), { maxLength: 60 }), (cuts) => {
            const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
            const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
            expect(readBytes(chunks)).toEqual(whole);
          }),
          { numRuns: RUNS_A_FIXTURE },
        );
      });

      it("AD-45 the session stays, and nothing throws, whatever bytes get in", () => {
        const session = sessionOf(readBytes([bytes]).output);
        fc.assert(
          fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(bytes.length), (junk, at) => {
            const place = outsideSession({ bytes, session, place: at });
            const spoilt = [bytes.subarray(0, place), Buffer.from(junk), bytes.subarray(place)];
            const kept = sessionOf(readBytes(spoilt).output);
            // A recording that prints no session may be made to print something that looks like one.
            if (session !== null) expect(kept).toBe(session);
          }),
          { numRuns: RUNS_A_FIXTURE },
        );
      });
    });

    it("AD-45 gives the same one byte at a time", () => {
      const shortest = [...printing].sort((a, b) => a.stdout.length - b.stdout.length)[0];
      const bytes = Buffer.from(shortest?.stdout ?? "");
      expect(readBytes([...bytes].map((byte) => Buffer.of(byte)))).toEqual(readBytes([bytes]));
    });

    it("AD-45 never throws, whatever is printed", () => {
      fc.assert(
        fc.property(anyFixture, fc.array(fc.string({ unit: "binary" })), fc.nat(), ({ stdout }, junk, at) => {
          const lines = stdout.split("\n");
          lines.splice(at % (lines.length + 1), 0, ...junk);
          read([lines.join("\n")]);
        }),
      );
    });

    const types = [
      ...new Set(printing.flatMap(({ stdout }) => [...stdout.matchAll(/"type":"(\w+)"/g)].map(([, type]) => type))),
    ];
    it.skipIf(types.length === 0)("AD-45 takes events whose fields have any type", () => {
      const event = fc
        .tuple(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...FIELD_NAMES), fc.jsonValue()))
        .map(([type, fields]) => JSON.stringify({ ...fields, type }));
      fc.assert(
        fc.property(fc.array(event, { maxLength: 8 }), (events) => {
          read([events.join("\n")]);
        }),
      );
    });
  });
}

/** Fields that parsers look into. */
const FIELD_NAMES = [
  ...["message", "item", "part", "usage", "modelUsage", "stats", "error", "errors", "result", "content", "text"],
  ...["session_id", "thread_id", "sessionID", "id", "rate_limit_info", "total_cost_usd", "model", "subtype", "status"],
];

/** Nothing can bring back an id that was itself spoilt where it was printed once: the place before it is taken instead. */
function outsideSession(input: {
  readonly bytes: Buffer;
  readonly session: string | null;
  readonly place: number;
}): number {
  const { bytes, session, place } = input;
  if (session === null) return place;
  for (let start = bytes.indexOf(session); start >= 0; start = bytes.indexOf(session, start + 1)) {
    // With its key and quotes, by which a damaged line is searched.
    const from = bytes.lastIndexOf(",", start) + 1 || bytes.lastIndexOf("{", start) + 1;
    if (place > from && place <= start + session.length) return bytes.lastIndexOf("\n", from) + 1;
  }
  return place;
}
