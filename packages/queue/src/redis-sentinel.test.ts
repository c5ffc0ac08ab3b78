/** A Redis that Sentinels look after (OP-12): the client finds it, and its successor when it is gone. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort, findRedisServer, type LocalRedis, startRedis } from "@wakefleet/local-stores";
import { waitFor } from "@wakefleet/testkit";
import { expect, it } from "vitest";
import { atEnd } from "../test/support.js";
import { silentLog } from "./log.js";
import { closeRedis, connectBeside, connectRedis, type Redis, waitUntilReady } from "./redis.js";

const PASSWORD = "a-password-of-both";
/** Ends with whoever started it, since its stdin does. */
const GUARDED = '"$1" "$2" --sentinel & server=$!; cat >/dev/null; kill "$server"';

async function startServer(folder: string, name: string, settings: readonly string[]): Promise<LocalRedis> {
  const dir = join(folder, name);
  mkdirSync(dir);
  writeFileSync(join(dir, "password"), PASSWORD, { mode: 0o600 });
  const server = await startRedis({ dir, settings: [`masterauth ${PASSWORD}`, ...settings] });
  atEnd(() => server.stop("crash"));
  return server;
}

async function startSentinel(folder: string, masterPort: number): Promise<number> {
  const port = await findFreePort();
  const file = join(folder, "sentinel.conf");
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${JSON.stringify(folder)}`,
    `sentinel monitor fleet 127.0.0.1 ${masterPort} 1`,
    `sentinel auth-pass fleet ${PASSWORD}`,
    "sentinel down-after-milliseconds fleet 500",
    "sentinel failover-timeout fleet 3000",
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  const args = ["-c", GUARDED, "sentinel", findRedisServer() ?? "redis-server", file];
  const sentinel: ChildProcess = spawn("/bin/sh", args, { stdio: ["pipe", "ignore", "ignore"] });
  atEnd(async () => {
    const ended = new Promise((resolve) => sentinel.once("exit", resolve));
    sentinel.stdin?.end();
    await ended;
  });
  return port;
}

async function answersFrom(redis: Redis): Promise<number> {
  return Number(/^tcp_port:(\d+)/m.exec(await redis.info("server"))?.[1]);
}

it("OP-12, RL-5 the server is found through a Sentinel, and its replica once it has taken over", async () => {
  const folder = mkdtempSync(join(tmpdir(), "wakefleet-sentinel-"));
  atEnd(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const master = await startServer(folder, "master", []);
  const replica = await startServer(folder, "replica", [`replicaof 127.0.0.1 ${master.port}`]);
  const port = await startSentinel(folder, master.port);
  const url = `redis+sentinel://:${PASSWORD}@127.0.0.1:${port}/fleet`;
  const redis = connectRedis({ url, name: "test", log: silentLog });
  atEnd(() => closeRedis(redis));
  await waitUntilReady(redis, 20_000);
  const beside = connectBeside(redis, { name: "test:beside", log: silentLog });
  atEnd(() => closeRedis(beside));
  await waitUntilReady(beside, 20_000);
  expect([await answersFrom(redis), await answersFrom(beside)]).toEqual([master.port, master.port]);

  await redis.set("kept", "1");
  // The Sentinel has to know of the replica, and the replica of the key.
  await waitFor(async () => (await redis.info("replication")).includes("state=online"), { what: "the replica" });
  await redis.wait(1, 5_000);
  await waitFor(async () => (await sentinelKnowsReplica(port)) === true, {
    what: "the Sentinel to know it",
    deadlineMs: 30_000,
  });
  await master.stop("crash");
  await waitFor(async () => (await answersFrom(redis)) === replica.port && (await redis.get("kept")) === "1", {
    what: "the replica to serve",
    deadlineMs: 30_000,
  });
  await waitFor(async () => (await beside.set("more", "1")) === "OK", {
    what: "it to take writes",
    deadlineMs: 10_000,
  });
}, 120_000);

async function sentinelKnowsReplica(port: number): Promise<boolean> {
  const sentinel = connectRedis({ url: `redis://127.0.0.1:${port}`, name: "test:sentinel", log: silentLog });
  try {
    await waitUntilReady(sentinel, 5_000);
    const replicas = await sentinel.call("SENTINEL", "REPLICAS", "fleet");
    return Array.isArray(replicas) && replicas.length === 1;
  } finally {
    await closeRedis(sentinel);
  }
}
