import { describe, expect, it } from "vitest";
import { createLogger, type Logger } from "./logger.js";

function listen(pretty = false): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const logger = createLogger({
    level: "info",
    name: "test",
    pretty,
    bindings: { workerId: "w1" },
    write: (line) => lines.push(line),
  });
  return { logger, lines };
}

const KEY = `wfk_${"0123456789abcdef".repeat(3)}`;
const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

describe("log lines", () => {
  it("OP-24 are one JSON object a line, with time, level, name and ids", () => {
    const { logger, lines } = listen();
    logger.child({ companyId: "c1" }).info({ runId: "r1", agentId: "a1" }, "run claimed");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\n$/);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: "info",
      name: "test",
      workerId: "w1",
      companyId: "c1",
      runId: "r1",
      agentId: "a1",
      msg: "run claimed",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });

  it("OP-24 are readable at a terminal", () => {
    const { logger, lines } = listen(true);
    logger.warn({ runId: "r1" }, "slow");
    expect(lines[0]).toContain("slow");
    expect(() => JSON.parse(lines[0]!)).toThrow();
  });

  it("OP-24 below the level are not written", () => {
    const { logger, lines } = listen();
    logger.debug("quiet");
    expect(lines).toEqual([]);
  });

  it.each([
    ["a header", { headers: { authorization: "hunter2", cookie: "hunter2" } }],
    ["a request's header", { req: { headers: { authorization: "hunter2", "x-api-key": "hunter2" } } }],
    [
      "a configuration",
      { config: { databaseUrl: "hunter2", redisUrl: "hunter2", authSecret: "hunter2", secretsKey: "hunter2" } },
    ],
    ["an environment", { env: { DATABASE_URL: "hunter2", AUTH_SECRET: "hunter2", SECRETS_KEY: "hunter2" } }],
    ["a token", { token: "hunter2", body: { password: "hunter2" } }],
  ])("OP-24 hide the secrets of %s by their names", (_, fields) => {
    const { logger, lines } = listen();
    logger.info(fields, "x");
    expect(lines[0]).not.toContain("hunter2");
    expect(lines[0]).toContain("[redacted]");
  });

  it.each([
    ["a key", `refused ${KEY}`, KEY],
    ["a bearer header", "Authorization: Bearer abcdefghijkl", "abcdefghijkl"],
    ["a run token", `bad token ${JWT}`, JWT],
    ["a URL's password", "connect postgresql://wf:hunter2@db:5432/wf failed", "hunter2"],
    ["a password without user", "redis://:hunter2@redis:6379", "hunter2"],
    ["API-29 a stream's query", "GET /api/events/stream?token=hunter2abc&x=1", "hunter2abc"],
  ])("OP-24 hide %s inside a text", (_, text, secret) => {
    for (const pretty of [false, true]) {
      const { logger, lines } = listen(pretty);
      logger.error({ err: new Error(text), url: text }, text);
      expect(lines.join("")).not.toContain(secret);
    }
  });

  it("OP-24 stay valid JSON when scrubbed", () => {
    const { logger, lines } = listen();
    logger.info({ a: `"redis://u:p"x@h" \\ ${KEY}`, b: "Bearer ==========" }, `?token=a"b\\c`);
    expect(() => JSON.parse(lines[0]!)).not.toThrow();
  });
});
