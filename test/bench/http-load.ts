/**
 * Clients that post JSON as fast as they are answered, in a process of their own: each keeps one connection and posts
 * its next wake when the last was answered. Told by its parent what to post; answers how many were accepted.
 */
import { Client } from "undici";

/** What the parent sends. */
export interface LoadOrder {
  readonly url: string;
  readonly key: string;
  /** Connections, each with one post under way. */
  readonly clients: number;
  readonly forMs: number;
  /** Posts before the clock starts. */
  readonly warmUp: number;
  /** Path and payload of the posts, in turn. */
  readonly targets: readonly { readonly path: string; readonly payload: object }[];
  /** Adds a `taskKey` of its own to each payload, so that each becomes a run. */
  readonly ownTask: boolean;
}

/** What the parent gets back. */
export interface LoadResult {
  readonly accepted: number;
  readonly seconds: number;
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const { origin } = new URL(order.url);
  const headers = { "content-type": "application/json", authorization: `Bearer ${order.key}` };
  let posted = 0;
  let accepted = 0;
  let endAt = Number.POSITIVE_INFINITY;
  async function post(client: Client): Promise<void> {
    const number = posted++;
    const { path, payload } = order.targets[number % order.targets.length] ?? { path: "/", payload: {} };
    const body = JSON.stringify({ payload: order.ownTask ? { ...payload, taskKey: `load-${number}` } : payload });
    const answer = await client.request({ path, method: "POST", headers, body });
    const text = await answer.body.text();
    if (answer.statusCode !== 202) throw new Error(`a post was answered ${answer.statusCode}: ${text}`);
    accepted += 1;
  }
  const clients = Array.from({ length: order.clients }, () => new Client(origin));
  await Promise.all(
    clients.map(async (client) => {
      while (posted < order.warmUp) await post(client);
    }),
  );
  accepted = 0;
  const startedAt = performance.now();
  endAt = startedAt + order.forMs;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < endAt) await post(client);
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  await Promise.all(clients.map((client) => client.close()));
  return { accepted, seconds };
}

process.on("message", (order: LoadOrder) => {
  load(order).then(
    (result) => process.send?.(result, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
