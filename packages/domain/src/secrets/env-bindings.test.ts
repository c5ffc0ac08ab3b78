import { type JsonValue, REDACTED } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { gainedReferences, normalizedEnv, secretReferences } from "./env-bindings.js";

const ID = "2F1C6D2E-8F0A-4F0E-9D0C-2A5B5A7F0E11";
const id = ID.toLowerCase();

describe("SC-1, SC-2 the bindings of an env", () => {
  it.each<[string, JsonValue, object]>([
    ["a string", "x", { type: "plain", value: "x" }],
    ["an empty string", "", { type: "plain", value: "" }],
    ["a plain binding", { type: "plain", value: "y" }, { type: "plain", value: "y" }],
    ["a reference", { type: "secret_ref", secretId: ID }, { type: "secret_ref", secretId: id, version: "latest" }],
    [
      "a pinned one",
      { type: "secret_ref", secretId: id, version: 3 },
      { type: "secret_ref", secretId: id, version: 3 },
    ],
  ])("SC-1, SC-2, DM-60 %s is stored in its object form", (_what, value, stored) => {
    expect(normalizedEnv({ _A1: value }, { field: "env", strict: false })).toEqual({ _A1: stored });
  });

  it.each<[string, JsonValue, string]>([
    ["SC-2 not an object", "x", "env must be an object"],
    ["SC-2 a list", [], "env must be an object"],
    ["SC-2 a wrong name", { "1X": "x" }, "Invalid environment variable name: 1X"],
    ["SC-2 a name with a dash", { "A-B": "x" }, "Invalid environment variable name: A-B"],
    ["SC-2 an empty name", { "": "x" }, "Invalid environment variable name: "],
    ["SC-2 a number", { K: 1 }, "Invalid environment binding for key: K"],
    ["SC-2 null", { K: null }, "Invalid environment binding for key: K"],
    ["SC-1 an unknown type", { K: { type: "other" } }, "Invalid environment binding for key: K"],
    ["SC-1 no secret's id", { K: { type: "secret_ref", secretId: "x" } }, "Invalid environment binding for key: K"],
    [
      "SC-1 version 0",
      { K: { type: "secret_ref", secretId: id, version: 0 } },
      "Invalid environment binding for key: K",
    ],
    [
      "SC-1 half a version",
      { K: { type: "secret_ref", secretId: id, version: 1.5 } },
      "Invalid environment binding for key: K",
    ],
    ["SC-3 a masked value", { K: REDACTED }, "Refusing to persist redacted placeholder for key: K"],
    [
      "SC-3 a masked binding",
      { K: { type: "plain", value: REDACTED } },
      "Refusing to persist redacted placeholder for key: K",
    ],
  ])("%s is refused", (_what, env, message) => {
    expect(() => normalizedEnv(env, { field: "env", strict: false })).toThrow(
      expect.objectContaining({ code: "unprocessable", message }),
    );
  });

  it.each<[string, JsonValue, string | null]>([
    ["API_KEY", "x", "API_KEY"],
    ["DB_PASSWORD", { type: "plain", value: "x" }, "DB_PASSWORD"],
    ["API_KEY", " ", null],
    ["API_KEY", { type: "secret_ref", secretId: id }, null],
    ["AUTHOR", "x", null],
  ])("SC-4 strict mode: %s = %j", (name, value, refused) => {
    const save = (): unknown => normalizedEnv({ [name]: value }, { field: "env", strict: true });
    if (refused === null) expect(save()).toHaveProperty(name);
    else expect(save).toThrow(`Strict secret mode requires secret references for sensitive key: ${refused}`);
  });
});

describe("SC-11 what an agent would gain", () => {
  const ref = (version?: number): JsonValue =>
    version === undefined ? { type: "secret_ref", secretId: id } : { type: "secret_ref", secretId: ID, version };
  it.each<[string, JsonValue, JsonValue[], string[]]>([
    ["a secret it does not have", { A: ref() }, [{}], ["A"]],
    ["one it has under another name", { A: ref() }, [{ B: ref() }], []],
    ["another version of one it has", { A: ref(1) }, [{ B: ref() }], ["A"]],
    ["one that stands in the second place", { A: ref(1) }, [{}, { B: ref(1) }], []],
    ["plain values", { A: "x", B: { type: "plain", value: "y" } }, [], []],
  ])("SC-11 %s", (_what, wanted, known, gained) => {
    expect(gainedReferences(wanted, known).map(({ name }) => name)).toEqual(gained);
  });

  it("SC-1, DM-60 references are read with their version", () => {
    expect(secretReferences({ A: ref(), B: ref(2), C: "x" })).toEqual([
      { name: "A", secretId: id, version: "latest" },
      { name: "B", secretId: id, version: 2 },
    ]);
    expect(secretReferences("x")).toEqual([]);
  });
});
