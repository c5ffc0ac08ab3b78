/** What the database itself refuses, whatever the code above it does. */
import { randomUUID } from "node:crypto";
import { createTestDatabase, type TestDatabase } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../src/database.js";

let testDatabase: TestDatabase;
let database: Database;
let companyId: string;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ url: testDatabase.url, maxConnections: 2 });
  companyId = await insert("companies", { name: "Acme" });
});

afterAll(async () => {
  await database?.close();
  await testDatabase?.drop();
});

/** Inserts a row by its columns and returns its id. */
async function insert(table: string, row: Record<string, unknown>): Promise<string> {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${index + 1}`);
  const [inserted] = await database.sql.query<{ id: string }>(
    `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places.join(", ")}) RETURNING id`,
    Object.values(row),
  );
  return inserted!.id;
}

const anAgent = (row: Record<string, unknown> = {}): Promise<string> =>
  insert("agents", { company_id: companyId, name: randomUUID(), ...row });

const aRun = (agentId: string, row: Record<string, unknown> = {}): Promise<string> =>
  insert("heartbeat_runs", { company_id: companyId, agent_id: agentId, ...row });

const aWakeup = (agentId: string, row: Record<string, unknown> = {}): Promise<string> =>
  insert("agent_wakeup_requests", { company_id: companyId, agent_id: agentId, source: "on_demand", ...row });

const anIssue = (row: Record<string, unknown> = {}): Promise<string> =>
  insert("issues", { company_id: companyId, title: "Mend the roof", ...row });

const running = (slot: number): Record<string, unknown> => ({
  status: "running",
  worker_id: randomUUID(),
  lease_expires_at: new Date(),
  run_slot: slot,
});

/** Name of the constraint or index that refuses `statement`; "accepted" when nothing does. */
async function refusalOf(statement: Promise<unknown>): Promise<string> {
  try {
    await statement;
    return "accepted";
  } catch (error) {
    return (error as { constraint?: string }).constraint ?? String(error);
  }
}

describe("closed and open sets (DM-5)", () => {
  it("DM-5 refuses a run with a status that does not exist (check 5)", async () => {
    expect(await refusalOf(aRun(await anAgent(), { status: "bogus" }))).toBe("HeartbeatRunStatus");
  });

  it("DM-5 accepts an adapter type it has never heard of (check 6)", async () => {
    expect(await refusalOf(anAgent({ adapter_type: "my_adapter" }))).toBe("accepted");
  });
});

describe("wakeup requests", () => {
  it("DM-25 refuses a second request with the agent's key, whatever its status (check 7)", async () => {
    const agentId = await anAgent();
    await aWakeup(agentId, { idempotency_key: "k", status: "completed", finished_at: new Date() });
    expect(await refusalOf(aWakeup(agentId, { idempotency_key: "k" }))).toBe(
      "agent_wakeup_requests_agent_idempotency_uq",
    );
    expect(await refusalOf(aWakeup(await anAgent(), { idempotency_key: "k" }))).toBe("accepted");
    expect(await refusalOf(Promise.all([aWakeup(agentId), aWakeup(agentId)]))).toBe("accepted");
  });

  it("DM-26 refuses a second deferred request for an agent and issue", async () => {
    const agentId = await anAgent();
    const deferred = { status: "deferred_issue_execution", issue_id: "i" };
    await aWakeup(agentId, deferred);
    expect(await refusalOf(aWakeup(agentId, deferred))).toBe("agent_wakeup_requests_deferred_uq");
    expect(await refusalOf(aWakeup(agentId, { ...deferred, issue_id: "j" }))).toBe("accepted");
  });

  it.each([
    ["skipped", {}, "agent_wakeup_requests_final_is_finished"],
    ["timed_out", {}, "agent_wakeup_requests_final_is_finished"],
    ["timed_out", { finished_at: new Date() }, "accepted"],
    ["queued", { finished_at: new Date() }, "agent_wakeup_requests_waiting_is_unfinished"],
    ["deferred_issue_execution", { finished_at: new Date() }, "agent_wakeup_requests_waiting_is_unfinished"],
    ["claimed", {}, "agent_wakeup_requests_claimed_at_when_claimed"],
    ["claimed", { claimed_at: new Date() }, "accepted"],
  ])("DM-28 a request that is %s with %j: %s", async (status, times, expected) => {
    expect(await refusalOf(aWakeup(await anAgent(), { status, ...times }))).toBe(expected);
  });
});

describe("runs", () => {
  it("DM-36 refuses more running runs than the agent allows, by whatever slot (check 19)", async () => {
    const agentId = await anAgent({ max_concurrent_runs: 2 });
    await aRun(agentId, running(1));
    await aRun(agentId, running(2));
    const third = await aRun(agentId);
    const start = (slot: number | null): Promise<unknown> =>
      database.sql.query(
        "UPDATE heartbeat_runs SET status = 'running', worker_id = gen_random_uuid(), lease_expires_at = now(), run_slot = $2 WHERE id = $1",
        [third, slot],
      );
    expect(await refusalOf(start(null))).toBe("heartbeat_runs_running_is_claimed");
    expect(await refusalOf(start(0))).toBe("heartbeat_runs_run_slot_range");
    expect(await refusalOf(start(1))).toBe("heartbeat_runs_agent_slot_uq");
    expect(await refusalOf(start(2))).toBe("heartbeat_runs_agent_slot_uq");
    expect(await refusalOf(start(3))).toBe("heartbeat_runs_slot_within_limit");
    expect(await refusalOf(aRun(agentId, running(3)))).toBe("heartbeat_runs_slot_within_limit");
  });

  it("DM-36 lets runs that already run go on when the limit is lowered", async () => {
    const agentId = await anAgent({ max_concurrent_runs: 5 });
    const run = await aRun(agentId, running(5));
    await database.sql.query("UPDATE agents SET max_concurrent_runs = 1 WHERE id = $1", [agentId]);
    const renew = database.sql.query(
      "UPDATE heartbeat_runs SET lease_expires_at = now(), updated_at = now() WHERE id = $1",
      [run],
    );
    expect(await refusalOf(renew)).toBe("accepted");
  });

  it("DM-36 refuses two running runs that hold one issue's lock (check 20)", async () => {
    const lock = { lock_issue_id: randomUUID() };
    const first = await aRun(await anAgent(), { ...running(1), ...lock });
    const second = await anAgent();
    expect(await refusalOf(aRun(second, { ...running(1), ...lock }))).toBe("heartbeat_runs_lock_issue_uq");
    await database.sql.query(
      "UPDATE heartbeat_runs SET status = 'failed', finished_at = now(), lease_expires_at = NULL, run_slot = NULL WHERE id = $1",
      [first],
    );
    expect(await refusalOf(aRun(second, { ...running(1), ...lock }))).toBe("accepted");
  });

  it.each([
    ["running without a worker", { ...running(1), worker_id: null }, "heartbeat_runs_running_is_claimed"],
    ["running without a lease", { ...running(1), lease_expires_at: null }, "heartbeat_runs_running_is_claimed"],
    ["running without a slot", { ...running(1), run_slot: null }, "heartbeat_runs_running_is_claimed"],
    ["running and finished", { ...running(1), finished_at: new Date() }, "heartbeat_runs_finished_when_terminal"],
    ["succeeded and not finished", { status: "succeeded" }, "heartbeat_runs_finished_when_terminal"],
    ["queued and finished", { finished_at: new Date() }, "heartbeat_runs_finished_when_terminal"],
    ["queued with a lease", { lease_expires_at: new Date() }, "heartbeat_runs_idle_holds_nothing"],
    [
      "ended with a slot",
      { status: "failed", finished_at: new Date(), run_slot: 1 },
      "heartbeat_runs_idle_holds_nothing",
    ],
    ["a retry without a due time", { status: "scheduled_retry" }, "heartbeat_runs_retry_is_due"],
    ["a claim token below zero", { claim_token: -1 }, "heartbeat_runs_claim_token_not_negative"],
    ["an eleventh slot", { ...running(11) }, "heartbeat_runs_slot_within_limit"],
    ["ended with its worker kept", { status: "failed", finished_at: new Date(), worker_id: randomUUID() }, "accepted"],
  ])("DM-37 a run that is %s", async (_, row, expected) => {
    expect(await refusalOf(aRun(await anAgent({ max_concurrent_runs: 10 }), row))).toBe(expected);
  });

  it("DM-41 refuses a second event with the run's number (check 11)", async () => {
    const agentId = await anAgent();
    const run = await aRun(agentId);
    const event = { company_id: companyId, run_id: run, agent_id: agentId, seq: 1, event_type: "lifecycle" };
    await insert("heartbeat_run_events", event);
    expect(await refusalOf(insert("heartbeat_run_events", event))).toBe("heartbeat_run_events_run_seq_uq");
  });
});

describe("the rest", () => {
  it.each([0, 11, -3])("DM-21 refuses a limit of %i runs", async (max) => {
    expect(await refusalOf(anAgent({ max_concurrent_runs: max }))).toBe("agents_max_concurrent_runs_range");
  });

  it("DM-50 refuses an issue assigned to an agent and a person", async () => {
    const both = { assignee_agent_id: await anAgent(), assignee_user_id: "ada" };
    expect(await refusalOf(anIssue(both))).toBe("issues_one_assignee");
  });

  it.each([
    ["DM-51", "harness_liveness_escalation", "issues_active_liveness_recovery_incident_uq"],
    ["DM-53", "stale_active_run_evaluation", "issues_active_stale_run_evaluation_uq"],
    ["DM-54", "stranded_issue_recovery", "issues_active_stranded_issue_recovery_uq"],
    ["DM-55", "issue_productivity_review", "issues_active_productivity_review_uq"],
  ])(
    "%s refuses a second open %s issue of one origin, and allows one after it is done",
    async (_, origin_kind, index) => {
      const origin = { origin_kind, origin_id: randomUUID() };
      const first = await anIssue(origin);
      expect(await refusalOf(anIssue(origin))).toBe(index);
      await database.sql.query("UPDATE issues SET status = 'done', completed_at = now() WHERE id = $1", [first]);
      expect(await refusalOf(anIssue(origin))).toBe("accepted");
    },
  );

  it("DM-52 refuses a second open escalation with one fingerprint, except the default one", async () => {
    const escalation = (origin_fingerprint: string): Promise<string> =>
      anIssue({ origin_kind: "harness_liveness_escalation", origin_id: randomUUID(), origin_fingerprint });
    await escalation("leaf");
    expect(await refusalOf(escalation("leaf"))).toBe("issues_active_liveness_recovery_leaf_uq");
    await escalation("default");
    expect(await refusalOf(escalation("default"))).toBe("accepted");
  });

  it("DM-58 refuses an issue that blocks itself, and an edge twice", async () => {
    const [blocker, blocked] = [await anIssue(), await anIssue()];
    const edge = { company_id: companyId, issue_id: blocker, related_issue_id: blocked, type: "blocks" };
    expect(await refusalOf(insert("issue_relations", { ...edge, related_issue_id: blocker }))).toBe(
      "issue_relations_not_itself",
    );
    await insert("issue_relations", edge);
    expect(await refusalOf(insert("issue_relations", edge))).toBe("issue_relations_company_edge_uq");
  });

  it("DM-75 refuses a second local environment of a company (check 35)", async () => {
    const environment = { company_id: companyId, name: "Local" };
    await insert("environments", environment);
    expect(await refusalOf(insert("environments", environment))).toBe("environments_company_driver_idx");
    expect(await refusalOf(insert("environments", { ...environment, driver: "ssh" }))).toBe("accepted");
  });

  it("DM-79 books a run's cost once", async () => {
    const cost = {
      company_id: companyId,
      agent_id: await anAgent(),
      provider: "p",
      model: "m",
      cost_cents: 1,
      occurred_at: new Date(),
    };
    await insert("cost_events", { ...cost, dedupe_key: "run:1" });
    expect(await refusalOf(insert("cost_events", { ...cost, dedupe_key: "run:1" }))).toBe("cost_events_dedupe_key_uq");
    expect(await refusalOf(Promise.all([insert("cost_events", cost), insert("cost_events", cost)]))).toBe("accepted");
  });

  it("DM-83 refuses an enqueue key for every company, and a key's hash twice (check 37)", async () => {
    const key = { scope: "admin", name: "n", key_prefix: "wf_admin_abc", key_hash: "ab".repeat(32) };
    await insert("api_keys", key);
    expect(await refusalOf(insert("api_keys", key))).toBe("api_keys_key_hash_idx");
    expect(await refusalOf(insert("api_keys", { ...key, key_hash: "cd".repeat(32), scope: "enqueue" }))).toBe(
      "api_keys_every_company_scope",
    );
  });
});
