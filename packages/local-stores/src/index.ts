/**
 * Private PostgreSQL and Redis servers for a data folder: what `demo`, `up` and the tests run on when no store is given.
 */
export { findFreePort, isPortFree } from "./free-port.js";
export { type LocalPostgres, removePostgresData, type StartPostgresOptions, startPostgres } from "./postgres.js";
export { type LocalRedis, removeRedisData, type StartRedisOptions, startRedis } from "./redis.js";
export { ensureRedisServer, findRedisServer } from "./redis-server.js";
export { readOrCreateSecret, writeFileAtomically } from "./state-files.js";
