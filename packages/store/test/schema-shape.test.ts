/** The migrated database against the specification's tables: names, types, nullability, defaults, keys, indexes, closed sets. */
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../src/database.js";
import { compareSchemaFacts, readSchemaFacts, type SchemaDifference, type SchemaFact } from "../src/migrate/catalog.js";
import { readSpecTables, specTablesAsSql } from "./schema-tables.js";

/** Constraints that are rules in the specification's prose, not lines of its tables. */
const RULE_CONSTRAINTS = [
  "agent_wakeup_requests.agent_wakeup_requests_claimed_at_when_claimed", // DM-28
  "agent_wakeup_requests.agent_wakeup_requests_final_is_finished", // DM-28
  "agent_wakeup_requests.agent_wakeup_requests_waiting_is_unfinished", // DM-28
  "agents.agents_max_concurrent_runs_range", // DM-21
  "api_keys.api_keys_every_company_scope", // DM-83
  "budget_policies.budget_policies_amount_not_negative", // DM-78
  "budget_policies.budget_policies_warn_percent_range", // DM-78
  "companies.companies_attachment_max_bytes_range", // DM-20
  "cost_events.cost_events_cost_cents_not_negative", // DM-79
  "heartbeat_run_events.heartbeat_run_events_seq_positive", // DM-40
  "heartbeat_runs.heartbeat_runs_claim_token_not_negative", // DM-37
  "heartbeat_runs.heartbeat_runs_finished_when_terminal", // DM-37
  "heartbeat_runs.heartbeat_runs_idle_holds_nothing", // DM-37
  "heartbeat_runs.heartbeat_runs_retry_is_due", // DM-37
  "heartbeat_runs.heartbeat_runs_run_slot_range", // DM-36
  "heartbeat_runs.heartbeat_runs_running_is_claimed", // DM-37
  "issue_relations.issue_relations_not_itself", // DM-58
  "issues.issues_one_assignee", // DM-50
  "workers.workers_capacity_at_least_one", // DM-43
];

/** Foreign keys without an index of their own (DM-14), each with its reason. */
const UNINDEXED_FOREIGN_KEYS = [
  "cost_events.agent_id", // an agent with cost events is not deleted (DM-16)
  "heartbeat_run_events.agent_id", // deleted by run; the largest table keeps few indexes
  "heartbeat_runs.agent_id", // read by (company_id, agent_id, …); only an agent's deletion asks without the company
  "heartbeat_runs.provider_account_id", // an account goes with its company only; its running runs have an index
];

let migrated: TestDatabase;
let spec: TestDatabase;
let database: Database;
let actual: SchemaFact[];
let differences: SchemaDifference[];

beforeAll(async () => {
  [migrated, spec] = await Promise.all([createTestDatabase(), createEmptyTestDatabase()]);
  database = openDatabase({ url: migrated.url, maxConnections: 2 });
  const specDatabase = openDatabase({ url: spec.url, maxConnections: 1, statementTimeoutMs: 60_000 });
  await specDatabase.pool.query(specTablesAsSql(readSpecTables()));
  actual = await readSchemaFacts(database.sql);
  differences = compareSchemaFacts(await readSchemaFacts(specDatabase.sql), actual);
  await specDatabase.close();
});

afterAll(async () => {
  await database?.close();
  await Promise.all([migrated?.drop(), spec?.drop()]);
});

const differing = (kind: string): SchemaDifference[] => differences.filter((difference) => difference.kind === kind);

describe("the migrated schema", () => {
  it("DM-20..DM-84 has every table of the specification and no other", () => {
    expect(differing("table")).toEqual([]);
    expect(actual.filter((fact) => fact.kind === "table")).toHaveLength(readSpecTables().length);
  });

  it("DM-20..DM-84 has every column with its type, nullability and default (check 3)", () => {
    expect(differing("column")).toEqual([]);
  });

  it("DM-5, DM-9 has every closed set and every foreign key as written (check 4), and no constraint without a rule", () => {
    const unexplained = differing("constraint").filter((difference) => difference.problem !== "extra");
    expect(unexplained).toEqual([]);
    const extra = differing("constraint").filter((difference) => difference.problem === "extra");
    expect(extra.map((difference) => difference.name).sort()).toEqual(RULE_CONSTRAINTS);
  });

  it("DM-9 has no foreign key with RESTRICT, and none that acts on update (check 4)", async () => {
    const wrong = await database.sql.query(
      "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f' AND (confdeltype = 'r' OR confupdtype <> 'a')",
    );
    expect(wrong).toEqual([]);
  });

  it("DM-31, DM-32, DM-51..DM-55 has every index with its columns and predicate, and no other", () => {
    expect(differing("index")).toEqual([]);
  });

  it("DM-14 has an index that begins with each foreign key", async () => {
    const unindexed = await database.sql.query<{ name: string }>(
      `SELECT c.conrelid::regclass::text || '.' || a.attname AS name
         FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.confrelid <> 'companies'::regclass
          AND NOT EXISTS (
            SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]
               AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', a.attname)))
        ORDER BY 1`,
    );
    expect(unindexed.map((row) => row.name)).toEqual(UNINDEXED_FOREIGN_KEYS);
  });

  it("DM-10 gives every table a company but the ones named", async () => {
    const rows = await database.sql.query<{ name: string }>(
      `SELECT t.table_name AS name FROM information_schema.tables t
        WHERE t.table_schema = 'public' AND t.table_name <> '_prisma_migrations' AND NOT EXISTS (
          SELECT 1 FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name = t.table_name
             AND c.column_name = 'company_id' AND c.is_nullable = 'NO')
        ORDER BY 1`,
    );
    expect(rows.map((row) => row.name)).toEqual([
      "api_keys",
      "companies",
      "company_secret_versions", // by its secret (DM-76)
      "fleet_state",
      "idempotency_records", // a key that reaches every company has none (DM-84)
      "instance_settings",
      "workers",
    ]);
  });

  it("DM-84 has the one row of fleet_state, at the newest migration", async () => {
    const rows = await database.sql.query<{ key: string; version: string; newest: string }>(
      `SELECT singleton_key AS key, schema_version AS version,
              (SELECT max(migration_name) FROM _prisma_migrations) AS newest FROM fleet_state`,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.key).toBe("default");
    expect(rows[0]?.version).toBe(rows[0]?.newest);
  });
});
