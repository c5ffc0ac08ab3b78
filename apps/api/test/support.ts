/** An API of its own for each test file: its own database, its own corner of Redis, a real listening port. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "@wakefleet/config";
import { type Database, ensureAdminKey, openDatabase } from "@wakefleet/store";
import { createLogger } from "@wakefleet/telemetry";
import { createTestDatabase, type TestDatabase, testRedisPrefix, testRedisUrl } from "@wakefleet/testkit";
import { type RunningApi, startApi } from "../src/start-api.js";

export const AUTH_SECRET = "tests-sign-with-this-and-only-this-secret";

/** JSON as a test reads it: shapes are asserted, not typed. */
// biome-ignore lint/suspicious/noExplicitAny: answers of the API are what these tests look into.
export type Json = any;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
  readonly text: string;
}

export interface CallOptions {
  /** A bearer token; absent: the first admin key; null: none. */
  readonly key?: string | null;
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

export interface TestApi {
  readonly api: RunningApi;
  readonly url: string;
  readonly adminKey: string;
  readonly db: Database;
  readonly databaseUrl: string;
  readonly prefix: string;
  readonly logDir: string;
  /** Everything the process logged. */
  readonly logged: string[];
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  stop(): Promise<void>;
}

export async function startTestApi(
  env: Record<string, string> = {},
  makeDatabase: () => Promise<TestDatabase> = createTestDatabase,
): Promise<TestApi> {
  const database = await makeDatabase();
  const prefix = testRedisPrefix();
  const folder = await mkdtemp(join(tmpdir(), "wakefleet-api-"));
  const logged: string[] = [];
  const config = readConfig({
    NODE_ENV: "test",
    DATABASE_URL: database.url,
    REDIS_URL: testRedisUrl(),
    REDIS_PREFIX: prefix,
    AUTH_SECRET,
    HOST: "127.0.0.1",
    PORT: "0",
    RUN_LOG_DIR: join(folder, "logs"),
    WAKEFLEET_HOME: folder,
    RATE_LIMIT_READS: "0",
    RATE_LIMIT_WRITES: "0",
    RATE_LIMIT_FAILED_AUTH: "0",
    ...env,
  });
  const log = createLogger({ level: "debug", name: "api", pretty: false, write: (line) => void logged.push(line) });
  const api = await startApi({ config, log });
  const db = openDatabase({ url: database.url, maxConnections: 3 });
  const key = await db.transaction((tx) => ensureAdminKey(tx, "tests"));
  if (key === null) throw new Error("the test database already had a key");

  return {
    api,
    url: api.url,
    adminKey: key.token,
    db,
    databaseUrl: database.url,
    prefix,
    logDir: config.runLogDir,
    logged,
    async call(method, path, options = {}) {
      const token = options.key === undefined ? key.token : options.key;
      const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
      const response = await fetch(new URL(path, api.url), {
        method,
        redirect: "manual",
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(options.body === undefined ? {} : { "content-type": "application/json" }),
          ...options.headers,
        },
        ...(body === undefined ? {} : { body: body as NonNullable<RequestInit["body"]> }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: parsed(text) };
    },
    async stop() {
      await api.stop();
      await db.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A company, and ways to make what lives in it. */
export interface TestCompany {
  readonly id: string;
  agent(body?: object): Promise<Json>;
  issue(body?: object): Promise<Json>;
}

let counter = 0;

export async function aCompany(api: TestApi, body: object = {}): Promise<TestCompany> {
  counter += 1;
  const made = await expectStatus(
    api.call("POST", "/api/companies", { body: { name: `Company ${counter}`, ...body } }),
    201,
  );
  const { id } = made.body;
  return {
    id,
    async agent(agent = {}) {
      counter += 1;
      const body = { name: `Agent ${counter}`, adapterConfig: { command: "true" }, ...agent };
      return (await expectStatus(api.call("POST", `/api/companies/${id}/agents`, { body }), 201)).body;
    },
    async issue(issue = {}) {
      const body = { title: "An issue", ...issue };
      return (await expectStatus(api.call("POST", `/api/companies/${id}/issues`, { body }), 201)).body;
    },
  };
}

/** A key of a scope. */
export async function aKey(api: TestApi, body: object): Promise<{ id: string; token: string }> {
  return (await expectStatus(api.call("POST", "/api/keys", { body: { name: "k", ...body } }), 201)).body;
}

/** A key of an agent. */
export async function anAgentKey(api: TestApi, agentId: string): Promise<string> {
  return (await expectStatus(api.call("POST", `/api/agents/${agentId}/keys`, { body: {} }), 201)).body.token;
}

/** Fails with the whole answer when the status is another. */
export async function expectStatus(reply: Promise<Reply>, status: number): Promise<Reply> {
  const got = await reply;
  if (got.status !== status) throw new Error(`expected ${status}, got ${got.status}: ${got.text.slice(0, 2_000)}`);
  return got;
}

/** Puts a run of an agent into the state of running, as a claim would. */
export async function markRunning(api: TestApi, run: { id: string; agentId: string }, token = 1): Promise<void> {
  const [worker] = await api.db.sql.query<{ id: string }>(
    "INSERT INTO workers (hostname, boot_id, pid, version, capacity) VALUES ('h', 'b', 1, 't', 1) RETURNING id",
  );
  await api.db.sql.query(
    `UPDATE heartbeat_runs SET status = 'running', worker_id = $2, claim_token = $3, start_token = $3, run_slot = (
        SELECT min(s) FROM generate_series(1, 10) s WHERE NOT EXISTS (
          SELECT 1 FROM heartbeat_runs o WHERE o.agent_id = $4 AND o.status = 'running' AND o.run_slot = s)),
        lease_expires_at = now() + interval '1 hour', started_at = now() WHERE id = $1`,
    [run.id, worker?.id, token, run.agentId],
  );
}

/** Ends a run, `agoSec` seconds ago. */
export async function markEnded(api: TestApi, runId: string, agoSec = 0): Promise<void> {
  await api.db.sql.query(
    `UPDATE heartbeat_runs SET status = 'succeeded', lease_expires_at = NULL, run_slot = NULL, lock_issue_id = NULL,
        finished_at = now() - $2 * interval '1 second', finalized_at = now() WHERE id = $1`,
    [runId, agoSec],
  );
}
