/** What keeps a worker from starting: a key for secrets that is not the fleet's, and a Redis that may drop jobs. */
import { checkSecretsKey, type createSecretsAccess, type Log } from "@wakefleet/engine";
import { assertRedisPolicy, type connectRedis, waitUntilReady } from "@wakefleet/queue";
import type { Database } from "@wakefleet/store";

const REDIS_FIRST_WAIT_MS = 5_000;

/**
 * SC-15. Throws, with the database closed, when the key is not the one that the fleet's secrets are encrypted with; a worker
 * without any key is only warned about.
 */
export async function refuseForeignKey(worker: {
  readonly secrets: ReturnType<typeof createSecretsAccess>;
  readonly db: Database;
  readonly log: Log;
}): Promise<void> {
  const { secrets, db, log } = worker;
  try {
    if (await checkSecretsKey({ access: secrets, db })) return;
    log.warn(
      { event: "secrets.no_key" },
      "this worker has no key for secrets (SECRETS_KEY); runs that need one will fail",
    );
  } catch (error) {
    await db.close();
    throw error;
  }
}

/**
 * A Redis that is away at the start is waited for a little, then served when it comes. Throws when its eviction policy may
 * drop jobs.
 */
export async function refuseEvictingRedis(redis: ReturnType<typeof connectRedis>, log: Log): Promise<void> {
  try {
    await waitUntilReady(redis, REDIS_FIRST_WAIT_MS);
  } catch (error) {
    log.warn({ event: "redis.away", err: error }, "Redis is away; the worker serves when it comes");
    return;
  }
  await assertRedisPolicy(redis);
}
