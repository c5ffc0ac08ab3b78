import { type JsonValue, REDACTED } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactAdapterConfig, redactSecrets, redactText } from "./redact.js";
import { isSecretEnvName, isSecretKey } from "./secret-names.js";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJl";

describe("AC-2, AC-3 names of secrets", () => {
  it.each([
    "apiKey",
    "api_key",
    "API-KEY",
    "apikey",
    "accessToken",
    "auth",
    "auth_token",
    "Authorization",
    "bearer",
    "secret",
    "clientSecret",
    "passwd",
    "dbPassword",
    "credentials",
    "jwt",
    "privateKey",
    "cookie",
    "connectionString",
    "connectionstring",
  ])("AC-2, SC-20 %s names a secret", (name) => expect(isSecretKey(name)).toBe(true));

  it.each([
    "author",
    "authored",
    "keyboard",
    "title",
    "tokens",
    "cookiecutter",
    "secretary",
    "passwordless",
    "apikeys2",
  ])("AC-3, SC-20 %s does not", (name) => expect(isSecretKey(name)).toBe(false));

  it.each(["GITHUB_TOKEN", "OPENAI_API_KEY", "PGPASSWORD", "my_secret"])("environment name %s looks secret", (name) =>
    expect(isSecretEnvName(name)).toBe(true),
  );
  it("environment name PATH does not", () => expect(isSecretEnvName("PATH")).toBe(false));
});

describe("AC-2, AC-3, SC-20 values", () => {
  it.each<[string, JsonValue, JsonValue]>([
    ["a secret key", { authorization: "x" }, { authorization: REDACTED }],
    ["an author", { author: "Ann" }, { author: "Ann" }],
    ["a whole JWT", { a: JWT }, { a: REDACTED }],
    ["three short parts", { a: "a.b.c" }, { a: "a.b.c" }],
    ["an activity-like name", { a: "issue.comment.reopen" }, { a: "issue.comment.reopen" }],
    ["a list", { a: ["sk-abcdefghijklmnop"] }, { a: [REDACTED] }],
    [
      "a secret reference",
      { secret: { type: "secret_ref", secretId: "s1" } },
      { secret: { type: "secret_ref", secretId: "s1" } },
    ],
    ["a plain binding", { password: { type: "plain", value: "x" } }, { password: { type: "plain", value: REDACTED } }],
    ["nesting", { a: { b: [{ apiKey: "x" }] } }, { a: { b: [{ apiKey: REDACTED }] } }],
    ["null stays", { secret: null }, { secret: null }],
    ["numbers under a secret key", { password: 1234 }, { password: REDACTED }],
  ])("%s", (_name, value, expected) => expect(redactSecrets(value)).toEqual(expected));

  it.each([
    ["curl -H 'Authorization: Bearer abcdefgh12345'", `curl -H 'Authorization: Bearer ${REDACTED}'`],
    ["use sk-abcdefghijkl now", `use ${REDACTED} now`],
    [`push with ghp_${"a".repeat(24)}`, `push with ${REDACTED}`],
    [`it is ${JWT}, see`, `it is ${REDACTED}, see`],
    ["GITHUB_TOKEN=abc make", `GITHUB_TOKEN=${REDACTED} make`],
    ['{"password": "hunter2"}', `{"password": "${REDACTED}"}`],
    [`key wfk_${"0".repeat(48)}`, `key ${REDACTED}`],
    ["packages.wakefleet.internal.example is up", "packages.wakefleet.internal.example is up"],
    ["the bearer of news", "the bearer of news"],
    ["Authorization: Bearer abc", `Authorization: Bearer ${REDACTED}`],
    ['{"authorization": "Bearer abc"}', `{"authorization": "${REDACTED}"}`],
    ['"{\\"password\\": \\"hunter2\\", \\"a\\": 1}"', `"{\\"password\\": \\"${REDACTED}\\", \\"a\\": 1}"`],
    ['{\\"author\\":\\"Ann\\"}', '{\\"author\\":\\"Ann\\"}'],
    [`it is ${JWT}.c2lnbmF0dXJl, see`, `it is ${REDACTED}, see`],
  ])("AC-3, SC-21 inside a text: %s", (text, expected) => expect(redactText(text)).toBe(expected));

  it("API-9 a key named __proto__ stays data", () => {
    const value = JSON.parse('{"__proto__": {"password": "x"}}') as JsonValue;
    const redacted = redactSecrets(value);
    expect(JSON.stringify(redacted)).toBe(`{"__proto__":{"password":"${REDACTED}"}}`);
    expect(Object.getPrototypeOf(redacted)).toBe(Object.prototype);
  });

  it("masks secret-looking environment values of an adapter config and keeps references", () => {
    expect(
      redactAdapterConfig({
        command: "node",
        env: {
          OPENAI_API_KEY: "x",
          GH_TOKEN: { type: "plain", value: "y" },
          SAFE: { type: "plain", value: "z" },
          REF_SECRET: { type: "secret_ref", secretId: "s" },
        },
      }),
    ).toEqual({
      command: "node",
      env: {
        OPENAI_API_KEY: REDACTED,
        GH_TOKEN: { type: "plain", value: REDACTED },
        SAFE: { type: "plain", value: "z" },
        REF_SECRET: { type: "secret_ref", secretId: "s" },
      },
    });
  });
});

describe("laws", () => {
  it("never throws and is idempotent on any JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const once = redactSecrets(value as JsonValue);
        expect(redactSecrets(once)).toEqual(once);
      }),
    );
  });

  it("stays linear on hostile texts", () => {
    const hostile = [
      "TOKEN".repeat(200_000),
      `"${"a".repeat(1_000_000)}`,
      "bearer ".repeat(150_000),
      "eyJ".repeat(300_000),
    ];
    for (const text of hostile) expect(redactText(text).length).toBeGreaterThan(0);
  });
});
