import { SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, it } from "vitest";
import { mintRunToken, type RunTokenClaims, verifyRunToken } from "./run-token.js";

const secret = "a secret of at least thirty-two bytes!";
const now = new Date("2026-11-24T00:00:00Z");
const claims: RunTokenClaims = {
  agentId: "11111111-1111-4111-8111-111111111111",
  companyId: "22222222-2222-4222-8222-222222222222",
  adapterType: "process",
  runId: "33333333-3333-4333-8333-333333333333",
  claimToken: 7,
};
const withoutExpiry = {
  company_id: claims.companyId,
  adapter_type: "process",
  run_id: claims.runId,
  claim_token: 7,
  sub: claims.agentId,
  jti: "j",
  iss: "wakefleet",
  aud: "wakefleet-api",
};
const payload = { ...withoutExpiry, exp: Math.floor(now.getTime() / 1_000) + 60 };
const key = new TextEncoder().encode(secret);

describe("API-31 run tokens", () => {
  it("gives back what was minted", async () => {
    const token = await mintRunToken({ secret, claims, now });
    expect(await verifyRunToken({ secret, token, now })).toEqual(claims);
  });

  it("ends after its lifetime of 48 hours", async () => {
    const token = await mintRunToken({ secret, claims, now });
    const at = (hours: number): Date => new Date(now.getTime() + hours * 3_600_000);
    expect(await verifyRunToken({ secret, token, now: at(47) })).not.toBeNull();
    expect(await verifyRunToken({ secret, token, now: at(49) })).toBeNull();
  });

  it.each<[string, () => Promise<string> | string]>([
    ["alg none", () => new UnsecuredJWT(payload).encode()],
    ["another algorithm", () => new SignJWT(payload).setProtectedHeader({ alg: "HS512" }).sign(key)],
    [
      "another secret",
      () => new SignJWT(payload).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode("x".repeat(32))),
    ],
    ["another issuer", () => new SignJWT({ ...payload, iss: "x" }).setProtectedHeader({ alg: "HS256" }).sign(key)],
    ["another audience", () => new SignJWT({ ...payload, aud: "x" }).setProtectedHeader({ alg: "HS256" }).sign(key)],
    ["no expiry", () => new SignJWT(withoutExpiry).setProtectedHeader({ alg: "HS256" }).sign(key)],
    [
      "a run id that is none",
      () => new SignJWT({ ...payload, run_id: "x" }).setProtectedHeader({ alg: "HS256" }).sign(key),
    ],
    ["no JWT at all", () => "a.b.c"],
  ])("refuses %s", async (_name, make) => {
    expect(await verifyRunToken({ secret, token: await make(), now })).toBeNull();
  });
});
