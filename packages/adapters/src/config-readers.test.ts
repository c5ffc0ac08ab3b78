import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  readArgs,
  readBoolean,
  readExtraArgs,
  readNumber,
  readObject,
  readString,
  readStringList,
  splitArguments,
} from "./config-readers.js";

describe("AD-38 tolerant readers", () => {
  it.each([
    ["a string", readString("x", "d"), "x"],
    ["an empty string", readString("", "d"), "d"],
    ["a number for a string", readString(1, "d"), "d"],
    ["a number", readNumber(0, 5), 0],
    ["infinity", readNumber(Number.POSITIVE_INFINITY, 5), 5],
    ["a numeric string", readNumber("7", 5), 5],
    ["a boolean", readBoolean(false, true), false],
    ["a word for a boolean", readBoolean("false", true), true],
    ["a list", readStringList(["a", 1, null, "b"]), ["a", "b"]],
    ["a string for a list", readStringList("a"), []],
    ["an object", readObject({ a: 1 }), { a: 1 }],
    ["a list for an object", readObject([1]), {}],
    ["null for an object", readObject(null), {}],
  ])("AD-38 reads %s", (_what, actual, expected) => {
    expect(actual).toEqual(expected);
  });

  it("AD-39 prefers extraArgs when it is a list with items", () => {
    expect(readExtraArgs({ extraArgs: ["-a"], args: ["-b"] })).toEqual(["-a"]);
    expect(readExtraArgs({ extraArgs: [], args: ["-b"] })).toEqual(["-b"]);
  });
});

describe("AD-40 arguments in one string", () => {
  it.each<[string, string[]]>([
    ["", []],
    ["  ", []],
    ["a b\tc\nd", ["a", "b", "c", "d"]],
    [`-c "echo hi; exit 0"`, ["-c", "echo hi; exit 0"]],
    [`'it is' x`, ["it is", "x"]],
    [`--name="two words" end`, ["--name=two words", "end"]],
    [`"" ''`, ["", ""]],
    [`"it's"`, ["it's"]],
    [`'a\\b'`, ["a\\b"]],
    [`"a\\"b"`, ['a"b']],
    [`a\\ b`, ["a b"]],
    ["C:\\dir\\file", ["C:\\dir\\file"]],
    ["$HOME *", ["$HOME", "*"]],
  ])("AD-40 splits %j", (text, words) => {
    expect(splitArguments(text)).toEqual(words);
    expect(readArgs(text)).toEqual(words);
  });

  it("AD-40 names the quote that is not closed", () => {
    expect(() => splitArguments(`a "b`)).toThrow(/has a " that is not closed/);
  });

  it("AD-40 gives back any words that were quoted singly", () => {
    const word = fc.string().filter((text) => !text.includes("'"));
    fc.assert(
      fc.property(fc.array(word), fc.constantFrom(" ", "\t", "  \n"), (words, blank) => {
        expect(splitArguments(words.map((text) => `'${text}'`).join(blank))).toEqual(words);
      }),
    );
  });
});
