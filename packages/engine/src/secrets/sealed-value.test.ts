import { createCipheriv, randomBytes } from "node:crypto";
import type { JsonObject } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openValue, SealBrokenError, sealValue, secretsKeyring } from "./sealed-value.js";

const A = new Uint8Array(32).fill(1);
const B = new Uint8Array(32).fill(2);
const NAME = { secretId: "2f1c6d2e-8f0a-4f0e-9d0c-2a5b5a7f0e11", version: 1 };

function flipped(material: JsonObject, part: string): JsonObject {
  const bytes = Buffer.from(String(material[part]), "base64");
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return { ...material, [part]: bytes.toString("base64") };
}

describe("SC-13 a sealed value", () => {
  it("SC-13 law: opens to what it was, for its own secret and version alone", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const keyring = secretsKeyring(A);
        const { material } = sealValue(keyring, { ...NAME, value });
        expect(openValue(keyring, { ...NAME, material })).toBe(Buffer.from(value).toString("utf8"));
        for (const other of [
          { ...NAME, version: 2 },
          { ...NAME, secretId: "2f1c6d2e-8f0a-4f0e-9d0c-2a5b5a7f0e12" },
        ]) {
          expect(() => openValue(keyring, { ...other, material })).toThrow(SealBrokenError);
        }
      }),
    );
  });

  it("SC-13 the same value sealed twice looks different, and says with which key it was", () => {
    const keyring = secretsKeyring(A);
    const one = sealValue(keyring, { ...NAME, value: "the same value" });
    const two = sealValue(keyring, { ...NAME, value: "the same value" });
    expect(one.material["ciphertext"]).not.toBe(two.material["ciphertext"]);
    expect(one.valueHash).toBe(two.valueHash);
    expect(one.material).toEqual({
      scheme: "local_encrypted_v2",
      keyId: keyring.current.id,
      iv: expect.stringMatching(/^[A-Za-z0-9+/]{16}$/),
      tag: expect.stringMatching(/^[A-Za-z0-9+/]{22}==$/),
      ciphertext: expect.any(String),
    });
  });

  it("SC-13 the hash beside it depends on the key: a guess cannot be checked without it", () => {
    const hash = (key: Uint8Array): string => sealValue(secretsKeyring(key), { ...NAME, value: "1234" }).valueHash;
    expect(hash(A)).not.toBe(hash(B));
  });

  it.each(["iv", "tag", "ciphertext"])("SC-13 a changed %s does not open", (part) => {
    const keyring = secretsKeyring(A);
    const { material } = sealValue(keyring, { ...NAME, value: "a value" });
    expect(() => openValue(keyring, { ...NAME, material: flipped(material, part) })).toThrow(SealBrokenError);
  });

  it("SC-13 a tag that was cut does not open, though the cipher would take it", () => {
    const keyring = secretsKeyring(A);
    const { material } = sealValue(keyring, { ...NAME, value: "a value" });
    const tag = Buffer.from(String(material["tag"]), "base64").subarray(0, 4).toString("base64");
    expect(() => openValue(keyring, { ...NAME, material: { ...material, tag } })).toThrow(SealBrokenError);
  });

  it.each<[string, unknown]>([
    ["null", null],
    ["a text", "x"],
    ["another scheme", { scheme: "local_encrypted_v9" }],
    ["nothing but a scheme", { scheme: "local_encrypted_v1" }],
  ])("SC-9 material that is %s is broken, not a crash", (_what, material) => {
    expect(() => openValue(secretsKeyring(A), { ...NAME, material })).toThrow(SealBrokenError);
  });

  it("SC-13 a former key opens what it sealed; a foreign one does not, and says so without the value", () => {
    const { material } = sealValue(secretsKeyring(A), { ...NAME, value: "old value" });
    expect(openValue(secretsKeyring(B, [A]), { ...NAME, material })).toBe("old value");
    expect(() => openValue(secretsKeyring(B), { ...NAME, material })).toThrow(
      "The value was encrypted with a key that this process does not have",
    );
  });

  it("SC-13 the older scheme stays readable, with any key of the ring", () => {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", A, iv);
    const ciphertext = Buffer.concat([cipher.update("from before", "utf8"), cipher.final()]);
    const material = {
      scheme: "local_encrypted_v1",
      iv: iv.toString("base64"),
      tag: cipher.getAuthTag().toString("base64"),
      ciphertext: ciphertext.toString("base64"),
    };
    expect(openValue(secretsKeyring(B, [A]), { ...NAME, material })).toBe("from before");
    expect(() => openValue(secretsKeyring(B), { ...NAME, material })).toThrow(SealBrokenError);
  });
});
