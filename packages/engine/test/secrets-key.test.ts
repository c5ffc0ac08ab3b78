/** The fleet's key (SC-14, SC-15) and the change from one to the next, on a real database of its own for each case. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, openDatabase } from "@wakefleet/store";
import { aCompany, createTestDatabase, insertRow, type TestDatabase } from "@wakefleet/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rotateSecretsKey } from "../src/secrets/rotate-secrets-key.js";
import { openValue, type SecretsKeyring, sealValue, secretsKeyring } from "../src/secrets/sealed-value.js";
import { checkSecretsKey, createSecretsAccess, type SecretsSettings } from "../src/secrets/secrets-access.js";

const OLD = "1".repeat(64);
const NEW = "2".repeat(64);
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

let database: TestDatabase;
let db: Database;
let folder: string;
beforeEach(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, maxConnections: 6 });
  folder = mkdtempSync(join(tmpdir(), "wakefleet-key-"));
});
afterEach(async () => {
  await db.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** A process with these settings, on a host of this name. */
function aProcess(settings: Partial<SecretsSettings> & { host?: string } = {}) {
  const { host = "host", ...rest } = settings;
  const secretsKeyFile = join(folder, host, "secrets", "master.key");
  const all = { secretsKey: null, secretsPreviousKeys: [], secretsKeyFile, ...rest };
  const access = createSecretsAccess({ db, settings: all });
  return { secretsKeyFile, access, start: () => checkSecretsKey({ access, db }) };
}

async function keepSecret(keyring: SecretsKeyring, values: readonly string[] = ["a value"]): Promise<string> {
  const companyId = await aCompany(db.sql);
  const secretId = await insertRow(db.sql, "company_secrets", { companyId, name: "s", latestVersion: values.length });
  for (const [index, value] of values.entries()) {
    const version = index + 1;
    const { material, valueHash: valueSha256 } = sealValue(keyring, { secretId, version, value });
    await insertRow(db.sql, "company_secret_versions", { secretId, version, material, valueSha256 });
  }
  return secretId;
}

async function openAll(keyring: SecretsKeyring, secretId: string): Promise<string[]> {
  const rows = await db.sql.query<{ version: number; material: unknown }>(
    "SELECT version, material FROM company_secret_versions WHERE secret_id = $1 ORDER BY version",
    [secretId],
  );
  return rows.map((row) => openValue(keyring, { secretId, ...row }));
}

describe("SC-14, SC-15 the fleet's key", () => {
  it("SC-14, SC-15 the first start of an empty installation makes one, for its user alone; the next one finds it", async () => {
    const first = aProcess();
    expect(await first.start()).toBe(true);
    expect(statSync(first.secretsKeyFile).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(first.secretsKeyFile, "utf8").trim(), "base64")).toHaveLength(32);
    const second = aProcess();
    expect(await second.start()).toBe(true);
    expect((await second.access.keyring()).current.id).toBe((await first.access.keyring()).current.id);
  });

  it("SC-15 of many that start at once one makes it and all have the same", async () => {
    const processes = Array.from({ length: 8 }, () => aProcess());
    await Promise.all(processes.map((one) => one.start()));
    const ids = await Promise.all(processes.map(async (one) => (await one.access.keyring()).current.id));
    expect(new Set(ids).size).toBe(1);
  });

  it("SC-15 another host makes no second key: it starts without one while there are no secrets, and not with them", async () => {
    const first = aProcess({ host: "a" });
    await first.start();
    const other = aProcess({ host: "b" });
    expect(await other.start()).toBe(false);
    await expect(other.access.keyring()).rejects.toThrow(
      /this process has none\. Set SECRETS_KEY, or put the key into/,
    );
    await keepSecret(await first.access.keyring());
    await expect(other.start()).rejects.toThrow(/this process has none/);
  });

  it("SC-15 a key that is given later to such a host is taken without a restart", async () => {
    const first = aProcess({ host: "a" });
    await first.start();
    const other = aProcess({ host: "a/b" });
    expect(await other.start()).toBe(false);
    mkdirSync(join(folder, "a/b/secrets"), { recursive: true });
    writeFileSync(other.secretsKeyFile, readFileSync(first.secretsKeyFile));
    expect((await other.access.keyring()).current.id).toBe((await first.access.keyring()).current.id);
  });

  it("SC-15 check 56: another SECRETS_KEY is refused, and why, without showing a key", async () => {
    await aProcess({ secretsKey: OLD }).start();
    const refused = aProcess({ secretsKey: NEW }).start();
    await expect(refused).rejects.toThrow(/encrypted with another key than SECRETS_KEY/);
    await expect(refused).rejects.not.toThrow(new RegExp(`${NEW}|${OLD}`));
  });

  it("SC-14 a file that holds no key is named", async () => {
    const file = join(folder, "not-a-key");
    writeFileSync(file, "hello\n");
    await expect(aProcess({ secretsKeyFile: file }).start()).rejects.toThrow(
      `The key file ${file} (WAKEFLEET_SECRETS_MASTER_KEY_FILE) holds no key.`,
    );
  });

  it("SC-14 SECRETS_KEY comes before the file", async () => {
    const file = join(folder, "key");
    writeFileSync(file, OLD);
    const one = aProcess({ secretsKey: NEW, secretsKeyFile: file });
    await one.start();
    expect((await one.access.keyring()).current.id).toBe(secretsKeyring(bytes(NEW)).current.id);
  });
});

describe("SC-13 from one key to the next", () => {
  const noFaults = { hit: async (): Promise<void> => undefined };
  const values = Array.from({ length: 7 }, (_, index) => `value ${index}`);
  const both = secretsKeyring(bytes(NEW), [bytes(OLD)]);

  it("SC-13 stopped after any batch, every version opens with both keys; going on ends it; then the old key is of no use", async () => {
    await aProcess({ secretsKey: OLD }).start();
    const secretId = await keepSecret(secretsKeyring(bytes(OLD)), values);
    for (let stops = 0; ; stops += 1) {
      const faults = {
        hit: async (): Promise<void> => {
          throw new Error("stopped here");
        },
      };
      const stopped = await rotateSecretsKey({ db, keyring: both, faults, batch: 2 }).catch((error: Error) => error);
      expect(await openAll(both, secretId)).toEqual(values);
      if (!(stopped instanceof Error)) break;
      // Half way the fleet's key is still the old one: whoever has both may start, whoever has the new one alone may not.
      expect(await aProcess({ secretsKey: NEW, secretsPreviousKeys: [OLD] }).start()).toBe(true);
      await expect(aProcess({ secretsKey: NEW }).start()).rejects.toThrow(/another key/);
      expect(stops).toBeLessThan(10);
    }
    expect(await openAll(secretsKeyring(bytes(NEW)), secretId)).toEqual(values);
    expect(await aProcess({ secretsKey: NEW }).start()).toBe(true);
    await expect(aProcess({ secretsKey: OLD }).start()).rejects.toThrow(/another key/);
  });

  it("SC-13 run twice at once it does everything once", async () => {
    await aProcess({ secretsKey: OLD }).start();
    const secretId = await keepSecret(secretsKeyring(bytes(OLD)), values);
    const counts = await Promise.all(
      [1, 2, 3].map(() => rotateSecretsKey({ db, keyring: both, faults: noFaults, batch: 2 })),
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
    expect(await openAll(secretsKeyring(bytes(NEW)), secretId)).toEqual(values);
  });
});
