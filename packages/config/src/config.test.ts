import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Config,
  ConfigError,
  configTable,
  loadEnvironment,
  printConfig,
  readConfig,
  readDraftConfig,
} from "./index.js";
import { VARIABLES } from "./variables.js";

const NEEDED = {
  DATABASE_URL: "postgresql://wf:hunter2@db:5432/wf",
  REDIS_URL: "redis://:hunter3@redis:6379/0",
  AUTH_SECRET: "a".repeat(32),
};

function configOf(env: NodeJS.ProcessEnv): Config {
  return readConfig({ ...NEEDED, ...env });
}

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    configOf(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("reading the environment", () => {
  it("OP-11 has the documented defaults", () => {
    expect(configOf({})).toMatchObject({
      host: "127.0.0.1",
      authMode: "keys",
      retryDelaysMs: [120_000, 600_000, 1_800_000, 7_200_000],
      retryJitter: 0.25,
      leaseMs: 30_000,
      processAdoptGraceMs: 120_000,
      runLogMaxBytes: 268_435_456,
      rateLimitReads: 200,
      rateLimitWakeups: 0,
      rateLimitFailedAuth: 20,
      corsOrigins: [],
      secretsKey: null,
      metricsPerAgent: false,
    });
  });

  it("OP-11 knows every variable the rule names", () => {
    const names = Object.values(VARIABLES).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(
        (
          "DATABASE_URL REDIS_URL REDIS_PREFIX PORT HOST WORKER_CONCURRENCY LEASE_MS DRAIN_TIMEOUT_MS PROCESS_ADOPT_GRACE_MS " +
          "RETRY_DELAYS_MS RETRY_JITTER RUN_LOG_DIR RUN_LOG_MAX_BYTES AUTH_MODE PUBLIC_URL AUTH_SECRET SECRETS_KEY LOG_LEVEL " +
          "CORS_ORIGINS METRICS_PER_AGENT OTEL_EXPORTER_OTLP_ENDPOINT"
        ).split(" "),
      ),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    ["PORT", "abc", 'PORT must be a whole number from 0 to 65535, but is "abc". Example: PORT=8080'],
    ["PORT", "70000", 'but is "70000"'],
    ["LEASE_MS", "1.5", "LEASE_MS must be a whole number"],
    ["RETRY_JITTER", "2", "RETRY_JITTER must be a number from 0 to 1"],
    ["RETRY_DELAYS_MS", "1000,soon", "RETRY_DELAYS_MS must be a whole number"],
    ["AUTH_MODE", "open", "AUTH_MODE must be one of: keys, local_trusted"],
    ["LOG_LEVEL", "loud", "LOG_LEVEL must be one of"],
    ["METRICS_PER_AGENT", "maybe", "METRICS_PER_AGENT must be true or false"],
    ["DATABASE_URL", "mysql://db/wf", "DATABASE_URL must be a URL that begins with postgresql:// or postgres://"],
    ["REDIS_URL", "http://redis", "REDIS_URL must be a Redis URL"],
    ["REDIS_PREFIX", "a:b", "REDIS_PREFIX must be 1 to 64"],
    ["CORS_ORIGINS", "https://a.example/path", "CORS_ORIGINS must be origins"],
    ["SECRETS_KEY", "short", "SECRETS_KEY must be 64 hexadecimal digits"],
    ["WAKEFLEET_INSTANCE_ID", "a/b", "WAKEFLEET_INSTANCE_ID must have letters"],
  ])("OP-10 %s=%s is refused with its name, the value's problem and an example", (name, value, expected) => {
    const [problem, ...others] = problemsOf({ [name]: value });
    expect(others).toEqual([]);
    expect(problem).toContain(expected);
    expect(problem).toContain(`Example: ${name}=`);
  });

  it.each([
    ["false", false],
    [" FALSE ", false],
    ["true", true],
    ["0", true],
    ["off", true],
  ])("RC-80 HEARTBEAT_SCHEDULER_ENABLED=%j is %s", (text, expected) => {
    expect(configOf({ HEARTBEAT_SCHEDULER_ENABLED: text }).schedulerEnabled).toBe(expected);
  });

  it("RC-80 the scheduler is on, and its interval is never below ten seconds", () => {
    expect(configOf({})).toMatchObject({ schedulerEnabled: true, schedulerIntervalMs: null });
    expect(configOf({ HEARTBEAT_SCHEDULER_INTERVAL_MS: "45000" }).schedulerIntervalMs).toBe(45_000);
    expect(configOf({ HEARTBEAT_SCHEDULER_INTERVAL_MS: "50" }).schedulerIntervalMs).toBe(10_000);
  });

  it("OP-10 names everything that is wrong at once", () => {
    expect(() => readConfig({ PORT: "x", LEASE_MS: "y" })).toThrow(/5 variables are wrong/);
  });

  it("OP-10 an empty variable counts as absent", () => {
    expect(configOf({ PORT: "", PUBLIC_URL: " " })).toMatchObject({ port: 4600, publicUrl: null });
  });

  it("OP-10 a secret is in no message", () => {
    const problems = problemsOf({
      AUTH_SECRET: "hunter4",
      SECRETS_KEY: "hunter5",
      DATABASE_URL: "mysql://wf:hunter2@db/wf?password=hunter2",
      REDIS_URL: "wf:hunter3@redis",
    }).join("\n");
    expect(problems).not.toContain("hunter");
    expect(problems).toContain("**** (7 characters)");
    expect(problems).toContain("mysql://wf:****@db/wf?password=****");
  });

  it("OP-3 OP-4 stores and secrets may be absent before `up` has made them", () => {
    expect(readDraftConfig({})).toMatchObject({ databaseUrl: null, redisUrl: null, authSecret: null });
  });

  it("WS-1 the home's tilde is expanded and run logs live in it", () => {
    const config = configOf({ WAKEFLEET_HOME: "/srv/wf", WAKEFLEET_INSTANCE_ID: "blue" });
    expect(config.runLogDir).toBe("/srv/wf/instances/blue/data/run-logs");
    expect(configOf({}).wakefleetHome).toMatch(/^\/.*\.wakefleet$/);
  });

  it.each([
    ["0.0.0.0", false],
    ["192.168.1.4", false],
    ["wakefleet.example.com", false],
    ["127.0.0.1", true],
    ["127.8.8.8", true],
    ["localhost", true],
    ["::1", true],
  ])("API-27 local_trusted on HOST=%s: accepted %s", (host, accepted) => {
    const problems = problemsOf({ AUTH_MODE: "local_trusted", HOST: host });
    expect(problems.length === 0).toBe(accepted);
    if (!accepted) expect(problems[0]).toContain(`HOST is "${host}"`);
  });

  it.each([
    ["redis://localhost", true],
    ["rediss://user:p%40ss@redis.example.com:6380/2", true],
    ["redis://[::1]:6379", true],
    ["redis+cluster://:pw@a:6379,b:6379,c:6379", true],
    ["rediss+sentinel://a:26379,b:26379/mymaster/1", true],
    ["redis+sentinel://a:26379,b:26379", false],
    ["redis://a,b", false],
    ["localhost:6379", false],
  ])("OP-12 REDIS_URL=%s: accepted %s", (url, accepted) => {
    expect(problemsOf({ REDIS_URL: url }).length === 0).toBe(accepted);
  });

  it("RL-28 fault points are refused outside tests", () => {
    expect(problemsOf({ WAKEFLEET_FAULTS: "x:kill", NODE_ENV: "production" })[0]).toContain("is for tests");
    expect(problemsOf({ WAKEFLEET_FAULTS: "x:kill" })[0]).toContain("is for tests");
    expect(configOf({ WAKEFLEET_FAULTS: "x:kill", NODE_ENV: "test" }).faults).toHaveLength(1);
  });
});

describe("warnings", () => {
  it("OP-10 a misspelt variable is named with the one that was meant", () => {
    expect(configOf({ WORKER_CONCURENCY: "5", DATABSE_URL: "x" }).warnings).toEqual([
      "WORKER_CONCURENCY is set but is no variable of Wakefleet. Did you mean WORKER_CONCURRENCY?",
      "DATABSE_URL is set but is no variable of Wakefleet. Did you mean DATABASE_URL?",
    ]);
  });

  it("OP-10 an ordinary environment gives none", () => {
    expect(configOf({ HOSTNAME: "a", PATH: "/bin", HOME: "/root", TERM: "xterm", POSTS: "1" }).warnings).toEqual([]);
  });
});

describe("showing the configuration", () => {
  it("OP-10 --print-config shows effective values with secrets masked", () => {
    const shown = printConfig(configOf({ PORT: "1234", SECRETS_KEY: "f".repeat(64) }));
    expect(shown).toContain("PORT=1234\n");
    expect(shown).toContain("RETRY_DELAYS_MS=120000,600000,1800000,7200000\n");
    expect(shown).toContain("DATABASE_URL=postgresql://wf:****@db:5432/wf\n");
    expect(shown).toContain("# PUBLIC_URL is not set\n");
    expect(shown).not.toMatch(/hunter|aaaa|ffff/);
  });

  it("OP-10 what is printed for open variables reads back as the same", () => {
    const config = configOf({ CORS_ORIGINS: "https://a.example,https://b.example", RETRY_JITTER: "0.5" });
    const printed = Object.fromEntries(
      printConfig(config)
        .split("\n")
        .filter((line) => line.includes("=") && !line.includes("****"))
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    ) as NodeJS.ProcessEnv;
    expect(configOf(printed)).toEqual(config);
  });

  it("OP-10 README's table has a row for every variable", () => {
    const table = configTable();
    for (const { name } of Object.values(VARIABLES)) expect(table).toContain(`| \`${name}\` |`);
  });

  it("OP-10 every example is a value that is accepted, unless a shell makes it", () => {
    for (const { name, example } of Object.values(VARIABLES)) {
      if (example.startsWith("$(")) continue;
      expect(problemsOf({ [name]: example, NODE_ENV: name === "NODE_ENV" ? example : "test" }), name).toEqual([]);
    }
  });

  it("OP-10 no text whatever makes anything but a ConfigError", () => {
    const names = Object.values(VARIABLES).map(({ name }) => name);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), fc.string({ unit: "binary" })), (env) => {
        expect(Array.isArray(problemsOf(env))).toBe(true);
      }),
    );
  });
});

describe(".env", () => {
  it("OP-10 is read, and a variable that is set wins over it", () => {
    const folder = mkdtempSync(join(tmpdir(), "wakefleet-env-"));
    try {
      writeFileSync(join(folder, ".env"), "PORT=1\nHOST=localhost\n");
      expect(loadEnvironment({ PORT: "2" }, folder)).toEqual({ PORT: "2", HOST: "localhost" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("OP-10 need not exist", () => {
    expect(loadEnvironment({ PORT: "2" }, "/nonexistent")).toEqual({ PORT: "2" });
  });
});
