/**
 * A real Redis Cluster on loopback for tests: masters without replicas, each with an equal share of the slots, one password
 * for all. Its data is on disk and survives a restart of a node, unless that is emptied.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findFreePort, type LocalRedis, removeRedisData, startRedis } from "@wakefleet/local-stores";
import { Redis } from "ioredis";
import { waitFor } from "./wait-for.js";

const SLOTS = 16_384;
const PASSWORD = "a-password-of-a-cluster-for-tests";
const JOIN_DEADLINE_MS = 30_000;

export interface TestCluster {
  /** `redis+cluster://`, with all nodes and the password. */
  readonly url: string;
  /** Number of masters. */
  readonly size: number;
  stopNode(index: number, mode?: "save" | "crash"): Promise<void>;
  /** On its old port with its old slots. `empty` throws its keys away first. */
  startNode(index: number, options?: { readonly empty?: boolean }): Promise<void>;
  /** A connection to one node; the caller closes it. */
  connectNode(index: number): Redis;
  stop(): Promise<void>;
}

interface Node {
  readonly dir: string;
  readonly port: number;
  readonly settings: readonly string[];
  server: LocalRedis;
}

/** Starts a Cluster whose nodes lie in folders below `dir`; settles when all its slots are served. */
export async function startTestCluster(options: {
  readonly dir: string;
  readonly masters?: number;
}): Promise<TestCluster> {
  const size = options.masters ?? 3;
  const nodes: Node[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(({ server }) => server.stop("crash")));
  };
  const connectNode = (index: number): Redis =>
    new Redis({ host: "127.0.0.1", port: nodeAt(nodes, index).port, password: PASSWORD });
  try {
    for (let index = 0; index < size; index += 1) nodes.push(await startNode(join(options.dir, `node-${index}`)));
    await joinUp(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis+cluster://:${PASSWORD}@${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    size,
    stopNode: (index, mode = "save") => nodeAt(nodes, index).server.stop(mode),
    async startNode(index, { empty = false } = {}) {
      const node = nodeAt(nodes, index);
      if (empty) removeRedisData(node.dir);
      node.server = await startRedis(node);
    },
    connectNode,
    stop,
  };
}

async function startNode(dir: string): Promise<Node> {
  mkdirSync(dir, { recursive: true });
  // The local store's own file: all nodes have one password.
  writeFileSync(join(dir, "password"), PASSWORD, { mode: 0o600 });
  const [port, busPort] = [await findFreePort(), await findFreePort()];
  const settings = [
    "cluster-enabled yes",
    `cluster-port ${busPort}`,
    "cluster-config-file nodes.conf",
    "cluster-node-timeout 3000",
  ];
  return { dir, port, settings, server: await startRedis({ dir, port, settings }) };
}

/** Shares the slots out, makes the nodes known to each other, and waits until each says that the whole is well. */
async function joinUp(nodes: readonly Node[]): Promise<void> {
  const clients = nodes.map(({ port }) => new Redis({ host: "127.0.0.1", port, password: PASSWORD }));
  try {
    const share = SLOTS / nodes.length;
    for (const [index, client] of clients.entries()) {
      const [first, last] = [Math.round(index * share), Math.round((index + 1) * share) - 1];
      await client.cluster("ADDSLOTSRANGE", first, last);
      // A number of its own each, so that no two have to settle which is newer.
      await client.cluster("SET-CONFIG-EPOCH", index + 1);
    }
    for (const { port, settings } of nodes) {
      const busPort = Number(settings[1]?.split(" ")[1]);
      await clients[0]?.call("CLUSTER", "MEET", "127.0.0.1", String(port), String(busPort));
    }
    const isWhole = async (client: Redis): Promise<boolean> => {
      const info = String(await client.cluster("INFO"));
      return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${nodes.length}\r`);
    };
    await waitFor(async () => (await Promise.all(clients.map(isWhole))).every(Boolean), {
      what: "the nodes to be one cluster",
      deadlineMs: JOIN_DEADLINE_MS,
    });
  } finally {
    for (const client of clients) client.disconnect();
  }
}

function nodeAt(nodes: readonly Node[], index: number): Node {
  const node = nodes[index];
  if (node === undefined) throw new Error(`the cluster has no node ${index}`);
  return node;
}
