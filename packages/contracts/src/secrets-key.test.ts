import { describe, expect, it } from "vitest";
import { parseSecretsKey } from "./secrets-key.js";

const BYTES = Uint8Array.from({ length: 32 }, (_, index) => index + 60);

describe("SC-14 how a key is written", () => {
  it.each<[string, string]>([
    ["hexadecimal digits", Buffer.from(BYTES).toString("hex")],
    ["hexadecimal digits in capitals", Buffer.from(BYTES).toString("hex").toUpperCase()],
    ["base64", Buffer.from(BYTES).toString("base64")],
    ["base64 without its padding", Buffer.from(BYTES).toString("base64").replace("=", "")],
    ["32 characters", Buffer.from(BYTES).toString("latin1")],
  ])("SC-14 %s", (_what, text) => expect(parseSecretsKey(text)).toEqual(BYTES));

  it.each(["", "short", "x".repeat(31), "x".repeat(33), "ä".repeat(32), "0".repeat(63), "A".repeat(44)])(
    "SC-14 %j is none",
    (text) => expect(parseSecretsKey(text)).toBeNull(),
  );
});
