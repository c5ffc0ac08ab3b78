/** What must hold of the parser of every agent CLI, tried on its recordings (AD-45, AD-330). Registers cases with vitest. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventReader, type EventParser, type EventReaderOptions } from "../cli/event-reader.js";
import type { RecordedFixture } from "./recorded-fixtures.js";

export interface ParserSubject<Output> {
  readonly fixtures: readonly RecordedFixture[];
  createParser(): EventParser<Output>;
  readonly readerOptions: EventReaderOptions;
  sessionOf(output: Output): string | null;
}

export function describeParserLaws<Output>(subject: ParserSubject<Output>): void {
  const { fixtures, readerOptions, sessionOf } = subject;
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

    it("AD-45 AD-330 gives the same for any chunking", () => {
      fc.assert(
        fc.property(anyFixture, fc.array(fc.nat(), { maxLength: 60 }), ({ stdout }, cuts) => {
          const places = [0, ...cuts.map((cut) => cut % (stdout.length + 1)).sort((a, b) => a - b), stdout.length];
          const chunks = places.slice(1).map((place, index) => stdout.slice(places[index], place));
          expect(read(chunks)).toEqual(read([stdout]));
        }),
      );
    });

    it("AD-45 gives the same one character at a time", () => {
      const shortest = [...printing].sort((a, b) => a.stdout.length - b.stdout.length)[0];
      const stdout = shortest?.stdout ?? "";
      expect(read([...stdout])).toEqual(read([stdout]));
    });

    it("AD-45 keeps the session whatever bytes get into the stream", () => {
      const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((junk) => Buffer.from(junk).toString("latin1"));
      fc.assert(
        fc.property(anyFixture, bytes, fc.nat(), ({ stdout }, junk, at) => {
          const whole = sessionOf(read([stdout]).output);
          const place = outsideSession({ stdout, session: whole, place: at % (stdout.length + 1) });
          const spoilt = `${stdout.slice(0, place)}${junk}${stdout.slice(place)}`;
          expect(sessionOf(read([spoilt]).output)).toBe(whole);
        }),
        { numRuns: 500 },
      );
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

    it("AD-45 takes events whose fields have any type", () => {
      const types = [
        ...new Set(printing.flatMap(({ stdout }) => [...stdout.matchAll(/"type":"(\w+)"/g)].map(([, type]) => type))),
      ];
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
  readonly stdout: string;
  readonly session: string | null;
  readonly place: number;
}): number {
  const { stdout, session, place } = input;
  if (session === null) return place;
  for (let start = stdout.indexOf(session); start >= 0; start = stdout.indexOf(session, start + 1)) {
    // With its key and quotes, by which a damaged line is searched.
    const from = stdout.lastIndexOf(",", start) + 1 || stdout.lastIndexOf("{", start) + 1;
    if (place > from && place <= start + session.length) return stdout.lastIndexOf("\n", from) + 1;
  }
  return place;
}
