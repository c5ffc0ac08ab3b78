/**
 * The two stores of a fleet: those the configuration names, else private ones in the data folder (OP-3, OP-4), which are
 * started again when they die.
 */
import { setTimeout as delay } from "node:timers/promises";
import { startPostgres, startRedis } from "@wakefleet/local-stores";
import { backoffMs } from "./backoff.js";
import type { DataFolder } from "./data-folder.js";

export interface Stores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Ends what was started here; stores that were given are left alone (OP-5). */
  stop(): Promise<void>;
}

export interface StartStoresOptions {
  readonly folder: DataFolder;
  /** `DATABASE_URL` and `REDIS_URL`; null for a private store. */
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
  readonly restart: boolean;
  readonly say: (line: string) => void;
}

interface Store {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts what is not given, both at once. When one fails the other is stopped again. */
export async function startStores(options: StartStoresOptions): Promise<Stores> {
  const { folder, say } = options;
  const results = await Promise.allSettled([
    options.databaseUrl === null
      ? keepRunning("PostgreSQL", options, (port) => {
          return startPostgres({
            dataDir: folder.postgres,
            database: "wakefleet",
            onProgress: say,
            ...(port === null ? {} : { port }),
          });
        })
      : given(options.databaseUrl),
    options.redisUrl === null
      ? keepRunning("Redis", options, (port) =>
          startRedis({ dir: folder.redis, onProgress: say, ...(port === null ? {} : { port }) }),
        )
      : given(options.redisUrl),
  ]);
  const started = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((store) => store.stop()));
  };
  const failed = results.find((result) => result.status === "rejected");
  const [database, redis] = started;
  if (failed !== undefined || database === undefined || redis === undefined) {
    await stop();
    throw failed?.reason;
  }
  return { databaseUrl: database.url, redisUrl: redis.url, stop };
}

async function given(url: string): Promise<Store> {
  return { url, stop: async () => undefined };
}

interface LocalStore extends Store {
  readonly port: number;
  readonly exited: Promise<number>;
}

/** Starts a private store and starts it again, on the same port, when it dies. */
async function keepRunning(
  name: string,
  { restart, say }: Pick<StartStoresOptions, "restart" | "say">,
  start: (port: number | null) => Promise<LocalStore>,
): Promise<Store> {
  let current = await start(null);
  const { url, port } = current;
  const stopping = new AbortController();
  const watch = async (): Promise<void> => {
    for (let deaths = 0; ; deaths++) {
      const code = await current.exited;
      if (stopping.signal.aborted) return;
      const waitMs = backoffMs(deaths);
      say(
        `${name} ended unexpectedly (exit code ${code}). ${restart ? `Restarting in ${waitMs / 1_000} s.` : "It is not restarted (--no-restart)."}`,
      );
      if (!restart) return;
      await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        current = await start(port);
        say(`${name} is back.`);
        deaths = 0;
      } catch (error) {
        say(`${name} did not start: ${(error as Error).message}`);
      }
    }
  };
  const watched = watch();
  return {
    url,
    async stop(): Promise<void> {
      stopping.abort();
      await current.stop();
      await watched;
      // A restart that was under way when the wish to stop came.
      await current.stop();
    },
  };
}
