import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOsUserRedactor } from "./redact-os-user.js";

const redact = createOsUserRedactor({ names: ["robert"], homes: ["/srv/people/robert/", "D:\\Homes\\robert"] });

describe("createOsUserRedactor", () => {
  it.each([
    ["a name", "by robert today", "by r***** today"],
    ["a name beside punctuation", "(robert), robert!", "(r*****), r*****!"],
    [
      "a name inside a longer word",
      "roberta xrobert robert2 robert.txt robert-x _robert",
      "roberta xrobert robert2 robert.txt robert-x _robert",
    ],
    ["the home folder", "cd /srv/people/robert/work", "cd /srv/people/r*****/work"],
    [
      "the usual home folders",
      "/home/robert/x /Users/robert C:\\Users\\robert\\y",
      "/home/r*****/x /Users/r***** C:\\Users\\r*****\\y",
    ],
    ["a home at the end of a sentence", "It is /home/robert. Yes.", "It is /home/r*****. Yes."],
    [
      "another's home",
      "/home/roberta /home/robert.old /home/robert-2",
      "/home/roberta /home/robert.old /home/robert-2",
    ],
    [
      "a Windows home in JSON",
      '"C:\\\\Users\\\\robert\\\\z" "D:\\\\Homes\\\\robert"',
      '"C:\\\\Users\\\\r*****\\\\z" "D:\\\\Homes\\\\r*****"',
    ],
    ["nothing", "no one here", "no one here"],
  ])("IN-2 %s", (_name, text, expected) => expect(redact(text)).toBe(expected));

  it("IN-2 a name of one letter gets one asterisk; the longest name wins", () => {
    expect(createOsUserRedactor({ names: ["a"], homes: [] })("a b a")).toBe("a* b a*");
    expect(createOsUserRedactor({ names: ["al", "al-bert"], homes: [] })("al-bert al")).toBe("a****** a*");
  });

  it("IN-2 knows no user: the text as it stands", () => {
    expect(createOsUserRedactor({ names: ["", " "], homes: ["", "/"] })("/ and text")).toBe("/ and text");
  });

  it("IN-2 any name is taken literally and found as a word", () => {
    const names = fc.string({ minLength: 2, maxLength: 12 }).filter((name) => !/\s/.test(name));
    fc.assert(
      fc.property(names, (name) => {
        const mask = name.slice(0, 1) + "*".repeat(name.length - 1);
        expect(createOsUserRedactor({ names: [name], homes: [] })(`<< ${name} >>`)).toBe(`<< ${mask} >>`);
      }),
    );
  });
});
