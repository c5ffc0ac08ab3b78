import { describe, expect, it } from "vitest";
import { redisAddressOf } from "./redis-address.js";

describe("what a Redis URL names", () => {
  it.each([
    ["redis://:secret@host:1/2", { kind: "server", url: "redis://:secret@host:1/2" }],
    [
      "redis+cluster://a:7000,b",
      {
        kind: "cluster",
        nodes: [
          { host: "a", port: 7_000 },
          { host: "b", port: 6_379 },
        ],
        tls: false,
      },
    ],
    [
      "rediss+cluster://user:p%40ss@[::1]:7000",
      { kind: "cluster", nodes: [{ host: "::1", port: 7_000 }], username: "user", password: "p@ss", tls: true },
    ],
    [
      "redis+sentinel://:secret@s1,s2:5/fleet/3",
      {
        kind: "sentinel",
        sentinels: [
          { host: "s1", port: 26_379 },
          { host: "s2", port: 5 },
        ],
        name: "fleet",
        db: 3,
        password: "secret",
        tls: false,
      },
    ],
    [
      "redis+sentinel://s/fleet",
      { kind: "sentinel", sentinels: [{ host: "s", port: 26_379 }], name: "fleet", db: 0, tls: false },
    ],
  ])("OP-12 %s", (url, address) => {
    expect(redisAddressOf(url)).toEqual(address);
  });

  it("OP-12 a form it does not know is refused, without the password", () => {
    expect(() => redisAddressOf("http://user:secret@host")).toThrow(/^The Redis URL has none of the forms/);
  });
});
