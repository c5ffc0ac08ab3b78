/** What tests share: real stores, databases of their own, waiting for conditions. Product code never imports it. */
export { DATABASE_URL_VARIABLE, REDIS_URL_VARIABLE, testDatabaseServerUrl, testRedisUrl } from "./environment.js";
export { createEmptyTestDatabase, createTestDatabase, ensureTemplate, type TestDatabase } from "./test-database.js";
export { testRedisPrefix } from "./test-redis.js";
export { type WaitForOptions, waitFor } from "./wait-for.js";
