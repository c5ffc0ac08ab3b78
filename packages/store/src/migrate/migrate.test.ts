/** Migrating real databases: many processes at once, histories that must be refused, processes killed in the middle. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase, waitFor } from "@wakefleet/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../database.js";
import { applyMigrations, MigrationRefusedError } from "./apply-migrations.js";
import { checkDrift, explainDrift } from "./check-drift.js";
import { createMigration } from "./create-migration.js";
import { DEFAULT_MIGRATIONS_DIR, DEFAULT_SCHEMA_FILE, readMigrationFiles } from "./migration-files.js";
import { judgeHistory, migrationStatus } from "./migration-status.js";

const run = promisify(execFile);
const script = (name: string): string => fileURLToPath(new URL(`../../../../scripts/${name}`, import.meta.url));

/** Things to undo after a test, last first. */
let cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

async function keep(database: TestDatabase): Promise<{ url: string; db: Database }> {
  cleanups.push(() => database.drop());
  const db = openDatabase({ url: database.url, maxConnections: 2 });
  cleanups.push(() => db.close());
  return { url: database.url, db };
}

/** A folder of migrations to play with: one table, and whatever is added. */
async function migrationsFolder(): Promise<{ dir: string; add: (name: string, sql: string) => Promise<void> }> {
  const dir = await mkdtemp(path.join(tmpdir(), "wakefleet-migrations-"));
  cleanups.push(() => rm(dir, { recursive: true }));
  const add = async (name: string, sql: string): Promise<void> => {
    await mkdir(path.join(dir, name), { recursive: true });
    await writeFile(path.join(dir, name, "migration.sql"), sql);
  };
  await cp(path.join(DEFAULT_MIGRATIONS_DIR, "migration_lock.toml"), path.join(dir, "migration_lock.toml"));
  await add("20260101000000_one", "CREATE TABLE one (id int);");
  return { dir, add };
}

async function tablesOf(db: Database): Promise<string[]> {
  const rows = await db.sql.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> '_prisma_migrations' ORDER BY 1",
  );
  return rows.map((row) => row.name);
}

describe("applying", () => {
  it("OP-6 three processes at once migrate an empty database once (check 1)", async () => {
    const { url, db } = await keep(await createEmptyTestDatabase());
    const outputs = await Promise.all(
      [1, 2, 3].map(async () => (await run(process.execPath, [script("migrate.mjs"), "--database-url", url])).stdout),
    );
    expect(outputs.filter((output) => output.includes("Nothing to apply."))).toHaveLength(2);
    const names = (await readMigrationFiles(DEFAULT_MIGRATIONS_DIR)).map((file) => file.name);
    const rows = await db.sql.query<{ name: string; done: boolean; logs: string | null }>(
      "SELECT migration_name AS name, finished_at IS NOT NULL AS done, logs FROM _prisma_migrations ORDER BY 1",
    );
    expect(rows).toEqual(names.map((name) => ({ name, done: true, logs: null })));
    expect(await migrationStatus(db.sql)).toEqual({ state: "current" });
  });

  it("OP-6 applies only what is new, in order", async () => {
    const { url, db } = await keep(await createEmptyTestDatabase());
    const { dir, add } = await migrationsFolder();
    expect(await applyMigrations({ databaseUrl: url, migrationsDir: dir })).toEqual({
      applied: ["20260101000000_one"],
    });
    await add("20260102000000_two", "CREATE TABLE two (id int);");
    await add("20260103000000_three", "ALTER TABLE two RENAME TO three;");
    const result = await applyMigrations({ databaseUrl: url, migrationsDir: dir });
    expect(result).toEqual({ applied: ["20260102000000_two", "20260103000000_three"] });
    expect(await tablesOf(db)).toEqual(["one", "three"]);
  });

  it("OP-6 refuses a changed migration, names it and applies nothing", async () => {
    const { url, db } = await keep(await createEmptyTestDatabase());
    const { dir, add } = await migrationsFolder();
    await applyMigrations({ databaseUrl: url, migrationsDir: dir });
    await add("20260101000000_one", "CREATE TABLE one (id bigint);");
    await add("20260102000000_two", "CREATE TABLE two (id int);");
    const refused = applyMigrations({ databaseUrl: url, migrationsDir: dir });
    await expect(refused).rejects.toThrow(
      /Migration 20260101000000_one was edited after it was applied\. Restore the file/,
    );
    await expect(refused).rejects.toBeInstanceOf(MigrationRefusedError);
    expect(await tablesOf(db)).toEqual(["one"]);
  });

  it("OP-6 refuses when a migration of the database is missing here, and names it", async () => {
    const { url } = await keep(await createEmptyTestDatabase());
    const { dir, add } = await migrationsFolder();
    await add("20260102000000_two", "CREATE TABLE two (id int);");
    await applyMigrations({ databaseUrl: url, migrationsDir: dir });
    await rm(path.join(dir, "20260102000000_two"), { recursive: true });
    await expect(applyMigrations({ databaseUrl: url, migrationsDir: dir })).rejects.toThrow(
      /The database has migration 20260102000000_two, which this version does not have/,
    );
  });

  it("a script that fails leaves nothing behind, is named, and is applied once it is mended", async () => {
    const { url, db } = await keep(await createEmptyTestDatabase());
    const { dir, add } = await migrationsFolder();
    await add("20260102000000_two", "CREATE TABLE two (id int);\nCREATE TABLE one (id int);");
    await expect(applyMigrations({ databaseUrl: url, migrationsDir: dir })).rejects.toThrow(
      /Migration 20260102000000_two failed and left nothing behind: .*"one" already exists/s,
    );
    expect(await tablesOf(db)).toEqual(["one"]);
    expect(await migrationStatus(db.sql, dir)).toEqual({ state: "unfinished", unfinished: ["20260102000000_two"] });
    await add("20260102000000_two", "CREATE TABLE two (id int);");
    expect(await applyMigrations({ databaseUrl: url, migrationsDir: dir })).toEqual({
      applied: ["20260102000000_two"],
    });
    expect(await tablesOf(db)).toEqual(["one", "two"]);
  });

  it("refuses a database that has tables of somebody else, and says what to do", async () => {
    const { url, db } = await keep(await createEmptyTestDatabase());
    const { dir } = await migrationsFolder();
    await db.sql.query("CREATE TABLE theirs (id int)");
    await expect(applyMigrations({ databaseUrl: url, migrationsDir: dir })).rejects.toThrow(
      /already has tables that Wakefleet did not make\. Give it a database of its own/,
    );
    expect(await tablesOf(db)).toEqual(["theirs"]);
  });

  it("says so when another process holds the lock for too long", async () => {
    const { url, db } = await keep(await createEmptyTestDatabase());
    const { dir } = await migrationsFolder();
    await db.transaction(async (tx) => {
      await tx.query("SELECT pg_advisory_xact_lock(2003527284)");
      await expect(applyMigrations({ databaseUrl: url, migrationsDir: dir, lockTimeoutMs: 50 })).rejects.toThrow(
        /Another process has been migrating this database/,
      );
    });
  });
});

describe("a process killed while its script runs", () => {
  const blocker = 4242;
  const slow = "20260102000000_slow";

  /** Starts a process that applies `dir`, and waits until its script stands in the middle, held up by a lock of ours. */
  async function startAndHold(url: string, dir: string, db: Database): Promise<ChildProcess> {
    const dist = new URL("../../dist/index.js", import.meta.url).href;
    const code = `const { applyMigrations } = await import(${JSON.stringify(dist)}); await applyMigrations(${JSON.stringify({ databaseUrl: url, migrationsDir: dir })});`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "ignore" });
    cleanups.push(async () => child.kill("SIGKILL"));
    await waitFor(
      async () => {
        const [row] = await db.sql.query<{ waiting: number }>(
          `SELECT count(*)::int AS waiting FROM pg_locks WHERE locktype = 'advisory' AND objid = ${blocker} AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        );
        return row?.waiting === 1;
      },
      { what: "the script to wait for our lock" },
    );
    return child;
  }

  async function killed(child: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  it("whose script then commits: the next process waits for it and notes it as applied", async () => {
    const { url, db } = await keep(await createEmptyTestDatabase());
    const { dir, add } = await migrationsFolder();
    await add(slow, `CREATE TABLE slow (id int); SELECT pg_advisory_xact_lock(${blocker});`);
    const lines: string[] = [];
    let next: Promise<{ applied: string[] }> | undefined;
    await db.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(${blocker})`);
      await killed(await startAndHold(url, dir, db));
      next = applyMigrations({ databaseUrl: url, migrationsDir: dir, onProgress: (line) => lines.push(line) });
      await waitFor(
        async () => {
          const [row] = await db.sql.query<{ waiting: number }>(
            "SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'wakefleet-migrate' AND wait_event = 'advisory'",
          );
          return row?.waiting === 2;
        },
        { what: "the next process to wait for the script" },
      );
    });
    expect(await next).toEqual({ applied: [] });
    expect(lines.join()).toContain(`Migration ${slow} had been applied by a process that died`);
    expect(await tablesOf(db)).toEqual(["one", "slow"]);
    expect(await migrationStatus(db.sql, dir)).toEqual({ state: "current" });
  });

  it("whose script is rolled back: the next process applies it again", async () => {
    const { url, db } = await keep(await createEmptyTestDatabase());
    const { dir, add } = await migrationsFolder();
    await add(slow, `CREATE TABLE slow (id int); SELECT pg_advisory_xact_lock(${blocker});`);
    await db.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(${blocker})`);
      await killed(await startAndHold(url, dir, db));
      await tx.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'wakefleet-migrate'",
      );
    });
    expect(await applyMigrations({ databaseUrl: url, migrationsDir: dir })).toEqual({ applied: [slow] });
    expect(await tablesOf(db)).toEqual(["one", "slow"]);
    expect(await migrationStatus(db.sql, dir)).toEqual({ state: "current" });
  });
});

describe("where a database stands", () => {
  const files = [
    { name: "1_a", checksum: "a" },
    { name: "2_b", checksum: "b" },
  ];
  const row = (name: string, checksum: string, finished = true) => ({ name, checksum, finished });

  it.each([
    ["an empty database", [], { state: "pending", pending: ["1_a", "2_b"] }],
    ["one behind", [row("1_a", "a")], { state: "pending", pending: ["2_b"] }],
    ["all applied", [row("1_a", "a"), row("2_b", "b")], { state: "current" }],
    [
      "one more than we know",
      [row("1_a", "a"), row("2_b", "b"), row("3_c", "c")],
      { state: "newer", unknown: ["3_c"] },
    ],
    ["one edited", [row("1_a", "x"), row("2_b", "b")], { state: "changed", changed: ["1_a"] }],
    ["one edited and one unknown", [row("1_a", "x"), row("3_c", "c")], { state: "changed", changed: ["1_a"] }],
    ["one begun", [row("1_a", "a"), row("2_b", "b", false)], { state: "unfinished", unfinished: ["2_b"] }],
    [
      "one begun and edited since",
      [row("1_a", "a"), row("2_b", "x", false)],
      { state: "unfinished", unfinished: ["2_b"] },
    ],
  ])("API-275 %s", (_, applied, expected) => {
    expect(judgeHistory(files, applied)).toEqual(expected);
  });

  it("API-275 a URL is enough, and a database without history is pending", async () => {
    const { url } = await keep(await createEmptyTestDatabase());
    const { dir } = await migrationsFolder();
    expect(await migrationStatus(url, dir)).toEqual({ state: "pending", pending: ["20260101000000_one"] });
  });
});

describe("drift", () => {
  let url: string;
  let db: Database;

  beforeEach(async () => {
    ({ url, db } = await keep(await createTestDatabase()));
  });

  it("DM-12 schema.prisma, the migrations and a fresh database agree", async () => {
    const report = await checkDrift({ databaseUrl: url });
    expect(explainDrift(report)).toEqual([]);
    expect(report.clean).toBe(true);
  });

  it("DM-12 a partial index dropped by hand is reported by name, with a non-zero exit (check 2)", async () => {
    await db.sql.query("DROP INDEX heartbeat_runs_undispatched_idx");
    const failed = await run(process.execPath, [script("drift.mjs"), "--database-url", url]).then(
      () => null,
      (error: { code: number; stdout: string }) => error,
    );
    expect(failed?.code).toBe(1);
    expect(failed?.stdout).toContain(
      "index heartbeat_runs.heartbeat_runs_undispatched_idx is missing from the database.",
    );
  });

  it("DM-12 every kind of change by hand is reported by name", async () => {
    await db.pool.query(`
      ALTER TABLE heartbeat_runs DROP CONSTRAINT "HeartbeatRunStatus";
      ALTER TABLE workers ADD COLUMN zone text;
      ALTER TABLE companies ALTER COLUMN name DROP NOT NULL;
      ALTER TABLE heartbeat_runs DISABLE TRIGGER heartbeat_runs_slot_within_limit_update;
      ALTER TABLE heartbeat_runs RESET (fillfactor);
      CREATE TABLE notes (id int);
      DROP INDEX heartbeat_runs_lock_issue_uq;
      CREATE UNIQUE INDEX heartbeat_runs_lock_issue_uq ON heartbeat_runs (lock_issue_id) WHERE status = 'running';`);
    const report = await checkDrift({ databaseUrl: url });
    expect(
      report.databaseAgainstMigrations.map(({ kind, name, problem }) => `${kind} ${name} ${problem}`).sort(),
    ).toEqual([
      "column companies.name different",
      "column notes.id extra",
      "column workers.zone extra",
      "constraint heartbeat_runs.HeartbeatRunStatus missing",
      "index heartbeat_runs.heartbeat_runs_lock_issue_uq different",
      "storage heartbeat_runs missing",
      "table notes extra",
      "trigger heartbeat_runs.heartbeat_runs_slot_within_limit_update different",
    ]);
  });

  it("DM-12 a user who may not create databases is told so", async () => {
    const role = `wf_reader_${randomBytes(4).toString("hex")}`;
    const password = randomBytes(8).toString("hex");
    await db.pool.query(
      `CREATE ROLE ${role} LOGIN PASSWORD '${password}'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`,
    );
    cleanups.push(() => db.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
    const asReader = new URL(url);
    asReader.username = role;
    asReader.password = password;
    await expect(checkDrift({ databaseUrl: asReader.href })).rejects.toThrow(/may not create databases.*CREATEDB/);
  });

  it("DM-12 a schema that is ahead of the migrations is reported, and the next migration mends it", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "wakefleet-schema-"));
    cleanups.push(() => rm(folder, { recursive: true }));
    const migrationsDir = path.join(folder, "migrations");
    const schemaFile = path.join(folder, "schema.prisma");
    await cp(DEFAULT_MIGRATIONS_DIR, migrationsDir, { recursive: true });
    const schema = await readFile(DEFAULT_SCHEMA_FILE, "utf8");
    await writeFile(schemaFile, schema.replace("model Worker {", "model Worker {\n  zone String?\n"));
    const options = { databaseUrl: url, migrationsDir, schemaFile };

    const before = await checkDrift(options);
    expect(before.clean).toBe(false);
    expect(before.schemaAgainstMigrations).toContain('ALTER TABLE "workers" ADD COLUMN');

    const made = await createMigration({ ...options, name: "add_zone", now: new Date("2027-01-02T03:04:05Z") });
    expect(made?.name).toBe("20270102030405_add_zone");
    const sql = await readFile(made!.file, "utf8");
    expect(sql).toContain('ALTER TABLE "workers" ADD COLUMN');
    expect(sql).not.toMatch(/DROP/);
    expect(await createMigration({ ...options, name: "again", now: new Date() })).toBeNull();

    expect(await applyMigrations(options)).toEqual({ applied: ["20270102030405_add_zone"] });
    expect(explainDrift(await checkDrift(options))).toEqual([]);
    const [fleet] = await db.sql.query<{ version: string }>("SELECT schema_version AS version FROM fleet_state");
    expect(fleet?.version).toBe("20270102030405_add_zone");
  });
});
