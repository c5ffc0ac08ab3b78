/** The secrets of a run (SC-5 to SC-10), on a real database: who gets the value, and that nobody else does. */
import { randomUUID } from "node:crypto";
import type { AdapterExecutionContext } from "@wakefleet/adapters";
import { type JsonObject, REDACTED } from "@wakefleet/contracts";
import { aCompany, anAgent, anIssue, aRun, insertRow } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { sealValue, secretsKeyring } from "../src/secrets/sealed-value.js";
import { done, type Play, TEST_KEYRING, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

/** A secret with these versions, the last of them the latest. */
async function aSecret(
  values: readonly string[],
  how: { company?: string; keyring?: typeof TEST_KEYRING } = {},
): Promise<string> {
  const secretId = await insertRow(world.db.sql, "company_secrets", {
    companyId: how.company ?? companyId,
    name: `secret ${randomUUID()}`,
    latestVersion: values.length,
  });
  for (const [index, value] of values.entries()) {
    const version = index + 1;
    const { material, valueHash } = sealValue(how.keyring ?? TEST_KEYRING, { secretId, version, value });
    await insertRow(world.db.sql, "company_secret_versions", { secretId, version, material, valueSha256: valueHash });
  }
  return secretId;
}

const ref = (secretId: string, version?: number): JsonObject =>
  version === undefined ? { type: "secret_ref", secretId } : { type: "secret_ref", secretId, version };

async function run(how: { env?: JsonObject; play?: Play; run?: object; issue?: object }) {
  let seen: AdapterExecutionContext | null = null;
  const agentId = await anAgent(world.db.sql, {
    companyId,
    adapterConfig: { command: "agent", ...(how.env === undefined ? {} : { env: how.env }) },
  });
  const issueId = how.issue && (await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId, ...how.issue }));
  const id = await aRun(world.db.sql, {
    companyId,
    agentId,
    ...(issueId === undefined ? {} : { issueId }),
    ...how.run,
  });
  const worker = await world.worker((context) => {
    seen = context;
    return how.play?.(context) ?? done;
  });
  await worker.work({ id, agentId });
  const config = (seen as AdapterExecutionContext | null)?.config ?? null;
  return { id, env: (config?.["env"] ?? null) as JsonObject | null, row: await world.run(id) };
}

/** What the agent printed, without the service's own lines. */
function printed(excerpt: string | null): string {
  return (excerpt ?? "").replace(/^\[wakefleet\] .*\n/gm, "");
}

/** Everything the database holds of a run, and everything that was sent about it. */
async function traces(runId: string): Promise<string> {
  const rows = await world.db.sql.query(
    `SELECT to_jsonb(r.*) FROM heartbeat_runs r WHERE id = $1
      UNION ALL SELECT to_jsonb(e.*) FROM heartbeat_run_events e WHERE run_id = $1
      UNION ALL SELECT to_jsonb(a.*) FROM activity_log a WHERE run_id = $1
      UNION ALL SELECT to_jsonb(w.*) FROM agent_wakeup_requests w WHERE run_id = $1`,
    [runId],
  );
  return JSON.stringify([rows, world.told.events, world.told.jobs]);
}

describe("SC-5, SC-6 what a child gets", () => {
  it("SC-1, SC-5 check 52, 54: plain values, the newest version and a pinned one", async () => {
    const secretId = await aSecret(["the first value", "the second value"]);
    const env = { A: "x", B: { type: "plain", value: "y" }, C: ref(secretId), D: ref(secretId, 1) };
    const { env: got, row } = await run({ env });
    expect(got).toEqual({ A: "x", B: "y", C: "the second value", D: "the first value" });
    expect(row.status).toBe("succeeded");
  });

  it("SC-5, CX-4 only env is resolved, and the agent's own config is left as it is", async () => {
    const secretId = await aSecret(["a value of length"]);
    let config: JsonObject = {};
    let stored: JsonObject = {};
    const { row } = await run({
      env: { A: ref(secretId) },
      play: (context) => {
        config = context.config;
        stored = context.agent.adapterConfig;
        return done;
      },
    });
    expect(config).toMatchObject({ command: "agent", env: { A: "a value of length" } });
    expect(stored["env"]).toEqual({ A: ref(secretId) });
    expect(row.status).toBe("succeeded");
  });

  it("SC-6 check 52: the project's env lies over the agent's, name by name, with its secrets", async () => {
    const secretId = await aSecret(["value of the project"]);
    const env = { B: ref(secretId), C: { type: "plain", value: "of the project" } };
    const projectId = await insertRow(world.db.sql, "projects", { companyId, name: "P", env });
    const byIssue = await run({ env: { A: "mine", B: "mine", C: "mine" }, issue: { projectId } });
    expect(byIssue.env).toEqual({ A: "mine", B: "value of the project", C: "of the project" });
    const byContext = await run({ run: { contextSnapshot: { projectId } } });
    expect(byContext.env).toEqual({ B: "value of the project", C: "of the project" });
  });

  it("SC-6 a project of another company gives nothing", async () => {
    const foreign = await aCompany(world.db.sql);
    const projectId = await insertRow(world.db.sql, "projects", {
      companyId: foreign,
      name: "P",
      env: { A: "theirs" },
    });
    expect((await run({ env: { B: "mine" }, run: { contextSnapshot: { projectId } } })).env).toEqual({ B: "mine" });
  });
});

describe("SC-9 what is not to be had", () => {
  it.each<[string, () => Promise<JsonObject>, string]>([
    ["no such secret", async () => ref(randomUUID()), "Secret not found (KEY)"],
    [
      "another company's secret",
      async () => ref(await aSecret(["not for you"], { company: await aCompany(world.db.sql) })),
      "Secret not found (KEY)",
    ],
    ["no such version", async () => ref(await aSecret(["one value"]), 2), "Secret version not found (KEY)"],
    [
      "a value of a foreign key",
      async () => ref(await aSecret(["one value"], { keyring: secretsKeyring(new Uint8Array(32).fill(9)) })),
      "The value was encrypted with a key that this process does not have (KEY)",
    ],
  ])("SC-9, CX-3 %s: the run fails before it starts, with its code", async (_what, make, message) => {
    const { env, row, id } = await run({ env: { KEY: await make() } });
    expect(env).toBeNull();
    expect(row).toMatchObject({ status: "failed", errorCode: "secret_unavailable", error: message });
    const events = await world.db.sql.query<{ message: string }>(
      "SELECT message FROM heartbeat_run_events WHERE run_id = $1 AND event_type = 'error'",
      [id],
    );
    expect(events).toEqual([{ message }]);
  });

  it("SC-13, DM-76 check 36 of the data model: material copied onto another secret's row does not resolve there", async () => {
    const [one, two] = [await aSecret(["value number one"]), await aSecret(["value number two"])];
    await world.db.sql.query(
      `UPDATE company_secret_versions t SET material = s.material FROM company_secret_versions s
        WHERE s.secret_id = $1 AND t.secret_id = $2`,
      [one, two],
    );
    expect((await run({ env: { A: ref(one) } })).env).toEqual({ A: "value number one" });
    const copied = await run({ env: { A: ref(two) } });
    expect(copied.env).toBeNull();
    expect(copied.row).toMatchObject({ errorCode: "secret_unavailable" });
  });

  it("CX-2, check 12: a set-up failure leaves the task session as it was", async () => {
    const agentId = await anAgent(world.db.sql, { companyId, adapterConfig: { env: { KEY: ref(randomUUID()) } } });
    const session = {
      companyId,
      agentId,
      adapterType: "process",
      taskKey: "k",
      sessionParamsJson: { sessionId: "s1" },
    };
    await insertRow(world.db.sql, "agent_task_sessions", session);
    const id = await aRun(world.db.sql, { companyId, agentId, taskKey: "k" });
    await (await world.worker()).work({ id, agentId });
    const [row] = await world.db.sql.query<{ params: JsonObject; error: string | null }>(
      `SELECT session_params_json AS params, last_error AS error FROM agent_task_sessions WHERE agent_id = $1`,
      [agentId],
    );
    expect(row).toEqual({ params: { sessionId: "s1" }, error: null });
  });
});

describe("SC-7, SC-8, SC-10 nobody else sees a value", () => {
  const VALUE = "correct-horse-battery-staple";

  it("SC-7, SC-8, SC-10 checks 52 and 53: not in events, log, excerpts, result, live events, context or jobs", async () => {
    const secretId = await aSecret([VALUE]);
    const meta = {
      adapterType: "process",
      command: "agent",
      cwd: "/w",
      commandArgs: [`--key=${VALUE}`],
      commandNotes: [],
      env: { PLAIN_NAME: VALUE, COPY: `x${VALUE}`, OTHER: "shown" },
      prompt: `use ${VALUE}`,
      promptMetrics: {},
      context: {},
    };
    const { id, row } = await run({
      env: { PLAIN_NAME: ref(secretId) },
      play: async ({ onMeta, onLog }) => {
        await onMeta?.(meta);
        await onLog("stdout", `it is ${VALUE.slice(0, 9)}`);
        await onLog("stderr", "meanwhile\n");
        await onLog("stdout", `${VALUE.slice(9)}, and ${VALUE.slice(0, 5)}`);
        return { ...done, summary: `I used ${VALUE}`, resultJson: { deep: [{ [VALUE]: `=${VALUE}` }] } };
      },
    });
    expect(row.status).toBe("succeeded");
    expect(printed(row.stdoutExcerpt)).toBe(`it is ${REDACTED}, and ${VALUE.slice(0, 5)}`);
    expect(row.resultJson).toMatchObject({ summary: `I used ${REDACTED}`, deep: [{ [REDACTED]: `=${REDACTED}` }] });
    const [event] = await world.db.sql.query<{ payload: JsonObject }>(
      "SELECT payload FROM heartbeat_run_events WHERE run_id = $1 AND event_type = 'adapter.invoke'",
      [id],
    );
    expect(event?.payload).toMatchObject({
      commandArgs: [`--key=${REDACTED}`],
      env: { PLAIN_NAME: REDACTED, COPY: `x${REDACTED}`, OTHER: "shown" },
      prompt: `use ${REDACTED}`,
    });
    expect(await traces(id)).not.toContain(VALUE);
  });

  it("SC-8 not in the error of a run whose adapter failed or threw", async () => {
    const secretId = await aSecret([VALUE]);
    for (const play of [
      (): never => {
        throw new Error(`refused ${VALUE}`, { cause: new Error(VALUE) });
      },
      () => ({ ...done, exitCode: 1, errorMessage: `refused ${VALUE}` }),
    ]) {
      const { id, row } = await run({ env: { KEY: ref(secretId) }, play });
      expect(row).toMatchObject({ status: "failed", error: `refused ${REDACTED}` });
      expect(await traces(id)).not.toContain(VALUE);
    }
  });

  it("SC-7 a short value is no needle for texts, but its name shows nothing either", async () => {
    const secretId = await aSecret(["abc"]);
    const { id } = await run({
      env: { PIN: ref(secretId) },
      play: async ({ onMeta, onLog }) => {
        const meta = { adapterType: "process", command: "c", cwd: null, commandArgs: [], commandNotes: [] };
        await onMeta?.({ ...meta, env: { PIN: "abc" }, prompt: null, promptMetrics: {}, context: {} });
        await onLog("stdout", "the abc of it\n");
        return done;
      },
    });
    const [event] = await world.db.sql.query<{ payload: JsonObject }>(
      "SELECT payload FROM heartbeat_run_events WHERE run_id = $1 AND event_type = 'adapter.invoke'",
      [id],
    );
    expect(event?.payload["env"]).toEqual({ PIN: REDACTED });
    expect(printed((await world.run(id)).stdoutExcerpt)).toBe("the abc of it\n");
  });
});

describe("IN-2, SC-22 the OS user's name", () => {
  it("IN-1, IN-2, SC-22, LG-2 is masked in log, excerpt, result and error while the instance says so, and stays while it does not", async () => {
    const play: Play = async ({ onLog }) => {
      await onLog("stdout", "in /home/ada/work as ada, not adamant\n");
      return { ...done, exitCode: 1, errorMessage: "no /home/ada/x", resultJson: { at: ["/home/ada"] } };
    };
    const plain = await run({ play });
    expect(plain.row).toMatchObject({ error: "no /home/ada/x", resultJson: { at: ["/home/ada"] } });
    await world.db.sql.query(
      `INSERT INTO instance_settings (singleton_key, general) VALUES ('default', '{"censorUsernameInLogs": true}')
       ON CONFLICT (singleton_key) DO UPDATE SET general = excluded.general`,
    );
    const masked = await run({ play });
    expect(masked.row).toMatchObject({ error: "no /home/a**/x", resultJson: { at: ["/home/a**"] } });
    expect(printed(masked.row.stdoutExcerpt)).toBe("in /home/a**/work as a**, not adamant\n");
  });
});
