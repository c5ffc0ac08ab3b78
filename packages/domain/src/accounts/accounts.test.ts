import type { JsonObject } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accountLimitOf, type CapUse, parkedUntil, reachedCap, staggerMs } from "./account-gate.js";
import { accountKeyOf } from "./account-key.js";

const SECRET = "11111111-1111-4111-8111-111111111111";
const accountOf = (adapterType: string, adapterConfig: JsonObject = {}) =>
  accountKeyOf({ adapterType, adapterConfig }, (secret) => `#${secret.length}`);
const said = (adapterType: string, adapterConfig: JsonObject = {}): string => {
  const key = accountOf(adapterType, adapterConfig);
  return key === null ? "none" : `${key.provider} ${key.credential}`;
};

describe("the account an agent spends on", () => {
  it.each<[string, string, JsonObject, string]>([
    ["a plain key", "claude_local", { env: { ANTHROPIC_API_KEY: "sk-1" } }, "anthropic key:#4"],
    [
      "a key as it is stored",
      "claude_local",
      { env: { ANTHROPIC_API_KEY: { type: "plain", value: " sk-1 " } } },
      "anthropic key:#4",
    ],
    [
      "a secret",
      "codex_local",
      { env: { OPENAI_API_KEY: { type: "secret_ref", secretId: SECRET, version: 3 } } },
      `openai secret:${SECRET}`,
    ],
    ["the stronger key", "codex_local", { env: { OPENAI_API_KEY: "a", CODEX_API_KEY: "bb" } }, "openai key:#2"],
    ["an empty key is none", "gemini_local", { env: { GEMINI_API_KEY: " " } }, "google login:default"],
    ["the tool's own login", "claude_local", {}, "anthropic login:default"],
    ["a login elsewhere", "claude_local", { env: { CLAUDE_CONFIG_DIR: "/home/a" } }, "anthropic login:/home/a"],
    [
      "the login of a command of its own",
      "claude_local",
      { command: "/opt/claude" },
      "anthropic login:default of /opt/claude",
    ],
    [
      "a key whatever the command",
      "claude_local",
      { command: "/opt/claude", env: { ANTHROPIC_API_KEY: "k" } },
      "anthropic key:#1",
    ],
    ["the key before the login", "codex_local", { env: { CODEX_HOME: "/h", OPENAI_API_KEY: "k" } }, "openai key:#1"],
    ["the model's provider", "opencode_local", { model: "Anthropic/claude" }, "anthropic login:default"],
    [
      "the model's provider with a key",
      "pi_local",
      { model: "open-router/x", env: { OPEN_ROUTER_API_KEY: "abc" } },
      "open-router key:#3",
    ],
    ["no model", "opencode_local", {}, "none"],
    ["a model that names no provider", "pi_local", { model: "<>/x" }, "none"],
    ["hermes's default", "hermes_local", {}, "anthropic login:default"],
    ["a process", "process", { env: { ANTHROPIC_API_KEY: "k" } }, "none"],
    ["an adapter of somebody else", "file_drop", {}, "none"],
    ["env that is none", "claude_local", { env: "x" }, "anthropic login:default"],
  ])("BY-5 by %s", (_, adapterType, config, account) => {
    expect(said(adapterType, config)).toBe(account);
  });

  it("BY-5 one key is one account, whichever tool spends it", () => {
    const env = { ANTHROPIC_API_KEY: "sk-1" };
    expect(accountOf("opencode_local", { model: "anthropic/claude", env })).toEqual(accountOf("claude_local", { env }));
  });

  it("BY-5 nothing of a key is kept but its fingerprint", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), (secret) => {
        fc.pre(secret.trim().length >= 4 && !/^[#\d:a-z]*$/i.test(secret));
        expect(said("claude_local", { env: { ANTHROPIC_API_KEY: secret } })).not.toContain(secret.trim());
      }),
    );
  });
});

const NOW = new Date("2026-01-01T00:00:00Z");
const inMs = (ms: number): Date => new Date(NOW.getTime() + ms);
const failed = (more: JsonObject, status: "failed" | "succeeded" | "cancelled" = "failed") => ({
  status,
  errorCode: "claude_transient_upstream",
  resultJson: { errorFamily: "transient_upstream", ...more },
});

describe("what an end says of its account", () => {
  it.each<[string, Parameters<typeof accountLimitOf>[0], Date | null]>([
    ["told to come back", failed({ retryNotBefore: inMs(5_000).toISOString() }), inMs(5_000)],
    ["not told when", failed({}), null],
    ["told an instant that is over", failed({ retryNotBefore: inMs(-1).toISOString() }), null],
    ["told nonsense", failed({ retryNotBefore: "soon" }), null],
    ["told years", failed({ retryNotBefore: inMs(1e12).toISOString() }), inMs(31 * 86_400_000)],
    ["succeeded", failed({ retryNotBefore: inMs(5_000).toISOString() }, "succeeded"), null],
    ["cancelled", failed({ retryNotBefore: inMs(5_000).toISOString() }, "cancelled"), null],
    [
      "failed for another reason",
      { status: "failed", errorCode: "adapter_failed", resultJson: { retryNotBefore: inMs(5_000).toISOString() } },
      null,
    ],
  ])("BY-5 %s", (_, ended, until) => {
    expect(accountLimitOf(ended, NOW)).toEqual(until);
  });
});

describe("parking", () => {
  const park = (limitedUntil: Date | null, now: Date, runId = SECRET) =>
    parkedUntil({ runId, isProbe: false, limitedUntil, staggerWindowMs: 60_000, now });

  it("BY-5 no limit parks nothing, and none that is over with its stagger", () => {
    expect(park(null, NOW)).toBeNull();
    expect(park(inMs(-60_000), NOW)).toBeNull();
  });

  it("BY-5 a run starts at the limit's end and its own stagger, never before, and no other run moves it", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.nat(1e9), fc.nat(120_000), (runId, limitMs, later) => {
        const due = park(inMs(limitMs), NOW, runId);
        const own = limitMs + staggerMs(runId, 60_000);
        if (due === null) expect(own).toBe(0);
        else expect(due).toEqual(inMs(own));
        const asked = inMs(limitMs + later);
        expect(park(inMs(limitMs), asked, runId)).toEqual(asked < inMs(own) ? inMs(own) : null);
      }),
    );
  });

  it("BY-5 the retry of the run that was told has a due time of its own and is not parked besides", () => {
    const probe = { runId: SECRET, isProbe: true, limitedUntil: inMs(5_000), staggerWindowMs: 60_000, now: NOW };
    expect(parkedUntil(probe)).toBeNull();
    expect(parkedUntil({ ...probe, isProbe: false })).not.toBeNull();
  });

  it("BY-5 the stagger lies within its window and spreads neighbours", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.nat(3_600_000), (runId, windowMs) => {
        const at = staggerMs(runId, windowMs);
        expect(at).toBeGreaterThanOrEqual(0);
        expect(at).toBeLessThan(Math.max(1, windowMs));
      }),
    );
    const tenths = new Array<number>(10).fill(0);
    for (let at = 0; at < 1_000; at += 1) {
      const tenth = Math.floor(staggerMs(`${SECRET.slice(0, -4)}${String(at).padStart(4, "0")}`, 60_000) / 6_000);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    expect(Math.min(...tenths)).toBeGreaterThan(50);
  });
});

describe("caps", () => {
  const use = (cap: CapUse["cap"], running: number, limit: number): CapUse => ({ cap, running, limit });

  it.each<[string, CapUse[], string | null]>([
    ["none", [], null],
    ["room in each", [use("account", 1, 2), use("fleet", 9, 10)], null],
    ["the first that is reached", [use("account", 1, 2), use("host", 4, 4), use("fleet", 10, 10)], "host"],
    ["one that was lowered", [use("account", 5, 2)], "account"],
  ])("BY-5 %s", (_, uses, cap) => {
    expect(reachedCap(uses)?.cap ?? null).toBe(cap);
  });

  it("BY-5 whoever starts only when no cap is reached never brings one above its limit", () => {
    const step = fc.record({ account: fc.nat(2), host: fc.nat(1), ends: fc.boolean() });
    const limits = fc.record({
      account: fc.integer({ min: 1, max: 3 }),
      host: fc.integer({ min: 1, max: 4 }),
      fleet: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 60 }), (limit, steps) => {
        let running: { account: number; host: number }[] = [];
        for (const { account, host, ends } of steps) {
          if (ends) running = running.slice(1);
          const count = (has: (one: { account: number; host: number }) => boolean) => running.filter(has).length;
          const full = reachedCap([
            use(
              "account",
              count((one) => one.account === account),
              limit.account,
            ),
            use(
              "host",
              count((one) => one.host === host),
              limit.host,
            ),
            use("fleet", running.length, limit.fleet),
          ]);
          if (full === null) running.push({ account, host });
          expect(running.length).toBeLessThanOrEqual(limit.fleet);
          expect(running.filter((one) => one.account === account).length).toBeLessThanOrEqual(limit.account);
          expect(running.filter((one) => one.host === host).length).toBeLessThanOrEqual(limit.host);
        }
      }),
    );
  });
});
