/**
 * Prisma's client over the pool that `database.ts` opened: one bounded pool a process, whoever asks.
 *
 * What must stay true: the client never ends the pool; closing it is the owner's, through `Database.close()`. It is an entry
 * of its own (`@wakefleet/store/prisma`): the generated client costs a process 15 MB, and those that need none load none.
 */
import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import { PrismaClient } from "./generated/client.js";

export type { PrismaClient };

/**
 * Opens Prisma's client on a pool.
 * For plain reads and writes away from the hot paths; those are SQL (docs/decisions/0002).
 */
export function openPrisma(pool: pg.Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: false }) });
}
