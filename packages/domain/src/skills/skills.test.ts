import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { mentionedSkillsNotice, withSkillKeys } from "./run-skill-choice.js";
import { mentionedSkillIds } from "./skill-mentions.js";

const A = "2f1c6d2e-8f0a-4f0e-9d0c-2a5b5a7f0e11";
const B = "3f1c6d2e-8f0a-4f0e-9d0c-2a5b5a7f0e12";

describe("SK-5, SK-8 mentions", () => {
  it.each<[string, string, string[]]>([
    ["a link with a slug", `please [use it](skill://${A}?s=deploy) now`, [A]],
    ["any link text", `[](skill://${A}) [a [nested] text](skill://${B})`, [A, B]],
    ["the scheme in capitals", `[x](SKILL://${A.toUpperCase()})`, [A]],
    ["leading slashes", `[x](skill:///${A})`, [A]],
    ["a title after a blank", `[x](skill://${A} "title")`, [A]],
    ["each once, in order", `[b](skill://${B})[a](skill://${A})[b](skill://${B})`, [B, A]],
    ["no link", `skill://${A} and (skill://${A})`, []],
    ["SK-8 what is no UUID", `[x](skill://foo) [y](skill://${A}/more) [z](skill://)`, []],
    ["another scheme", `[x](https://${A})`, []],
  ])("SK-5, SK-8 %s", (_what, text, ids) => expect(mentionedSkillIds([text])).toEqual(ids));

  it("SK-6 over several texts in their order", () => {
    expect(mentionedSkillIds([`[x](skill://${B})`, "", `[x](skill://${A})[x](skill://${B})`])).toEqual([B, A]);
  });

  it("SK-5 stays linear on hostile texts", () => {
    for (const text of ["](skill://".repeat(100_000), `](${" ".repeat(500_000)}`, "[".repeat(1_000_000)]) {
      expect(mentionedSkillIds([text])).toEqual([]);
    }
  });
});

describe("SK-6, SK-7 the run's choice", () => {
  const config: JsonObject = { command: "c", wakefleetSkillSync: { desiredSkills: ["a", "b"], other: 1 } };
  it.each<[string, JsonObject, string[], JsonObject]>([
    ["nothing to add leaves the config", config, [], config],
    [
      "after those there, without doubles",
      config,
      ["c", "a"],
      { command: "c", wakefleetSkillSync: { desiredSkills: ["a", "b", "c"], other: 1 } },
    ],
    [
      "an agent that chose none",
      { command: "c" },
      ["c"],
      { command: "c", wakefleetSkillSync: { desiredSkills: ["c"] } },
    ],
    [
      "a choice that is no list",
      { wakefleetSkillSync: { desiredSkills: "a" } },
      ["c"],
      { wakefleetSkillSync: { desiredSkills: ["c"] } },
    ],
  ])("SK-6 %s", (_what, before, keys, after) => expect(withSkillKeys(before, keys)).toEqual(after));

  it("SK-7 the log says which", () => {
    expect(mentionedSkillsNotice(["k1", "k2"])).toBe("Enabled run-scoped skills from issue mentions: k1, k2");
    expect(mentionedSkillsNotice([])).toBeNull();
  });
});
