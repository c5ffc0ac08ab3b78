/** Secrets on their way into a child's environment (SC-, spec 02 check 48, spec 05 checks 52 to 56), over real processes. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { readEventStream } from "../support/fleet-http.js";
import {
  createAgent,
  createCompany,
  type RunAnswer,
  readEvents,
  readOutput,
  scanKeys,
  untilEnded,
  wake,
} from "../support/fleet-work.js";

const CLI = fileURLToPath(new URL("../../apps/cli/bin/wakefleet.mjs", import.meta.url));
const OLD = "a1".repeat(32);
const NEW = "b2".repeat(32);
const VALUE = "correct-horse-battery-staple";

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ env: { SECRETS_KEY: OLD, LOG_LEVEL: "debug" } });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

async function createSecret(name: string, value: string): Promise<string> {
  const { status, body } = await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/secrets`, {
    name,
    value,
  });
  expect(status).toBe(201);
  return body.id;
}

async function runOf(script: string, env: object): Promise<RunAnswer> {
  const adapterConfig = { command: "/bin/sh", args: ["-c", script], env };
  const agentId = await createAgent(fleet, { companyId, adapterConfig });
  return untilEnded(fleet, (await wake(fleet, agentId)).id);
}

/** Every row of every table. */
async function everyRow(): Promise<string> {
  const tables = await fleet.db.sql.query<{ name: string }>(
    "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
  );
  const rows = await Promise.all(tables.map(({ name }) => fleet.db.sql.query(`SELECT to_jsonb(t.*) FROM ${name} t`)));
  return JSON.stringify(rows);
}

/** Whether any file below a folder holds a text. */
function holdsText(folder: string, text: string): boolean {
  const files = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  return files.some((file) => statSync(file).isFile() && readFileSync(file).includes(text));
}

async function everyKey(): Promise<string> {
  const found: unknown[] = [];
  for (const key of await scanKeys(fleet, "")) {
    const type = await fleet.redis.type(key);
    if (type === "hash") found.push(await fleet.redis.hgetall(key));
    else if (type === "stream") found.push(await fleet.redis.xrange(key, "-", "+"));
    else if (type === "string") found.push(await fleet.redis.get(key));
  }
  return JSON.stringify(found);
}

it("SC-5, SC-7, SC-8, SC-10 (02-48, 04-18, 05-52, 05-53, 05-54, 05-55): the child has the value; no store, log or answer does", async () => {
  const live: unknown[] = [];
  const listening = new AbortController();
  const stream = await fleet.http.open(`/api/companies/${companyId}/events/stream`, { signal: listening.signal });
  const listened = (async () => {
    try {
      for await (const event of readEventStream(stream)) live.push(event);
    } catch {
      // The test hung up.
    }
  })();

  const secretId = await createSecret("token", VALUE);
  const run = await runOf(
    `test \${#PLAIN_NAME} = ${VALUE.length} && echo present; printf %s "$PLAIN_NAME" | cut -c1-9 | tr -d '\\n'; sleep 0.2; printf '%s\\n' "\${PLAIN_NAME#?????????}"; echo "oops $PLAIN_NAME" >&2`,
    { PLAIN_NAME: { type: "secret_ref", secretId } },
  );
  expect(run).toMatchObject({ status: "succeeded" });
  expect(await readOutput(fleet, run.id)).toBe("present\n***REDACTED***\noops ***REDACTED***\n");
  const events = await readEvents(fleet, run.id);
  const invoke = events.find((event) => event.eventType === "adapter.invoke");
  expect(invoke?.payload).toMatchObject({ env: { PLAIN_NAME: "***REDACTED***" } });

  listening.abort();
  await listened;
  expect(live.length).toBeGreaterThan(0);
  const read = (path: string): Promise<string> => fleet.http.readText(path);
  const readers: Record<string, string> = {
    secrets: await read(`/api/companies/${companyId}/secrets`),
    agent: await read(`/api/agents/${run.agentId}`),
    run: await read(`/api/heartbeat-runs/${run.id}`),
    events: JSON.stringify(events),
    log: await read(`/api/heartbeat-runs/${run.id}/log`),
    activity: await read(`/api/companies/${companyId}/activity`),
    metrics: await read("/metrics"),
    live: JSON.stringify(live),
    database: await everyRow(),
    redis: await everyKey(),
    apiLog: fleet.apis.map((api) => api.lastWords(1_000_000)).join(),
    workerLog: fleet.workers.map((worker) => worker.lastWords(1_000_000)).join(),
  };
  for (const [name, text] of Object.entries(readers)) {
    expect(text.length, name).toBeGreaterThan(2);
    expect(text, name).not.toContain(VALUE);
    expect(text, name).not.toContain(Buffer.from(VALUE).toString("base64"));
  }
  await expectNothingBroken(fleet, () => 1);
});

it("SC-8, BY-9: a worker is killed between the two halves of a value; the next one keeps it out of the log, too", async () => {
  const secretId = await createSecret("halves", `${VALUE}-in-halves`);
  const env = { PLAIN_NAME: { type: "secret_ref", secretId } };
  const go = `${fleet.scratch}/go`;
  const script = `printf 'begin %s' "$(printf %s "$PLAIN_NAME" | cut -c1-12)"; while [ ! -e ${go} ]; do sleep 0.1; done; printf '%s end\\n' "\${PLAIN_NAME#????????????}"`;
  const adapterConfig = { command: "/bin/sh", args: ["-c", script], env };
  const agentId = await createAgent(fleet, { companyId, name: "Halves", adapterConfig });
  const { id } = await wake(fleet, agentId);
  await eventually("the first half to be in the log", async () => (await readOutput(fleet, id)).includes("begin"));
  await fleet.startWorker();
  await (await fleet.holderOf(id)).kill();
  writeFileSync(go, "");
  expect(await untilEnded(fleet, id)).toMatchObject({ status: "succeeded" });
  expect(await readOutput(fleet, id)).toBe("begin ***REDACTED*** end\n");
  expect(await everyRow()).not.toContain(VALUE);
  await eventually(
    "nothing of it to lie on the disk",
    () => !holdsText(fleet.processEnv["WAKEFLEET_HOME"] ?? "", VALUE),
  );
  expect(holdsText(fleet.processEnv["RUN_LOG_DIR"] ?? "", VALUE)).toBe(false);
});

it("SC-13, SC-15: the change of keys is killed in the middle; every value is still there, and going on ends it", async () => {
  const count = 130;
  const secretId = await createSecret("versions", "value of version 1");
  for (let version = 2; version <= count; version += 1) {
    await fleet.http.post(`/api/secrets/${secretId}/rotate`, { value: `value of version ${version}` });
  }
  const ids = (): Promise<{ keyId: string; count: number }[]> =>
    fleet.db.sql.query(
      "SELECT material->>'keyId' AS \"keyId\", count(*)::int AS count FROM company_secret_versions GROUP BY 1 ORDER BY 2",
    );
  const [before] = await ids();
  const rows = await fleet.db.sql.query("SELECT to_jsonb(v.*) FROM company_secret_versions v");
  expect(JSON.stringify(rows)).toContain("local_encrypted_v2");
  expect(JSON.stringify(rows)).not.toContain("value of version");
  const rotate = (faults: string) =>
    promisify(execFile)(process.execPath, [CLI, "secrets", "rotate"], {
      env: { ...fleet.processEnv, SECRETS_KEY: NEW, SECRETS_PREVIOUS_KEYS: OLD, WAKEFLEET_FAULTS: faults },
      cwd: "/",
    });
  await expect(rotate("between-secret-batches:kill:1")).rejects.toMatchObject({ signal: "SIGKILL" });
  const half = await ids();
  expect(half).toHaveLength(2);

  // A worker that has both keys reads what either of them sealed.
  for (const worker of fleet.workers) {
    worker.signal("SIGTERM");
    await worker.ended;
  }
  const both = await fleet.startWorker({ env: { SECRETS_KEY: NEW, SECRETS_PREVIOUS_KEYS: OLD } });
  const wanted = [1, 37, 75, 101, count];
  const env = Object.fromEntries(wanted.map((version) => [`V${version}`, { type: "secret_ref", secretId, version }]));
  const check = wanted.map((version) => `test "$V${version}" = "value of version ${version}"`).join(" && ");
  expect(await runOf(check, env)).toMatchObject({ status: "succeeded", exitCode: 0 });

  const { stdout } = await rotate("");
  expect(stdout).toContain("of secrets anew");
  const after = await ids();
  expect(after).toHaveLength(1);
  expect(after[0]?.keyId).not.toBe(before?.keyId);

  // Now the new key alone is enough, and a process with the old one alone does not start.
  both.signal("SIGTERM");
  await both.ended;
  await fleet.startWorker({ env: { SECRETS_KEY: NEW } });
  expect(await runOf(check, env)).toMatchObject({ status: "succeeded", exitCode: 0 });
  await expect(fleet.startWorker()).rejects.toThrow(
    /The worker could not start\. The secrets of this fleet are encrypted/,
  );
});
