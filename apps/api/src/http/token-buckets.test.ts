import { describe, expect, it } from "vitest";
import { createLocalBucket, createTokenBuckets } from "./token-buckets.js";

describe("API-39 token buckets", () => {
  const limit = { perSecond: 10, burst: 20 };

  it("API-39 a full bucket gives its burst, then what comes back each second", async () => {
    let now = 0;
    const bucket = createLocalBucket(() => now);
    const take = async (wanted: number): Promise<number> => (await bucket({ key: "k", limit, wanted, least: 1 })).given;
    expect(await take(100)).toBe(20);
    expect(await take(1)).toBe(0);
    now = 500;
    expect(await take(100)).toBe(5);
    now = 60_000;
    expect(await take(100)).toBe(20);
  });

  it("API-56 says after how many whole seconds it is worth trying again", async () => {
    const buckets = createTokenBuckets({ shared: createLocalBucket(() => 0) });
    expect(await buckets.take({ key: "k", limit, tokens: 20 })).toEqual({ allowed: true });
    expect(await buckets.take({ key: "k", limit, tokens: 15 })).toEqual({ allowed: false, retryAfterSec: 2 });
  });

  it("API-39 takes lots, so that most requests ask nobody", async () => {
    let asked = 0;
    const local = createLocalBucket(() => 0);
    const buckets = createTokenBuckets({
      shared: (take) => {
        asked += 1;
        return local(take);
      },
    });
    const wide = { perSecond: 1_000, burst: 2_000 };
    for (let request = 0; request < 500; request += 1) await buckets.take({ key: "k", limit: wide, tokens: 1 });
    expect(asked).toBe(10);
  });

  it("API-39 a rate of 0 is off, and a shared bucket that is away is stood in for", async () => {
    const failures: unknown[] = [];
    const buckets = createTokenBuckets({
      shared: () => Promise.reject(new Error("away")),
      onFallback: (error) => failures.push(error),
      nowMs: () => 0,
    });
    expect(await buckets.take({ key: "k", limit: { perSecond: 0, burst: 1 }, tokens: 5 })).toEqual({ allowed: true });
    for (let request = 0; request < 20; request += 1) await buckets.take({ key: "k", limit, tokens: 1 });
    expect(await buckets.take({ key: "k", limit, tokens: 1 })).toMatchObject({ allowed: false });
    expect(failures.length).toBeGreaterThan(0);
  });
});
